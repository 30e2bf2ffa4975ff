import type { SealedEntry } from '../contract.js'

/**
 * Entries whose write was reported as failed, though the disk may have kept it: a retry that stored them anew would have
 * them twice. After LevelDB was opened anew its size tells how many were kept.
 */
export class UncertainGroup {
  readonly #firstSeq: number
  /** Leaf hashes, in the order of the positions. */
  readonly #leaves: readonly string[]
  readonly #known: ReadonlySet<string>

  private constructor(firstSeq: number, leaves: readonly string[]) {
    this.#firstSeq = firstSeq
    this.#leaves = leaves
    this.#known = new Set(leaves)
  }

  /** @param before - what was uncertain already, the first of it kept up to `size` */
  static after(before: UncertainGroup | undefined, size: number, entries: readonly SealedEntry[]): UncertainGroup {
    const leaves = entries.map(leafOf)
    if (!before) return new UncertainGroup(size, leaves)
    return new UncertainGroup(before.#firstSeq, [...before.#leaves.slice(0, size - before.#firstSeq), ...leaves])
  }

  /**
   * Position of each entry of a retry, `undefined` for those that were not kept. A retry has the entries of the failed
   * write in their order, perhaps not all of them, before any that are new.
   */
  positionsOf(retry: readonly SealedEntry[], size: number): (number | undefined)[] {
    let from = 0
    return retry.map((entry) => {
      const leaf = leafOf(entry)
      const found = this.#known.has(leaf) ? this.#leaves.indexOf(leaf, from) : -1
      if (found === -1 || this.#firstSeq + found >= size) return undefined
      from = found + 1
      return this.#firstSeq + found
    })
  }
}

function leafOf({ leafHash }: SealedEntry): string {
  return Buffer.from(leafHash.buffer, leafHash.byteOffset, leafHash.length).toString('latin1')
}
