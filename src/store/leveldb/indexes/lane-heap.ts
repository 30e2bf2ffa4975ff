import type { Lane } from './lane.js'

/** Lanes as a binary heap by rank: the one whose next position can be nearest is the first. */
export class LaneHeap {
  readonly #lanes: Lane[]

  constructor(lanes: readonly Lane[]) {
    this.#lanes = [...lanes]
    this.#order()
  }

  get first(): Lane | undefined {
    return this.#lanes[0]
  }

  /** The rank that the first lane's positions may reach before it is another lane's turn. */
  get turn(): number {
    return Math.min(this.#lanes[1]?.rank ?? Infinity, this.#lanes[2]?.rank ?? Infinity)
  }

  skip(target: number): void {
    for (const lane of this.#lanes) lane.skip(target)
    this.#order()
  }

  /** Restores the order after the first lane's rank rose. */
  settle(): void {
    this.#sink(0)
  }

  removeFirst(): void {
    const last = this.#lanes.pop()
    if (!last || this.#lanes.length === 0) return
    this.#lanes[0] = last
    this.#sink(0)
  }

  #order(): void {
    for (let at = (this.#lanes.length >>> 1) - 1; at >= 0; at--) this.#sink(at)
  }

  #sink(start: number): void {
    const lanes = this.#lanes
    const lane = lanes[start]
    if (!lane) return
    let at = start
    for (;;) {
      let child = 2 * at + 1
      const left = lanes[child]
      const right = lanes[child + 1]
      if (!left) break
      if (right && right.rank < left.rank) child++
      const nearer = lanes[child] as Lane
      if (nearer.rank >= lane.rank) break
      lanes[at] = nearer
      at = child
    }
    lanes[at] = lane
  }
}
