import { fieldsOf } from './recorded-fields.js'
import { textOf } from './text.js'
import type { ContentClass, ContentItem } from './types.js'

/** Content items of one entry that are read; none has more. */
export const MAX_ITEMS = 128
const CLASSES: ReadonlySet<unknown> = new Set<ContentClass>(['diagnostic', 'payload'])
/** Stands in every entry that says of an item that it is kept: text of an event has its quotation marks escaped. */
export const KEPT_MARK = '"level":"content"'
const KEPT_MARK_BYTES = Buffer.from(KEPT_MARK)

/** The content of an event, as its entry states it. */
export interface StatedContent {
  /** Id of the key. */
  readonly key: string
  readonly items: readonly ContentItem[]
}

/** Returns the content that an entry states; `undefined` for one without. */
export function statedContentIn(entry: Uint8Array): StatedContent | undefined {
  try {
    return statedContentOf(fieldsOf(JSON.parse(textOf(entry))).content)
  } catch {
    return undefined
  }
}

/** Returns the member `content` of an entry, as far as it is one. */
export function statedContentOf(content: unknown): StatedContent | undefined {
  // Attacker-controlled: an entry of any contents; each field that is used is checked, and at most MAX_ITEMS items are.
  const { key, items } = fieldsOf(content)
  if (typeof key !== 'string' || !Array.isArray(items)) return undefined
  return { key, items: items.slice(0, MAX_ITEMS).filter(isItem) }
}

/** Returns the fields of which an entry says that their values are kept, in their order: none for most entries, which costs little. */
export function keptFieldsIn(entry: Uint8Array): readonly string[] {
  if (Buffer.from(entry.buffer, entry.byteOffset, entry.length).indexOf(KEPT_MARK_BYTES) === -1) return NO_FIELDS
  return (statedContentIn(entry)?.items ?? []).filter(({ level }) => level === 'content').map(({ field }) => field)
}

const NO_FIELDS: readonly string[] = []

function isItem(item: unknown): item is ContentItem {
  const { field, class: itemClass, digest, bytes, level } = fieldsOf(item)
  const isStated = typeof field === 'string' && typeof digest === 'string' && typeof bytes === 'number'
  return isStated && CLASSES.has(itemClass) && (level === 'content' || level === 'digest')
}
