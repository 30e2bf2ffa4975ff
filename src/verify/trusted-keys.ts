import { openNote, parseNote, type Verifier, verifierFromVkey } from '../checkpoint/index.js'
import { addSpan } from './findings.js'
import type { SeqSpan } from './report.js'
import type { StatementEntry } from './statements.js'

/** The first line of the text that a key signs to hand over to the next. */
const KEY_CHANGE_HEADER = 'spanledger.dev/signing-key-changed'

/** A checkpoint as far as its signatures go. */
export interface SignedSize {
  /** A signed note. */
  readonly note: string
  readonly size: bigint
}

/** A key that signs the log's checkpoints at a position, and from where on. */
interface CurrentKey {
  readonly verifier: Verifier
  /** The size behind which it signs checkpoints. */
  readonly after: number
}

/** Changes of keys that the trusted ones do not vouch for. */
export interface UnprovenChanges {
  count: number
  /** The reason why the first of them is not proved. */
  reason: string
  readonly spans: SeqSpan[]
}

/** Keys of a chain that are kept beside those which signed a checkpoint: more changes than a log has in its life. */
const MAX_CHAIN = 10_000

/** The trusted key that signed a note, or the reason why none did. */
export type Signed =
  | { readonly by: string }
  | {
      readonly by: undefined
      readonly reason: string
      readonly isWrong: boolean
      /** The key that signed it is the one from which, as the log says, a trusted one took over later. */
      readonly isByKeyBefore: boolean
    }

/**
 * The keys that may sign a log's checkpoints: those that are trusted from outside, and those to which they handed over in
 * the log, each from its entry on. It keeps what it needs for the checkpoints that are to be judged, however often the
 * keys changed.
 */
export class TrustedKeys {
  readonly unproven: UnprovenChanges = { count: 0, reason: '', spans: [] }
  /** The keys that are trusted from outside. */
  readonly #known: Verifier[]
  readonly #origin: string
  readonly #checkpoints: readonly { readonly size: bigint; readonly signers: ReadonlySet<string> }[]
  /** Every key that was trusted at some size, up to {@link MAX_CHAIN}. */
  readonly #chain: Verifier[]
  #current: readonly CurrentKey[]
  /** Keys that are not trusted, and the positions from which on trusted ones sign in their place. */
  readonly #before: { readonly from: string; readonly upTo: number }[] = []
  /** Keys that signed one of the checkpoints and were trusted at some size, by their names. */
  readonly #signers = new Map<string, Verifier>()
  /** The sizes at which each of these was the log's key, as far as there are checkpoints of them. */
  readonly #valid = new Set<string>()

  /** @throws AuditLogError `AUDIT_KEY_INVALID` */
  constructor(vkeys: readonly string[], origin: string, checkpoints: readonly SignedSize[]) {
    this.#known = vkeys.map(verifierFromVkey)
    this.#origin = origin
    this.#checkpoints = checkpoints.map(({ note, size }) => {
      return { size, signers: new Set(parseNote(note).signatures.map(nameOf)) }
    })
    this.#current = this.#known.map((verifier) => ({ verifier, after: -1 }))
    this.#chain = [...this.#known]
  }

  /** The keys that are trusted from outside, and those to which they handed over. */
  get chain(): readonly Verifier[] {
    return this.#chain
  }

  /**
   * Trusts further keys, as those given to the constructor.
   *
   * @throws AuditLogError `AUDIT_KEY_INVALID`
   */
  trust(vkeys: readonly string[]): void {
    const verifiers = vkeys.map(verifierFromVkey)
    this.#known.push(...verifiers)
    this.#chain.push(...verifiers)
    this.#current = [...this.#current, ...verifiers.map((verifier) => ({ verifier, after: -1 }))]
  }

  /**
   * Returns the trusted key that signed a checkpoint, or the reason why none did. The checkpoint must be one of those
   * given to the constructor.
   */
  whoSigned({ note, size }: SignedSize): Signed {
    for (const key of this.#current) this.#close(key, Number.POSITIVE_INFINITY)
    const { signatures } = parseNote(note)
    const signed = [...new Set(signatures.map(nameOf))].filter((name) => this.#signers.has(name))
    for (const name of signed) {
      try {
        openNote(note, [this.#signers.get(name) as Verifier])
      } catch (error) {
        return { by: undefined, reason: (error as Error).message, isWrong: true, isByKeyBefore: false }
      }
    }
    const valid = signed.find((name) => this.#valid.has(`${name} ${size}`))
    if (valid !== undefined) return { by: valid }
    const reason =
      signed[0] === undefined
        ? `no trusted key signed it, but ${signatures.map(nameOf).join(', ')}`
        : `${signed[0]} signed it, which was not the log's key at that size`
    return { by: undefined, reason, isWrong: false, isByKeyBefore: this.#isByKeyBefore(signatures.map(nameOf), size) }
  }

  /** Takes the next change of keys that the log states, in the order of their positions. */
  change({ seq, data }: Pick<StatementEntry, 'seq' | 'data'>): void {
    try {
      this.#change(seq, (data ?? {}) as StatedChange)
    } catch (error) {
      this.unproven.count++
      this.unproven.reason ||= `entry ${seq} says that another key signs from there on, but ${(error as Error).message}`
      addSpan(this.unproven.spans, { from: seq, to: seq + 1 })
    }
  }

  // Attacker-controlled: the data of any entry; nothing of it counts but what the key before signed, and chains are bounded.
  #change(seq: number, change: StatedChange): void {
    const next = verifierFromVkey(String(change.to))
    const previous = this.#current.find(({ verifier }) => String(change.from).startsWith(nameOf(verifier)))
    const known = this.#known.find((verifier) => isSameKey(verifier, next))
    // Whoever verifies knows a known key itself: nobody has to vouch for it.
    if (!known) this.#requireProof(seq, change, previous)
    if (previous) this.#close(previous, seq)
    else if (this.#before.length < MAX_CHAIN) this.#before.push({ from: String(change.from), upTo: seq })
    const left = this.#current.filter((key) => key !== previous)
    if (!known && this.#chain.length < MAX_CHAIN) this.#chain.push(next)
    const isCurrent = left.some(({ verifier }) => isSameKey(verifier, next))
    this.#current = isCurrent ? left : [...left, { verifier: known ?? next, after: seq }]
  }

  #requireProof(seq: number, change: StatedChange, previous: CurrentKey | undefined): void {
    if (!previous) throw new Error('the key before is not a trusted one')
    if (typeof change.statement !== 'string') throw new Error('the key before did not sign it')
    const { text } = openNote(change.statement, [previous.verifier])
    if (text === `${KEY_CHANGE_HEADER}\n${this.#origin}\n${seq}\n${change.to}\n`) return
    throw new Error('what the key before signed is another change')
  }

  #isByKeyBefore(signers: readonly string[], size: bigint): boolean {
    return this.#before.some(({ from, upTo }) => size <= upTo && signers.some((name) => from.startsWith(name)))
  }

  /** Collects the checkpoints up to a size for which this was the log's key. */
  #close({ verifier, after }: CurrentKey, upTo: number): void {
    const name = nameOf(verifier)
    for (const { size, signers } of this.#checkpoints) {
      if (!signers.has(name)) continue
      this.#signers.set(name, verifier)
      if (size > after && size <= upTo) this.#valid.add(`${name} ${size}`)
    }
  }
}

interface StatedChange {
  readonly from?: unknown
  readonly to?: unknown
  readonly statement?: unknown
}

function isSameKey(one: Verifier, other: Verifier): boolean {
  return one.name === other.name && one.keyId === other.keyId
}

function nameOf({ name, keyId }: { readonly name: string; readonly keyId: number }): string {
  return `${name}+${keyId.toString(16).padStart(8, '0')}`
}
