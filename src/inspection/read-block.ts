import { Block } from '../store/leveldb/entries/block.js'
import { blockOf, pageOf } from '../store/leveldb/entries/directory.js'
import { blockKey, pageKey } from '../store/leveldb/entries/keys.js'
import { blockStartAt } from '../store/leveldb/entries/open-end.js'
import type { Database } from '../store/leveldb/load-level.js'
import { damageIn } from './damage.js'

/**
 * Returns the block that holds a position, found without the directory; `undefined` when it is missing, or damaged so that
 * it cannot be read.
 *
 * Attacker-controlled: a stored block; `Block` refuses one that does not span what it says.
 */
export async function readBlock(db: Database, seq: number, location: string): Promise<Block | undefined> {
  try {
    const start = await blockStart(db, seq, location)
    const value = (await db.get(blockKey(start))) as Uint8Array | undefined
    const block = value && new Block(start, value)
    return block?.has(seq) ? block : undefined
  } catch (error) {
    damageIn(error, location)
    return undefined
  }
}

/** Returns the bytes of an entry; `undefined` when it was removed, is missing, or cannot be read. */
export async function getUndamaged(db: Database, seq: number, location: string): Promise<Uint8Array | undefined> {
  return (await readBlock(db, seq, location))?.entry(seq)
}

/** Returns the first position of the last block that begins at a position or before it; the position where there is none. */
export async function blockStart(db: Database, seq: number, location: string): Promise<number> {
  try {
    return (await blockStartAt(db, seq)) ?? seq
  } catch (error) {
    damageIn(error, location)
  }
  // The damage lies between: the directory leads past it.
  try {
    const page = (await db.get(pageKey(pageOf(seq)))) as Uint8Array | undefined
    return page ? blockOf(seq, page) : seq
  } catch (error) {
    damageIn(error, location)
    return seq
  }
}
