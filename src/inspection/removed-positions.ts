import type { LeafBlock } from '../verify/leaf-block.js'

/** The entries of one block that were removed, a bit each. Plain. */
export interface RemovedPositions {
  /** Position of the first bit. */
  readonly from: number
  readonly bits: Uint8Array
  readonly count: number
}

/** Returns the removed entries of a block; `undefined` where there are none. */
export function removedIn({ from, next, removed }: LeafBlock): RemovedPositions | undefined {
  if (removed.size === 0) return undefined
  const bits = new Uint8Array(Math.ceil((next - from) / 8))
  for (const seq of removed) bits[(seq - from) >> 3] = (bits[(seq - from) >> 3] as number) | (1 << ((seq - from) & 7))
  return { from, bits, count: removed.size }
}

export function isRemoved({ from, bits }: RemovedPositions, seq: number): boolean {
  const at = seq - from
  return at >= 0 && (((bits[at >> 3] ?? 0) >> (at & 7)) & 1) === 1
}

export function isAnyRemoved(positions: RemovedPositions, from: number, to: number): boolean {
  for (let seq = from; seq < to; seq++) if (isRemoved(positions, seq)) return true
  return false
}
