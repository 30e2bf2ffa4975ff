import type { FiledEntry } from './filed-event.js'
import { clampWalk, type SeqRange, type Walk } from './walk.js'

/*
 * The time index: the earliest and latest `time` of fixed blocks of positions, level upon level.
 *
 *   level 2   |                     16,777,216 positions                     | …
 *   level 1   |      65,536      |      65,536      |      65,536      | …
 *   level 0   | 256 | 256 | 256 | …
 *
 * A search goes down only where a block's times meet the window. An event that comes late widens its own blocks and no
 * other, so nothing that lies in the window is ever left out. Three levels serve 10^10 entries with 600 blocks on top.
 */

/** Blocks of a level below one of the next. */
export const FAN_OUT = 256
export const TIME_LEVELS = 3
const TOP_LEVEL = TIME_LEVELS - 1
/** Adjoining ranges are joined until one is this long, so that a walk over much of the log begins to answer at once. */
const MAX_JOINED_LENGTH = blockLength(1)

/**
 * The earliest and the latest time of one block; timestamps are normalised, so that their string order is their order.
 */
export interface TimeBlock {
  readonly level: number
  /** Number of the block in its level: it holds the positions from `block * length` on. */
  readonly block: number
  readonly min: string
  readonly max: string
}

/** The time blocks of a store. */
interface StoredTimeBlocks {
  readonly size: number
  /** See `AuditStore.timeBlocks`. */
  timeBlocks(level: number, walk: Walk): AsyncIterable<readonly TimeBlock[]>
}

/** The times that are looked for: `since <= time < until`. */
interface TimeWindow {
  readonly since: string | undefined
  readonly until: string | undefined
}

/** The blocks that the entry at `size` widens: none at a level where it begins a block. */
export function openBlocks(size: number): readonly { readonly level: number; readonly block: number }[] {
  const levels = Array.from({ length: TIME_LEVELS }, (_, level) => level)
  return levels
    .filter((level) => size % blockLength(level) !== 0)
    .map((level) => ({ level, block: Math.floor(size / blockLength(level)) }))
}

/**
 * The blocks that a group, stored from `firstSeq` on, begins or widens, as they are then.
 *
 * @param last - the last block of each level before the group
 * @param group - `undefined` for an entry that was removed
 */
export function widenBlocks(
  last: readonly TimeBlock[],
  group: readonly (FiledEntry | undefined)[],
  firstSeq: number,
): readonly TimeBlock[] {
  let widened: TimeBlock[] = []
  for (let at = 0; at < group.length; ) {
    const block = Math.floor((firstSeq + at) / FAN_OUT)
    const end = Math.min((block + 1) * FAN_OUT - firstSeq, group.length)
    let min: string | undefined
    let max = ''
    for (; at < end; at++) {
      const time = group[at]?.event.time
      if (time === undefined) continue
      if (min === undefined || time < min) min = time
      if (time > max) max = time
    }
    if (min !== undefined) widened.push(join({ level: 0, block, min, max }, last))
  }

  const all = widened
  for (let level = 1; level < TIME_LEVELS; level++) {
    const parents: TimeBlock[] = []
    for (const { block, min, max } of widened) {
      const parent = { level, block: Math.floor(block / FAN_OUT), min, max }
      if (parents.at(-1)?.block === parent.block) parents.push(join(parent, [parents.pop() as TimeBlock]))
      else parents.push(join(parent, last))
    }
    all.push(...parents)
    widened = parents
  }
  return all
}

/** The last block of each level, out of what {@link widenBlocks} returned. */
export function lastOfEachLevel(widened: readonly TimeBlock[]): readonly TimeBlock[] {
  return widened.filter(({ level }, at) => widened[at + 1]?.level !== level)
}

/** Spans of positions that may hold events with `since <= time < until`, in walking order; what they leave out holds none. */
export async function* timeRanges(
  store: StoredTimeBlocks,
  since: string | undefined,
  until: string | undefined,
  walk: Walk,
): AsyncGenerator<SeqRange> {
  let joined: SeqRange | undefined
  for await (const range of blockRanges(store, TOP_LEVEL, { since, until }, clampWalk(walk, store.size))) {
    const adjoins = joined !== undefined && (walk.reverse ? joined.from === range.to : joined.to === range.from)
    if (joined && adjoins && joined.to - joined.from < MAX_JOINED_LENGTH) {
      joined = { from: Math.min(joined.from, range.from), to: Math.max(joined.to, range.to) }
      continue
    }
    if (joined) yield joined
    joined = range
  }
  if (joined) yield joined
}

async function* blockRanges(
  store: StoredTimeBlocks,
  level: number,
  { since, until }: TimeWindow,
  { from, to, reverse }: Walk,
): AsyncGenerator<SeqRange> {
  if (from >= to) return
  const length = blockLength(level)
  const walk = { from: Math.floor(from / length), to: Math.ceil(to / length), reverse }
  for await (const blocks of store.timeBlocks(level, walk)) {
    for (const { block, min, max } of blocks) {
      if ((since !== undefined && max < since) || (until !== undefined && min >= until)) continue
      const range = { from: Math.max(from, block * length), to: Math.min(to, (block + 1) * length) }
      const whole = (since === undefined || min >= since) && (until === undefined || max < until)
      if (whole || level === 0) yield range
      else yield* blockRanges(store, level - 1, { since, until }, { ...range, reverse })
    }
  }
}

/** Positions that a block of a level has. */
export function blockLength(level: number): number {
  return FAN_OUT ** (level + 1)
}

/** Cuts a walk over the blocks of a level to those that a log of so many entries has. */
export function clampBlocks(level: number, walk: Walk, size: number): Walk {
  return clampWalk(walk, Math.ceil(size / blockLength(level)))
}

/** A block joined with what is known of the same block. */
function join(block: TimeBlock, known: readonly TimeBlock[]): TimeBlock {
  const before = known.find((other) => other.level === block.level && other.block === block.block)
  if (!before) return block
  let { min, max } = block
  if (before.min < min) min = before.min
  if (before.max > max) max = before.max
  return { ...block, min, max }
}
