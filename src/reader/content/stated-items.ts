import { fieldsOf } from '../../events/recorded-fields.js'
import type { ContentClass, ContentItem } from '../../events/types.js'

/** Content items of one entry that are looked at; none has more. */
const MAX_ITEMS = 128
const CLASSES: ReadonlySet<unknown> = new Set<ContentClass>(['diagnostic', 'payload'])

/** The content of an event, as its entry states it. */
export interface StatedContent {
  /** Id of the key of its subject. */
  readonly key: string
  readonly items: readonly ContentItem[]
}

/** Reads the field `content` of an event. @returns `undefined` where it states none */
export function statedIn(event: unknown): StatedContent | undefined {
  // Attacker-controlled: an entry of any contents; each field that is used is checked, and at most MAX_ITEMS items are.
  const { key, items } = fieldsOf(fieldsOf(event).content)
  if (typeof key !== 'string' || !Array.isArray(items)) return undefined
  return { key, items: items.slice(0, MAX_ITEMS).filter(isItem) }
}

function isItem(item: unknown): item is ContentItem {
  const { field, class: itemClass, digest, bytes, level } = fieldsOf(item)
  const isStated = typeof field === 'string' && typeof digest === 'string' && typeof bytes === 'number'
  return isStated && CLASSES.has(itemClass) && (level === 'content' || level === 'digest')
}
