import { join } from 'node:path'
import { Level } from 'level'
import { Events } from '../events.mjs'
import { rowOf } from './sql.mjs'

const BATCH = 1024
const PREPARED = 8192

/**
 * The ceiling: LevelDB as Spanledger sets it up, given the bytes of entries that were made beforehand in fsynced batches
 * of 1,024 and nothing else. No JSON, no hash, no index, no journal.
 */
export async function open(directory, { entryBytes }) {
  const options = { writeBufferSize: 8 * 2 ** 20, maxFileSize: 4 * 2 ** 20, blockSize: 8 * 2 ** 10 }
  const db = new Level(join(directory, 'db'), { keyEncoding: 'buffer', valueEncoding: 'view', ...options })
  await db.open()
  const events = new Events(entryBytes)
  const entries = Array.from({ length: PREPARED }, () => rowOf(events.next())[6])
  const key = Buffer.alloc(9)
  let seq = 0
  let waiting = 0
  const commit = async () => {
    const batch = db.batch()
    for (; waiting > 0; waiting--) {
      key.writeUInt32BE(seq, 5)
      batch.put(key, entries[seq++ % PREPARED])
    }
    await batch.write({ sync: true })
  }
  return {
    put({ length }) {
      waiting += length
      if (waiting >= BATCH) return commit()
    },
    durable: commit,
    close: () => db.close(),
  }
}
