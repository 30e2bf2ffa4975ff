import type { ContentKeys, ContentValueBytes, ResolvedContent, SubjectKey } from '../../content/contract.js'
import type { StatedContent } from '../../events/stated-content.js'
import { textOf } from '../../events/text.js'
import type { ContentItem, ContentOutcome } from '../../events/types.js'
import type { SealedContent } from '../../store/contract.js'

/** A reason why stored content was not given: it could not be read, or its store does not let this process read it. */
export type Refusal = 'unreadable' | 'not_permitted'

/** The content of an entry as it is stored. */
export interface ContentEntry {
  readonly leafHash: Uint8Array
  readonly stated: StatedContent
  readonly sealed: readonly SealedContent[] | Refusal
}

/** A content item, and the key and the value where it can be read. */
export interface LookedAtItem {
  readonly item: ContentItem
  readonly outcome: ContentOutcome
  /** There where the status is `readable`. */
  readonly opened?: OpenedItem
}

/** A content item that could be read. */
export interface OpenedItem {
  readonly item: ContentItem
  readonly key: SubjectKey
  readonly value: ContentValueBytes
}

/** Looks for the value of an item. Never throws for what is damaged. */
export function lookAt(entry: ContentEntry, item: ContentItem, key: ReturnType<ContentKeys['keyOf']>): LookedAtItem {
  const { sealed } = entry
  if (item.level === 'digest') return { item, outcome: { status: 'digest_only' } }
  if (sealed === 'not_permitted') return { item, outcome: { status: 'not_permitted' } }
  if (key === 'erased') return { item, outcome: { status: 'erased' } }
  if (sealed === 'unreadable')
    return { item, outcome: { status: key === 'unavailable' ? 'key_unavailable' : 'damaged' } }
  const found = sealed.find(({ field }) => field === item.field)
  if (!found) return { item, outcome: { status: 'missing' } }
  if (key === 'unavailable') return { item, outcome: { status: 'key_unavailable' } }
  const value = openedValue(entry.leafHash, item, key, found)
  if (!value) return { item, outcome: { status: 'damaged' } }
  return { item, outcome: { status: 'readable' }, opened: { item, key, value } }
}

/** Returns an item in the form in which readers give it. */
export function resolvedItem({ item, outcome, opened }: LookedAtItem): ResolvedContent {
  const { field, class: itemClass, digest, bytes } = item
  return { field, class: itemClass, digest, bytes, ...outcome, ...(opened && { value: parsedValue(opened.value) }) }
}

function openedValue(leafHash: Uint8Array, { field, digest }: ContentItem, key: SubjectKey, found: SealedContent) {
  try {
    const value = key.open(found.bytes, { leafHash, field })
    return key.digest(value.bytes) === digest ? value : undefined
  } catch {
    return undefined
  }
}

/** A value in the form that its application gave it. */
function parsedValue({ bytes, kind }: ContentValueBytes): unknown {
  const text = textOf(bytes)
  if (kind === 'text') return text
  // Attacker-controlled: a value that was decrypted, which its recorder chose; it is returned as it is.
  try {
    return JSON.parse(text) as unknown
  } catch {
    return text
  }
}
