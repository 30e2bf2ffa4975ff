import { join } from 'node:path'
import { Level } from 'level'
import type { AuditEvent } from '../../src/events/types.js'
import type { BlockSlot } from '../../src/store/leveldb/entries/block.js'
import { HASH_KEY_KEY, REMOVED_KEY } from '../../src/store/leveldb/entries/head.js'
import { decodeHashKey, NameHashes } from '../../src/store/leveldb/hash-key.js'
import { encodeSeq, readSeq } from '../../src/store/seq-bytes.js'
import { blockOf, replaceSlot } from '../verify/tampered-log.js'

/**
 * Removes entries of a closed log in a directory, as whoever applies a removal will: marks their slots, and states how
 * many there are.
 *
 * @param removedUnder - position of the entry that should record it
 */
export async function removeEntries(
  directory: string,
  seqs: readonly number[],
  removedUnder: number,
  { isStated = true } = {},
): Promise<void> {
  const path = join(directory, 'entries')
  const db = new Level<Buffer, Buffer>(path, { keyEncoding: 'buffer', valueEncoding: 'buffer' })
  await db.open()
  try {
    const hashes = new NameHashes(decodeHashKey((await db.get(HASH_KEY_KEY)) as Buffer) as Uint8Array)
    for (const seq of seqs) {
      const block = await blockOf(db, seq)
      const { tenantId, id } = JSON.parse(Buffer.from(block.entry(seq) as Uint8Array).toString()) as AuditEvent
      const digest = block.hasCallerId(seq) ? Buffer.from(hashes.ofPair(tenantId, id), 'latin1') : undefined
      await replaceSlot(db, seq, { removedUnder, idDigest: digest } satisfies BlockSlot)
    }
    const before = await db.get(REMOVED_KEY)
    const removed = (before ? readSeq(before, 0) : 0) + seqs.length
    if (isStated) await db.put(REMOVED_KEY, encodeSeq(removed))
  } finally {
    await db.close()
  }
}
