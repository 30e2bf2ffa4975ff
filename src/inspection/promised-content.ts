import { KEPT_MARK, statedContentIn } from '../events/stated-content.js'
import type { ContentItem } from '../events/types.js'
import type { Block } from '../store/leveldb/entries/block.js'
import { hashLeaf } from '../tree/index.js'

/** Content that an entry says is kept. Plain. */
export interface PromisedContent {
  readonly seq: number
  readonly leafHash: Uint8Array
  /** Id of the key. */
  readonly key: string
  /** The items that are kept. */
  readonly items: readonly ContentItem[]
}

/**
 * Finds the content that entries of a block promise. Most have none, which costs one search in all of them.
 *
 * @param text - the memory of the block, a character a byte
 */
export function promisedIn(block: Block, text: string, from: number, to: number): readonly PromisedContent[] {
  if (!text.includes(KEPT_MARK)) return NONE
  const promised: PromisedContent[] = []
  for (let seq = from; seq < to; seq++) {
    if (block.isRemoved(seq)) continue
    const mark = text.indexOf(KEPT_MARK, block.startOf(seq))
    if (mark === -1) break
    if (mark >= block.endOf(seq)) continue
    const bytes = block.entry(seq) as Uint8Array
    const stated = statedContentIn(bytes)
    const items = stated?.items.filter(({ level }) => level === 'content') ?? []
    if (stated && items.length > 0) promised.push({ seq, leafHash: hashLeaf(bytes), key: stated.key, items })
  }
  return promised
}

const NONE: readonly PromisedContent[] = []
