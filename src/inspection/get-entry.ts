import { entryKey } from '../store/keys.js'
import type { Database } from '../store/leveldb/database.js'
import { damageIn } from './damage.js'

/** Returns the bytes of an entry; `undefined` when it is missing, or damaged so that it cannot be read. */
export async function getUndamaged(db: Database, seq: number, location: string): Promise<Uint8Array | undefined> {
  try {
    return (await db.get(entryKey(seq))) as Uint8Array | undefined
  } catch (error) {
    damageIn(error, location)
    return undefined
  }
}
