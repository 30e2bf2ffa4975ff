import { HASH_BYTES } from '../../tree/index.js'
import type { CommitMarks } from '../contract.js'
import {
  callerIdKey,
  entryKey,
  openRunKey,
  postingKey,
  postingPrefix,
  tileKey,
  timeBlockKey,
  writeSeq,
} from '../keys.js'
import { openRunChanges } from '../open-runs.js'
import type { Placement } from '../placement.js'
import { encodePosting } from '../posting-value.js'
import { postingsOf } from '../postings.js'
import { lastOfEachLevel, widenBlocks } from '../time-blocks.js'
import type { Database } from './database.js'
import {
  CHECKPOINT_KEY,
  encodeHead,
  encodeSeq,
  encodeTimeBlock,
  encodeWriter,
  HEAD_KEY,
  type Head,
  nextWriter,
  WRITER_KEY,
} from './head.js'

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
  const { size } = head.tree
  const { frontier, tiles } = head.tree.append(fresh.map(({ leafHash }) => leafHash))
  const timeBlocks = widenBlocks(head.timeBlocks, fresh, size)
  const writer = nextWriter(head.writer, marks)
  const batch = db.batch()
  try {
    // A batch copies what it is given, so that one key serves all entries.
    const key = entryKey(size)
    for (let at = 0; at < fresh.length; at++) {
      writeSeq(key, size + at, 1)
      batch.put(key, (fresh[at] as Placement['fresh'][number]).bytes)
    }
    for (const { index, value, seqs } of postingsOf(fresh, size)) {
      batch.put(postingKey(postingPrefix(index, value), seqs.at(-1) as number), encodePosting(seqs))
    }
    for (const block of timeBlocks) batch.put(timeBlockKey(block.level, block.block), encodeTimeBlock(block))
    for (const [id, seq] of callerIds) batch.put(callerIdKey(id), encodeSeq(seq))
    for (const { tenantId, runId, seq } of openRunChanges(fresh, size)) {
      if (seq === undefined) batch.del(openRunKey(tenantId, runId))
      else batch.put(openRunKey(tenantId, runId), encodeSeq(seq))
    }
    for (const { level, index, hashes, previousWidth } of tiles) {
      batch.put(tileKey(level, index, previousWidth), hashes.subarray(previousWidth * HASH_BYTES))
    }
    batch.put(HEAD_KEY, encodeHead(frontier))
    batch.put(WRITER_KEY, encodeWriter(writer))
    if (marks?.checkpoint !== undefined) batch.put(CHECKPOINT_KEY, Buffer.from(marks.checkpoint))
    await batch.write({ sync: true })
  } finally {
    await batch.close()
  }
  return {
    id: head.id,
    tree: frontier,
    timeBlocks: fresh.length > 0 ? lastOfEachLevel(timeBlocks) : head.timeBlocks,
    writer,
    checkpoint: marks?.checkpoint ?? head.checkpoint,
  }
}
