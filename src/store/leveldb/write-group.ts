import type { CommitMarks } from '../contract.js'
import { callerIdKey, entryKey, openRunKey, postingKey, postingPrefix, timeBlockKey, writeSeq } from '../keys.js'
import { openRunChanges } from '../open-runs.js'
import type { Placement } from '../placement.js'
import { postingsOf } from '../postings.js'
import { lastOfEachLevel, widenBlocks } from '../time-blocks.js'
import type { Database } from './database.js'
import { encodeSize, encodeTimeBlock, encodeWriter, type Head, nextWriter, SIZE_KEY, WRITER_KEY } from './head.js'
import { encodePosting } from './posting-value.js'

/**
 * Writes a group with everything that is derived from it as one atomic batch, and waits until it is on disk.
 * Whatever else a commit has to keep in step with the entries belongs into this batch.
 *
 * @returns the head that the next group builds on
 */
export async function writeGroup(
  db: Database,
  head: Head,
  { fresh, callerIds }: Placement,
  marks: CommitMarks | undefined,
): Promise<Head> {
  const size = head.size + fresh.length
  const timeBlocks = widenBlocks(head.timeBlocks, fresh, head.size)
  const writer = nextWriter(head.writer, marks)
  const batch = db.batch()
  try {
    // A batch copies what it is given, so that one key serves all entries.
    const key = entryKey(head.size)
    for (let at = 0; at < fresh.length; at++) {
      writeSeq(key, head.size + at, 1)
      batch.put(key, (fresh[at] as Placement['fresh'][number]).bytes)
    }
    for (const { index, value, seqs } of postingsOf(fresh, head.size)) {
      batch.put(postingKey(postingPrefix(index, value), seqs.at(-1) as number), encodePosting(seqs))
    }
    for (const block of timeBlocks) batch.put(timeBlockKey(block.level, block.block), encodeTimeBlock(block))
    for (const [id, seq] of callerIds) batch.put(callerIdKey(id), encodeSize(seq))
    for (const { tenantId, runId, seq } of openRunChanges(fresh, head.size)) {
      if (seq === undefined) batch.del(openRunKey(tenantId, runId))
      else batch.put(openRunKey(tenantId, runId), encodeSize(seq))
    }
    batch.put(SIZE_KEY, encodeSize(size))
    batch.put(WRITER_KEY, encodeWriter(writer))
    await batch.write({ sync: true })
  } finally {
    await batch.close()
  }
  return { size, timeBlocks: fresh.length > 0 ? lastOfEachLevel(timeBlocks) : head.timeBlocks, writer }
}
