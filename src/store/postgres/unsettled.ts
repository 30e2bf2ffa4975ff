import type { SealedEntry } from '../contract.js'

/** The positions that a group would have if the commit that failed has taken place after all. */
interface PendingGroup {
  readonly firstSeq: number
  /** Leaf hashes in the order of the positions, as text. */
  readonly leaves: readonly string[]
}

/**
 * Entries of commits of which nobody said whether they took place: the connection broke before the answer came. A
 * commit is all or nothing and fixes its positions, so the leaves that stand there now tell. Other writers may have
 * appended since.
 */
export class UnsettledEntries {
  #pending: PendingGroup | undefined = undefined
  /** Positions of the entries that were found to be stored, by leaf. */
  readonly #kept = new Map<string, number[]>()

  /** There is nothing that may be stored already. */
  get isEmpty(): boolean {
    return this.#pending === undefined && this.#kept.size === 0
  }

  /** The span of positions to read for {@link settle}; `undefined` when it is known what is stored. */
  get doubtful(): { readonly from: number; readonly to: number } | undefined {
    if (!this.#pending || this.#pending.leaves.length === 0) return undefined
    const { firstSeq, leaves } = this.#pending
    return { from: firstSeq, to: firstSeq + leaves.length }
  }

  /** A commit of these entries is about to be sent. */
  expect(firstSeq: number, entries: readonly SealedEntry[]): void {
    this.#pending = { firstSeq, leaves: entries.map(({ leafHash }) => textOf(leafHash)) }
  }

  /** @param stored - the leaf hashes that stand at {@link doubtful} now; fewer where the log ends before */
  settle(stored: readonly Uint8Array[]): void {
    const { firstSeq, leaves } = this.#pending ?? { firstSeq: 0, leaves: [] }
    this.#pending = undefined
    const isStored = stored.length === leaves.length && leaves.every((leaf, at) => leaf === textOf(stored[at]))
    if (!isStored) return
    for (const [at, leaf] of leaves.entries()) {
      const seqs = this.#kept.get(leaf)
      if (seqs) seqs.push(firstSeq + at)
      else this.#kept.set(leaf, [firstSeq + at])
    }
  }

  /**
   * Position of each entry of a retry, `undefined` for those that are not stored. A retry has the entries of the failed
   * commit in their order, perhaps not all of them, before any that are new.
   */
  positionsOf(retry: readonly SealedEntry[]): (number | undefined)[] {
    const taken = new Map<string, number>()
    return retry.map(({ leafHash }) => {
      const leaf = textOf(leafHash)
      const nth = taken.get(leaf) ?? 0
      taken.set(leaf, nth + 1)
      return this.#kept.get(leaf)?.[nth]
    })
  }

  /** A commit was acknowledged. */
  clear(): void {
    this.#pending = undefined
    this.#kept.clear()
  }
}

function textOf(hash: Uint8Array | undefined): string {
  return hash === undefined ? '' : Buffer.from(hash.buffer, hash.byteOffset, hash.length).toString('latin1')
}
