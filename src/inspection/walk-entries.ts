import { entryKey, seqOfKey } from '../store/keys.js'
import type { Database } from '../store/leveldb/database.js'
import { damageIn } from './damage.js'
import { getUndamaged } from './get-entry.js'
import { walkRange } from './walk-range.js'

/** Receives the entries and stray keys, in the order of the keys. */
export interface EntryVisitor {
  entry(seq: number, bytes: Uint8Array): void
  /** Receives a key that lies between the keys of entries and is no entry's key. */
  stray?(key: Buffer): void
}

const ENTRY_KEY_BYTES = 9

/** Goes through entries; those behind a part that is damaged are found by their keys, one by one. */
export async function walkEntries(
  db: Database,
  { from, to }: { readonly from: number; readonly to: number },
  location: string,
  visitor: EntryVisitor,
): Promise<void> {
  let next = from
  try {
    for await (const items of walkRange(db, { gte: entryKey(from), lt: entryKey(to) }, location)) {
      for (const [key, bytes] of items) {
        if (key.length !== ENTRY_KEY_BYTES) {
          visitor.stray?.(key)
          continue
        }
        next = seqOfKey(key) + 1
        visitor.entry(next - 1, bytes)
      }
    }
  } catch (error) {
    damageIn(error, location)
    for (let seq = next; seq < to; seq++) {
      const bytes = await getUndamaged(db, seq, location)
      if (bytes) visitor.entry(seq, bytes)
    }
  }
}
