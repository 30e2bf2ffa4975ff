import { AuditLogError } from '../events/errors.js'
import type { ReadableStore } from '../store/readable.js'
import {
  type ConsistencyProof,
  type Evidence,
  type InclusionProof,
  type ProvedEntry,
  type ProveOptions,
  parseProveOptions,
  proveContinuity,
  proveEntries,
  proveEntry,
  proveForSize,
  type SignedHead,
  signedHead,
} from './prove.js'

/** The parts of a log that its proofs need. */
export interface ProvenLog {
  readonly store: ReadableStore
  /** Brings the store up to date, where it has not `atLeast` so many entries. */
  refresh(atLeast?: number): Promise<unknown>
  /** Returns the newest checkpoint, where the store may have an older one. */
  newestCheckpoint(): Promise<string | undefined>
}

/** Proves entries of a log by its signed heads. */
export class Proofs {
  readonly #log: ProvenLog

  constructor(log: ProvenLog) {
    this.#log = log
  }

  /** @throws AuditLogError `AUDIT_QUERY_INVALID`, `AUDIT_CHECKPOINT_MISSING`, `AUDIT_LOG_CORRUPT` */
  async prove(seq: number, options: ProveOptions): Promise<InclusionProof> {
    const asked = parseProveOptions(seq, options)
    const { store } = this.#log
    await this.#log.refresh(asked.seq + 1)
    if (asked.size !== undefined) return await proveForSize(store, asked.seq, asked.size)
    return await proveEntry(store, asked.seq, await this.#signedHead(asked.seq + 1))
  }

  /** @throws what `proveContinuity` throws, and AuditLogError `AUDIT_CHECKPOINT_MISSING` */
  async proveConsistency(older: string): Promise<ConsistencyProof> {
    await this.#log.refresh()
    return await proveContinuity(this.#log.store, older, await this.#signedHead())
  }

  /**
   * @param entriesOf - finds the entries in the tree of so many
   * @throws AuditLogError `AUDIT_CHECKPOINT_MISSING`
   */
  async evidence(entriesOf: (size: number) => AsyncIterable<Omit<ProvedEntry, 'receipt'>>): Promise<Evidence> {
    await this.#log.refresh()
    const head = await this.#signedHead()
    const entries = proveEntries(this.#log.store, entriesOf(head.size), head)
    return { checkpoint: head.note, size: head.size, entries }
  }

  /**
   * The newest signed head; where a size is given, one that the store has is good enough if it covers so much.
   *
   * @throws AuditLogError `AUDIT_CHECKPOINT_MISSING`
   */
  async #signedHead(covering = Number.POSITIVE_INFINITY): Promise<SignedHead> {
    const { store } = this.#log
    const stored = signedHead(store.checkpoint, store.size)
    if (stored && stored.size >= covering) return stored
    const newest = signedHead(await this.#log.newestCheckpoint(), store.size)
    const head = newest && (!stored || newest.size >= stored.size) ? newest : stored
    if (head && (head.size >= covering || covering === Number.POSITIVE_INFINITY)) return head
    throw notCovered(store, covering, head)
  }
}

function notCovered(
  { location, size }: ReadableStore,
  covering: number,
  newest: SignedHead | undefined,
): AuditLogError {
  const seq = covering - 1
  let what = 'no signed checkpoint'
  if (seq < size) {
    const others = newest ? `: the newest covers ${newest.size} of ${size} entries` : ''
    what = `no signed checkpoint that covers entry ${seq}${others}`
  } else if (covering < Number.POSITIVE_INFINITY) {
    const covered = newest ? `of which the newest checkpoint covers ${newest.size}` : 'and no signed checkpoint'
    what = `no entry ${seq}: it has ${size} entries, ${covered}`
  }
  return new AuditLogError('AUDIT_CHECKPOINT_MISSING', `The audit log ${location} has ${what}`)
}
