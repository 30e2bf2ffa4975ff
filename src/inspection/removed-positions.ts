import { BLOCK_LENGTH, type LeafBlock } from '../verify/leaf-block.js'

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

/** The entries of a log that were removed: by block, the removed entries of each. */
export type RemovedByBlock = readonly (RemovedPositions | undefined)[]

/** Returns whether an entry of the log was removed; a position before the log is none. */
export function isRemovedIn(blocks: RemovedByBlock, seq: number): boolean {
  const ofBlock = seq < 0 ? undefined : blocks[Math.floor(seq / BLOCK_LENGTH)]
  return ofBlock !== undefined && isRemoved(ofBlock, seq)
}

/** Returns a position behind which no entry was removed: at most 7 behind the last one that was; -1 where none was. */
export function lastRemovedIn(blocks: RemovedByBlock): number {
  const last = blocks.findLast((each) => each !== undefined)
  return last ? last.from + 8 * last.bits.findLastIndex((bits) => bits !== 0) + 7 : -1
}
