import { Block } from '../store/leveldb/entries/block.js'
import {
  blockKey,
  PAGE_POSITIONS,
  pageKey,
  positionOf,
  type ReadKey,
  readKey,
  tileKey,
} from '../store/leveldb/entries/keys.js'
import type { Database } from '../store/leveldb/load-level.js'
import { TILE_WIDTH } from '../tree/index.js'
import type { FindingKind } from '../verify/findings.js'
import type { SeqSpan } from '../verify/report.js'
import { damageIn } from './damage.js'
import { blockStart } from './read-block.js'
import { walkRange } from './walk-range.js'

/** Receives the blocks of a walk, in the order of their positions. */
export interface BlockVisitor {
  /** Receives a block of which the slots from `from` on and before `to` follow. */
  block(block: Block, from: number, to: number): void
  /** Receives what else there is of the span: pages, tiles, heads and checkpoints. */
  beside?(key: Exclude<ReadKey, { readonly kind: 'block' }>, value: Uint8Array): void
  /** Receives what is wrong with blocks and with the keys between them. */
  wrong?(kind: FindingKind, detail: string, span?: SeqSpan): void
}

/** Positions that are walked over, in a log of so many entries. */
export interface BlockSpan {
  readonly from: number
  readonly to: number
  readonly size: number
}

/** Goes through blocks; those behind a part that is damaged are found by their keys, one by one. */
export async function walkBlocks(
  db: Database,
  span: BlockSpan,
  location: string,
  visitor: BlockVisitor,
): Promise<void> {
  const walk = new Walk(span, visitor)
  const first = await blockStart(db, span.from, location)
  try {
    for await (const items of walkRange(db, { gte: blockKey(first), lt: blockKey(span.to) }, location)) {
      for (const [key, value] of items) walk.take(key, value)
    }
    return
  } catch (error) {
    // Readers fail here, also where each block is found by its key: the part may hold what newer tables have as well.
    visitor.wrong?.('database_unreadable', damageIn(error, location).message)
  }
  if (walk.next === span.from && first < span.from) takeOne(db, blockKey(first), location, walk)
  for (let seq = walk.lastKey ? Math.max(positionOf(walk.lastKey), span.from) : span.from; seq < span.to; seq++) {
    if (seq >= walk.next) takeOne(db, blockKey(seq), location, walk)
    if (seq >= walk.next) walk.next = seq + 1
    if (visitor.beside) for (const key of keysBeside(seq)) takeOne(db, key, location, walk)
  }
}

/** Returns the keys of a page and of tiles that may stand at a position. */
function* keysBeside(seq: number): Generator<Buffer> {
  yield tileKey(0, Math.floor(seq / TILE_WIDTH), seq % TILE_WIDTH)
  if ((seq + 1) % PAGE_POSITIONS !== 0) return
  yield pageKey(Math.floor(seq / PAGE_POSITIONS))
  const node = (seq + 1) / TILE_WIDTH - 1
  yield tileKey(1, Math.floor(node / TILE_WIDTH), node % TILE_WIDTH)
}

function takeOne(db: Database, key: Buffer, location: string, walk: Walk): void {
  if (walk.lastKey && Buffer.compare(key, walk.lastKey) <= 0) return
  try {
    const value = db.getSync(key) as Uint8Array | undefined
    if (value) walk.take(key, value)
  } catch (error) {
    damageIn(error, location)
  }
}

class Walk {
  /** The position that is expected. */
  next: number
  /** The last key that was taken. */
  lastKey: Buffer | undefined = undefined
  readonly #span: BlockSpan
  readonly #visitor: BlockVisitor

  constructor(span: BlockSpan, visitor: BlockVisitor) {
    this.next = span.from
    this.#span = span
    this.#visitor = visitor
  }

  take(key: Buffer, value: Uint8Array): void {
    const { from, to, size } = this.#span
    const read = readKey(key)
    if (!read) {
      this.#wrong('record_unknown', `the key ${key.toString('hex')} between blocks is none of a log`)
      return
    }
    this.lastKey = key
    if (read.kind !== 'block') {
      // What stands between the start of the block and the span belongs to the span before.
      if (Buffer.compare(key, blockKey(from)) >= 0) this.#visitor.beside?.(read, value)
      return
    }
    const firstSeq = read.seq
    const block = parsed(firstSeq, value)
    // A block that begins before the span is a finding of the span before.
    if (typeof block === 'string') {
      if (firstSeq >= from) this.#wrong('database_unreadable', block)
      return
    }
    if (block.firstSeq >= from && block.firstSeq < this.next) {
      const again = { from: block.firstSeq, to: Math.min(block.end, this.next) }
      this.#wrong('entry_unexpected', `entry ${block.firstSeq} is there in two blocks`, again)
    }
    if (block.end > size && to === size) {
      this.#wrong('entry_unexpected', `there is an entry ${size} behind the end of the log`, {
        from: size,
        to: block.end,
      })
    }
    const [first, end] = [Math.max(this.next, block.firstSeq), Math.min(block.end, to)]
    if (first >= end) return
    this.#visitor.block(block, first, end)
    this.next = end
  }

  #wrong(kind: FindingKind, detail: string, span?: SeqSpan): void {
    this.#visitor.wrong?.(kind, detail, span)
  }
}

/** Returns a block, or what is wrong with it. */
function parsed(firstSeq: number, value: Uint8Array): Block | string {
  try {
    return new Block(firstSeq, value)
  } catch (error) {
    if (error instanceof RangeError) return error.message
    throw error
  }
}
