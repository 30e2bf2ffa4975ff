import { corrupt } from '../errors.js'
import type { Database } from '../load-level.js'
import { Block, type BlockSlot, entrySlot } from './block.js'
import { type BlockSpan, OpenPages, pageOf } from './directory.js'
import type { StoredHead } from './head-value.js'
import { blockKey, blockStartOf, PAGE_POSITIONS } from './keys.js'
import { FULL_BLOCK_BYTES, OpenBlocks } from './open-blocks.js'

/** Small blocks take less: their entries less than a full block, and their slots what as many entries as may be take. */
const MAX_OPEN_BYTES = FULL_BLOCK_BYTES + 2 ** 20

/** The end of a log that commits may still change. */
export interface OpenEnd {
  readonly openBlocks: OpenBlocks
  readonly openPages: OpenPages
}

/** The open end of an empty log. */
export const NO_END: OpenEnd = { openBlocks: OpenBlocks.startingAt(0), openPages: new OpenPages() }

/** Reads the small blocks at the end of the log, and makes the pages that may still change from where blocks begin. */
export async function readOpenEnd(
  db: Database,
  { size, openFrom }: Pick<StoredHead, 'size' | 'openFrom'>,
  location: string,
): Promise<OpenEnd> {
  await assertEndsAt(db, size, location)
  if (size === 0) return NO_END
  const starts: number[] = []
  const slots: BlockSlot[] = []
  let expected = openFrom
  let bytes = 0
  for await (const [key, value] of db.iterator({ gte: blockKey(openFrom), lt: blockKey(size) })) {
    // Attacker-controlled: small blocks; they must be gapless and have at most MAX_OPEN_BYTES together.
    const firstSeq = blockStartOf(key)
    if (firstSeq === undefined) continue
    const block = new Block(firstSeq, value)
    bytes += block.bytes
    // A head may say that all of a log is small, which would be read into memory.
    if (bytes > MAX_OPEN_BYTES) throw corrupt(location, `its head calls blocks from entry ${openFrom} on small`)
    if (block.firstSeq !== expected) throw corrupt(location, `entry ${expected} of ${size} is missing`)
    starts.push(block.firstSeq)
    for (let seq = block.firstSeq; seq < block.end; seq++) slots.push(slotOf(block, seq))
    expected = block.end
  }
  if (expected !== size) throw corrupt(location, `entry ${expected} of ${size} is missing`)
  return { openBlocks: new OpenBlocks(openFrom, starts, slots), openPages: await readOpenPages(db, { size, openFrom }) }
}

async function assertEndsAt(db: Database, size: number, location: string): Promise<void> {
  const last = await lastBlock(db)
  const end = last ? new Block(...last).end : 0
  if (end === size) return
  throw corrupt(
    location,
    end > size
      ? `it should have ${size} entries, but there is an entry ${size}`
      : `it should have ${size} entries, but entry ${size - 1} is missing`,
  )
}

/** Returns the first position and the value of the last block. */
export async function lastBlock(db: Database): Promise<readonly [firstSeq: number, value: Uint8Array] | undefined> {
  const range = { gte: blockKey(0), lte: blockKey(Number.MAX_SAFE_INTEGER), reverse: true, fillCache: false }
  for await (const [key, value] of db.iterator(range)) {
    const firstSeq = blockStartOf(key)
    if (firstSeq !== undefined) return [firstSeq, value]
  }
  return undefined
}

/** Makes the pages from that of the oldest small block on. */
async function readOpenPages(
  db: Database,
  { size, openFrom }: Pick<StoredHead, 'size' | 'openFrom'>,
): Promise<OpenPages> {
  const from = pageOf(openFrom) * PAGE_POSITIONS
  const first = await blockStartAt(db, from)
  const starts: number[] = []
  for await (const key of db.keys({ gte: blockKey(first ?? from), lt: blockKey(size) })) {
    const start = blockStartOf(key)
    if (start !== undefined) starts.push(start)
  }
  const places = starts.map((firstSeq, at): BlockSpan => ({ firstSeq, end: starts[at + 1] ?? size }))
  return new OpenPages().change([], places, openFrom).pages
}

/** Returns the first position of the last block that begins at a position or before it. */
export async function blockStartAt(db: Database, seq: number): Promise<number | undefined> {
  const range = { gte: blockKey(0), lte: blockKey(seq), reverse: true, fillCache: false }
  for await (const key of db.keys(range)) {
    const start = blockStartOf(key)
    if (start !== undefined) return start
  }
  return undefined
}

function slotOf(block: Block, seq: number): BlockSlot {
  const bytes = block.entry(seq)
  return bytes ? entrySlot(bytes, block.hasCallerId(seq)) : (block.removed(seq) as BlockSlot)
}
