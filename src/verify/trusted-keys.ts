import { openNote, parseNote, type Verifier, verifierFromVkey } from '../checkpoint/index.js'
import type { LogStatement } from './source.js'

/** First line of what a key signs to hand over to the next. */
export const KEY_CHANGE_HEADER = 'spanledger.dev/signing-key-changed'

/** A key, and the sizes of checkpoints that it may sign. */
interface KeyRange {
  readonly verifier: Verifier
  /** Larger than this. */
  readonly after: number
  /** This at most: then another took its place. */
  upTo: number
}

/** A change of keys that the trusted ones do not vouch for. */
export interface UnprovenChange {
  readonly seq: number
  readonly reason: string
}

/** Who signed a note. */
export type Signed =
  | { readonly by: string }
  | { readonly by: undefined; readonly reason: string; readonly isWrong: boolean }

/**
 * The keys that may sign a log's checkpoints: those that are trusted from outside, and those to which they handed over in
 * the log, each from its entry on.
 */
export class TrustedKeys {
  readonly unproven: UnprovenChange[] = []
  /** Those that are trusted from outside. */
  readonly #known: readonly Verifier[]
  readonly #ranges: KeyRange[]

  /** @throws AuditLogError `AUDIT_KEY_INVALID` */
  constructor(vkeys: readonly string[], origin: string, statements: readonly LogStatement[]) {
    this.#known = vkeys.map(verifierFromVkey)
    this.#ranges = this.#known.map((verifier) => ({ verifier, after: -1, upTo: Infinity }))
    for (const { seq, type, data } of statements) {
      if (type === 'signing_key_changed') this.#change(seq, data as KeyChange, origin)
    }
  }

  /** Which of the keys signed a checkpoint of this size. */
  whoSigned(note: string, size: bigint): Signed {
    const { signatures } = parseNote(note)
    const signed = this.#ranges.filter(({ verifier }) =>
      signatures.some(({ name, keyId }) => name === verifier.name && keyId === verifier.keyId),
    )
    for (const { verifier } of signed) {
      try {
        openNote(note, [verifier])
      } catch (error) {
        return { by: undefined, reason: (error as Error).message, isWrong: true }
      }
    }
    const valid = signed.find(({ after, upTo }) => size > after && size <= upTo)
    if (valid) return { by: nameOf(valid.verifier) }
    const reason = signed[0]
      ? `${nameOf(signed[0].verifier)} signed it, which was not the log's key at that size`
      : `no trusted key signed it, but ${signatures.map(nameOf).join(', ')}`
    return { by: undefined, reason, isWrong: false }
  }

  #change(seq: number, change: KeyChange, origin: string): void {
    try {
      const next = verifierFromVkey(String(change?.to))
      const current = this.#ranges.filter(({ upTo }) => upTo === Infinity)
      const previous = current.find(({ verifier }) => String(change.from).startsWith(nameOf(verifier)))
      const known = this.#known.find((verifier) => isSameKey(verifier, next))
      if (known) {
        // Whoever verifies knows the new key itself: nobody has to vouch for it.
        if (previous) previous.upTo = seq
        if (!current.some(({ verifier }) => isSameKey(verifier, known))) {
          this.#ranges.push({ verifier: known, after: seq, upTo: Infinity })
        }
        return
      }
      if (!previous) throw new Error('the key before is not a trusted one')
      if (typeof change.statement !== 'string') throw new Error('the key before did not sign it')
      const { text } = openNote(change.statement, [previous.verifier])
      if (text !== `${KEY_CHANGE_HEADER}\n${origin}\n${seq}\n${change.to}\n`) {
        throw new Error('what the key before signed is another change')
      }
      previous.upTo = seq
      this.#ranges.push({ verifier: next, after: seq, upTo: Infinity })
    } catch (error) {
      this.unproven.push({ seq, reason: (error as Error).message })
    }
  }
}

interface KeyChange {
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
