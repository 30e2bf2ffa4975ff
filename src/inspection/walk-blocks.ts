import type { Database } from '../store/leveldb/database.js'
import { Block } from '../store/leveldb/entries/block.js'
import { blockKey } from '../store/leveldb/entries/keys.js'
import { seqOfKey } from '../store/seq-bytes.js'
import type { FindingKind } from '../verify/findings.js'
import type { SeqSpan } from '../verify/report.js'
import { damageIn } from './damage.js'
import { BLOCK_KEY_BYTES, blockStart } from './read-block.js'
import { walkRange } from './walk-range.js'

/** Receives the blocks of a walk, in the order of their positions. */
export interface BlockVisitor {
  /** Receives a block of which the slots from `from` on and before `to` follow. */
  block(block: Block, from: number, to: number): void
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
  if (walk.next === span.from && first < span.from) takeOne(db, first, location, walk)
  while (walk.next < span.to) {
    const seq = walk.next
    takeOne(db, seq, location, walk)
    if (walk.next === seq) walk.next++
  }
}

function takeOne(db: Database, firstSeq: number, location: string, walk: Walk): void {
  const key = blockKey(firstSeq)
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
  readonly #span: BlockSpan
  readonly #visitor: BlockVisitor

  constructor(span: BlockSpan, visitor: BlockVisitor) {
    this.next = span.from
    this.#span = span
    this.#visitor = visitor
  }

  take(key: Buffer, value: Uint8Array): void {
    const { from, to, size } = this.#span
    if (key.length !== BLOCK_KEY_BYTES) {
      this.#wrong('record_unknown', `the key ${key.toString('hex')} between blocks is no block's`)
      return
    }
    const firstSeq = seqOfKey(key)
    const block = parsed(firstSeq, value)
    // A block that begins before the span is told of with those before.
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
