import { entryKey, seqOfKey } from '../keys.js'
import type { Database } from './database.js'
import { corrupt } from './errors.js'

/** What an entry with its key and its postings takes in LevelDB's log, at the least. */
const MIN_LOGGED_BYTES = 200
const READ_LENGTH = 4096

/**
 * LevelDB skips what it cannot read of its log and goes on behind it: a group is missing then, between others. Looks
 * through the keys of all entries that can have been in a log of so many bytes.
 *
 * @throws AuditLogError `AUDIT_LOG_CORRUPT`
 */
export async function checkRecovered(db: Database, size: number, logBytes: number, location: string): Promise<void> {
  let expected = Math.max(0, size - Math.ceil(logBytes / MIN_LOGGED_BYTES))
  if (expected >= size) return
  const keys = db.keys({ gte: entryKey(expected), lt: entryKey(size) })
  try {
    while (expected < size) {
      const read = await keys.nextv(READ_LENGTH)
      for (const key of read) {
        if (seqOfKey(key) !== expected) break
        expected++
      }
      if (read.length === 0 || seqOfKey(read.at(-1) as Buffer) !== expected - 1) break
    }
  } finally {
    await keys.close()
  }
  if (expected < size) throw corrupt(location, `entry ${expected} of ${size} is missing`)
}
