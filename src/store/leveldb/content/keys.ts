import { MAX_ITEMS } from '../../../events/stated-content.js'
import type { SealedContent } from '../../contract.js'
import { encodeSeq, SEQ_BYTES } from '../../seq-bytes.js'
import type { Database } from '../load-level.js'

/*
 * Key of an item: position of its entry 8 │ field in UTF-8
 */

export function itemKey(seq: number, field: string): Buffer {
  return Buffer.concat([encodeSeq(seq), Buffer.from(field)])
}

/** The lowest key of an entry's items, and of all that follow. */
export function afterKey(seq: number): Buffer {
  return Buffer.from(encodeSeq(seq))
}

/** Reads the items of entries. */
export async function contentOf(db: Database, seqs: readonly number[]): Promise<readonly (readonly SealedContent[])[]> {
  return await Promise.all(seqs.map((seq) => itemsOf(db, seq)))
}

async function itemsOf(db: Database, seq: number): Promise<readonly SealedContent[]> {
  if (!Number.isSafeInteger(seq) || seq < 0) return []
  const items: SealedContent[] = []
  for await (const [key, bytes] of db.iterator({ gte: afterKey(seq), lt: afterKey(seq + 1), limit: MAX_ITEMS })) {
    items.push({ field: key.toString('utf8', SEQ_BYTES), bytes })
  }
  return items
}
