import type { ValueCursor } from './value-cursor.js'

/** Cursors as a binary heap by rank: the one whose next position can be nearest is the first. */
export class CursorHeap {
  readonly #cursors: ValueCursor[]

  constructor(cursors: readonly ValueCursor[]) {
    this.#cursors = [...cursors]
    this.#order()
  }

  get first(): ValueCursor | undefined {
    return this.#cursors[0]
  }

  /** The rank that the first cursor's positions may reach before it is another cursor's turn. */
  get turn(): number {
    return Math.min(this.#cursors[1]?.rank ?? Infinity, this.#cursors[2]?.rank ?? Infinity)
  }

  skip(target: number): void {
    for (const cursor of this.#cursors) cursor.skip(target)
    this.#order()
  }

  /** Restores the order after the first cursor's rank rose. */
  settle(): void {
    this.#sink(0)
  }

  removeFirst(): void {
    const last = this.#cursors.pop()
    if (!last || this.#cursors.length === 0) return
    this.#cursors[0] = last
    this.#sink(0)
  }

  #order(): void {
    for (let at = (this.#cursors.length >>> 1) - 1; at >= 0; at--) this.#sink(at)
  }

  #sink(start: number): void {
    const cursors = this.#cursors
    const cursor = cursors[start]
    if (!cursor) return
    let at = start
    for (;;) {
      let child = 2 * at + 1
      const left = cursors[child]
      const right = cursors[child + 1]
      if (!left) break
      if (right && right.rank < left.rank) child++
      const nearer = cursors[child] as ValueCursor
      if (nearer.rank >= cursor.rank) break
      cursors[at] = nearer
      at = child
    }
    cursors[at] = cursor
  }
}
