import { openNote, type Verifier, verifierFromVkey } from '../../checkpoint/index.js'

/*
 * A log that joined a ledger says so in entries of type `ledger_joined`:
 *
 *   data  { ledger, log, vkey, statement? }
 *
 * `statement` is a note that a key of log 0 signed, since log 0's key is the ledger's. Its text:
 *
 *   spanledger.dev/ledger-log
 *   <origin of log 0>
 *   <number of the log>
 *   <vkey of the log>
 *
 * Each that verifies is a certificate for its vkey, wherever it stands and however often. One without a statement was
 * recorded while the key of the ledger was not at hand, and certifies nothing.
 */

const HEADER = 'spanledger.dev/ledger-log'
/** Statements of one log that are verified. A log has one for each key that it had, and for each of the ledger's. */
const MAX_VERIFIED = 10_000

/** A certificate of the ledger for the key of a log. */
export interface Joining {
  readonly number: number
  readonly vkey: string
}

/** Gathers the certificates in the entries of one log, in bounded memory. */
export class Joinings {
  readonly #keys: readonly Verifier[]
  readonly #origin: string | undefined
  readonly #valid = new Map<string, Joining>()
  #stated = 0
  #reason: string | undefined

  /**
   * @param keys - of the ledger
   * @param origin - of the log: a certificate of another one's key is none of its own
   */
  constructor(keys: readonly Verifier[], origin: string | undefined) {
    this.#keys = keys
    this.#origin = origin
  }

  /** The certificates that a key of the ledger signed, each once. */
  get valid(): readonly Joining[] {
    return [...this.#valid.values()]
  }

  /** True when the log states that it joined a ledger. */
  get isStated(): boolean {
    return this.#stated > 0
  }

  /** The reason why the first statement that certifies nothing does not. */
  get reason(): string | undefined {
    return this.#reason
  }

  /** Takes the next `ledger_joined` of the log. @param data - of the event */
  add(data: unknown): void {
    if (this.#stated++ >= MAX_VERIFIED) return
    const joining = openJoining(data, this.#keys, this.#origin)
    if (typeof joining === 'string') this.#reason ??= joining
    else this.#valid.set(`${joining.number} ${joining.vkey}`, joining)
  }
}

/**
 * Attacker-controlled: the data of any entry. Only the text of a note that a key of the ledger signed counts.
 *
 * @returns the reason where it is no certificate
 */
function openJoining(data: unknown, keys: readonly Verifier[], origin: string | undefined): Joining | string {
  const { statement } = (data ?? {}) as { readonly statement?: unknown }
  if (typeof statement !== 'string') return 'no key of the ledger signed that'
  let name: string
  let lines: readonly string[]
  try {
    lines = openNote(statement, keys).text.split('\n')
    name = verifierFromVkey(lines[3] ?? '').name
  } catch (error) {
    return (error as Error).message
  }
  const [header, ledger, number = '', vkey = '', ...rest] = lines
  if (header !== HEADER || !/^\d{1,9}$/.test(number) || rest.join('\n') !== '') {
    return 'what the key of the ledger signed is something else'
  }
  if (!keys.some((key) => key.name === ledger)) return `it joined the ledger '${ledger}'`
  if (name !== origin) return `the key that it names is of the log '${name}'`
  return { number: Number(number), vkey }
}
