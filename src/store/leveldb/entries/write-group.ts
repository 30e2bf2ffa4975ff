import { HASH_BYTES } from '../../../tree/index.js'
import type { CommitMarks, SealedEntry } from '../../contract.js'
import type { Database } from '../database.js'
import { encodeBlock } from './block.js'
import { CHECKPOINT_KEY, encodeHead, encodeWriter, HEAD_KEY, type Head, nextWriter, WRITER_KEY } from './head.js'
import { blockKey, pageKey, tileKey } from './keys.js'

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
  const { pages, changed } = head.openPages.change(removed, added, open.from)
  const writer = nextWriter(head.writer, marks)
  const batch = db.batch()
  try {
    // A batch copies what it is given. Its first key is written by no other batch, which tells whether a database has it.
    for (const { level, index, hashes, previousWidth } of tiles) {
      batch.put(tileKey(level, index, previousWidth), hashes.subarray(previousWidth * HASH_BYTES))
    }
    for (const { firstSeq, slots } of added) batch.put(blockKey(firstSeq), encodeBlock(slots))
    for (const firstSeq of removed) batch.del(blockKey(firstSeq))
    for (const [page, value] of changed) batch.put(pageKey(page), value)
    batch.put(HEAD_KEY, encodeHead(frontier, open.from))
    batch.put(WRITER_KEY, encodeWriter(writer))
    if (marks?.checkpoint !== undefined) batch.put(CHECKPOINT_KEY, Buffer.from(marks.checkpoint))
    await batch.write({ sync: true })
  } finally {
    await batch.close()
  }
  return {
    ...head,
    tree: frontier,
    openBlocks: open,
    openPages: pages,
    writer,
    checkpoint: marks?.checkpoint ?? head.checkpoint,
  }
}
