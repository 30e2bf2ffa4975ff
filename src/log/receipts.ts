import type { AuditStore, CommitReceipt, SealedEntry } from '../store/contract.js'
import { hashLeaf } from '../tree/index.js'
import type { Group, Pending } from './commit-queue.js'
import type { AppendReceipt } from './contract.js'

interface RepeatedAppend {
  readonly append: Pending<AppendReceipt>
  readonly seq: number
}

/** Tells those who wait for a group where its entries stand. */
export class Receipts {
  readonly #store: AuditStore
  /** The highest position that is known: an entry at or below it was there before. */
  #lastSeq: number

  constructor(store: AuditStore) {
    this.#store = store
    this.#lastSeq = store.size - 1
  }

  /** Settles the appends of a committed group. @returns its last entry that was not there before */
  async settle(
    { entries, appends }: Group<AppendReceipt>,
    { seqs, firstNew = 0 }: CommitReceipt,
  ): Promise<SealedEntry | undefined> {
    // Others may have stored a caller's id since the last commit.
    this.#lastSeq = Math.max(this.#lastSeq, firstNew - 1)
    const repeated: RepeatedAppend[] = []
    let nextAppend = 0
    let newest: SealedEntry | undefined
    for (let index = 0; index < entries.length; index++) {
      const seq = seqs[index] as number
      const isNew = seq > this.#lastSeq
      if (isNew) {
        this.#lastSeq = seq
        newest = entries[index]
      }
      const append = appends[nextAppend]
      if (append?.index !== index) continue
      nextAppend++
      if (isNew) append.resolve({ seq, leafHash: (entries[index] as SealedEntry).leafHash })
      else repeated.push({ append, seq })
    }
    if (repeated.length > 0) await this.#resolveRepeated(repeated)
    return newest
  }

  /** The leaf of a repeated id is that of the entry which was kept. */
  async #resolveRepeated(repeated: readonly RepeatedAppend[]): Promise<void> {
    try {
      const kept = await this.#store.read(repeated.map(({ seq }) => seq))
      repeated.forEach(({ append, seq }, at) => {
        append.resolve({ seq, leafHash: hashLeaf(kept[at] as Uint8Array) })
      })
    } catch (problem) {
      for (const { append } of repeated) append.reject(problem)
    }
  }
}
