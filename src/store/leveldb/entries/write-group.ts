import { HASH_BYTES } from '../../../tree/index.js'
import type { CommitMarks, SealedEntry } from '../../contract.js'
import type { Database } from '../load-level.js'
import { encodeBlock } from './block.js'
import { type Head, storedHead } from './head.js'
import { encodeHead, nextWriter } from './head-value.js'
import { blockKey, checkpointKey, headKey, pageKey, tileKey } from './keys.js'

/**
 * Writes entries with their tree as one atomic batch, and waits until it is on disk. Whatever else a commit has to keep in
 * step with the entries belongs into this batch.
 *
 * @returns the head that the next group builds on
 */
export async function writeGroup(
  db: Database,
  head: Head,
  entries: readonly SealedEntry[],
  marks: CommitMarks | undefined,
): Promise<Head> {
  const { size } = head.tree
  const { frontier, tiles } = head.tree.append(entries.map(({ leafHash }) => leafHash))
  const { added, removed, open } = head.openBlocks.add(entries, size)
  const { pages, closed } = head.openPages.change(removed, added, open.from)
  const checkpoint = marks?.checkpoint
  const next: Head = {
    ...head,
    tree: frontier,
    openBlocks: open,
    openPages: pages,
    writer: nextWriter(head.writer, marks),
    checkpoint: checkpoint ?? head.checkpoint,
    checkpointSize: checkpoint === undefined ? head.checkpointSize : frontier.size,
  }
  const batch = db.batch()
  try {
    // A batch copies what it is given. Its first key is written by no other batch, which tells whether a database has it.
    for (const { level, index, hashes, previousWidth } of tiles) {
      batch.put(tileKey(level, index, previousWidth), hashes.subarray(previousWidth * HASH_BYTES))
    }
    for (const { firstSeq, slots } of added) batch.put(blockKey(firstSeq), encodeBlock(slots))
    for (const firstSeq of removed) batch.del(blockKey(firstSeq))
    for (const [page, value] of closed) batch.put(pageKey(page), value)
    // Full blocks are written behind all that is there, and nothing is taken back: what was there before a commit stays.
    const isBesideSmall = !head.openBlocks.isEmpty || !open.isEmpty
    if (isBesideSmall && frontier.size !== size) batch.del(headKey(size))
    batch.put(headKey(frontier.size), encodeHead(storedHead(next)))
    if (checkpoint !== undefined) {
      if (isBesideSmall && head.checkpointSize !== undefined) batch.del(checkpointKey(head.checkpointSize))
      batch.put(checkpointKey(frontier.size), Buffer.from(checkpoint))
    }
    await batch.write({ sync: true })
  } finally {
    await batch.close()
  }
  return next
}
