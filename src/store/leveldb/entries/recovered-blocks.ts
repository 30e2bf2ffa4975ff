import { corrupt } from '../errors.js'
import type { Database } from '../load-level.js'
import { Block } from './block.js'
import { blockKey, blockStartOf } from './keys.js'

const READ_LENGTH = 64

/**
 * LevelDB skips what it cannot read of its log and goes on behind it: a group is missing then, between others. Looks
 * through all blocks that can have been in a log of so many bytes.
 *
 * @throws AuditLogError `AUDIT_LOG_CORRUPT`
 */
export async function assertRecovered(db: Database, size: number, logBytes: number, location: string): Promise<void> {
  if (logBytes === 0 || size === 0) return
  const blocks = db.iterator({ gte: blockKey(0), lt: blockKey(size), reverse: true })
  let expectedEnd = size
  let seen = 0
  try {
    while (seen < logBytes && expectedEnd > 0) {
      const read = await blocks.nextv(READ_LENGTH)
      for (const [key, value] of read) {
        const firstSeq = blockStartOf(key)
        if (firstSeq === undefined) continue
        const block = new Block(firstSeq, value)
        if (block.end !== expectedEnd) throw corrupt(location, `entry ${expectedEnd - 1} of ${size} is missing`)
        expectedEnd = block.firstSeq
        seen += value.length
      }
      if (read.length === 0) throw corrupt(location, `entry ${expectedEnd - 1} of ${size} is missing`)
    }
  } finally {
    await blocks.close()
  }
}
