import type { ContentKeys, ContentValueBytes, ResolvedContent, SubjectKey } from '../../content/contract.js'
import { fieldsOf } from '../../events/recorded-fields.js'
import { type StatedContent, statedContentIn } from '../../events/stated-content.js'
import { textOf } from '../../events/text.js'
import type { ContentItem, StoredEvent } from '../../events/types.js'
import type { SealedContent } from '../../store/contract.js'
import type { ReadableStore } from '../../store/readable.js'
import { hashLeaf } from '../../tree/index.js'
import type { ContentChoice } from './choice.js'
import { putBack } from './field-path.js'
import type { Restorer } from './restorers.js'

interface ContentEntry {
  readonly leafHash: Uint8Array
  readonly stated: StatedContent
  /** `undefined` where they cannot be read. */
  readonly sealed: readonly SealedContent[] | undefined
}

/** Resolves the content of events of one store. */
export class ContentResolver implements Restorer {
  readonly #store: ReadableStore
  readonly #keys: () => ContentKeys | undefined

  /** @param keys - asked when there is content; `undefined` where there are none */
  constructor(store: ReadableStore, keys: () => ContentKeys | undefined) {
    this.#store = store
    this.#keys = keys
  }

  over(view: ReadableStore): ContentResolver {
    return new ContentResolver(view, this.#keys)
  }

  /** Returns the content of the events at these positions: none for one without. Never throws for what is damaged. */
  async resolve(seqs: readonly number[]): Promise<readonly (readonly ResolvedContent[])[]> {
    const [entries, keys] = [await this.#entriesAt(seqs), this.#keys()]
    await keys?.ready()
    return entries.map((entry) => (entry ? resolvedOf(entry, keys) : []))
  }

  /** Returns an item with its key, its value and what it is bound to; `undefined` where it cannot be read. */
  async open(seq: number, field: string): Promise<OpenedItem | undefined> {
    const [[entry], keys] = [await this.#entriesAt([seq]), this.#keys()]
    await keys?.ready()
    const item = entry?.stated.items.find((each) => each.field === field)
    const key = entry && keys?.keyOf(entry.stated.key)
    if (!entry || !item || !key || typeof key === 'string') return undefined
    const value = openedValue(entry, item, key)
    return value && { item, key, value }
  }

  async restore(events: readonly StoredEvent[], choice: ContentChoice): Promise<void> {
    if (choice === 'none') return
    const wanted = events.filter((event) => mayHave(event, choice))
    if (wanted.length === 0) return
    const resolved = await this.resolve(wanted.map(({ seq }) => seq))
    for (const [at, event] of wanted.entries()) {
      for (const { status, class: itemClass, field, value } of resolved[at] ?? []) {
        if (status === 'readable' && (choice === 'all' || itemClass === 'diagnostic')) putBack(event, field, value)
      }
    }
  }

  async #entriesAt(seqs: readonly number[]): Promise<readonly (ContentEntry | undefined)[]> {
    if (seqs.length === 0) return []
    const [entries, sealed] = await Promise.all([this.#store.read(seqs), this.#sealedAt(seqs)])
    return entries.map((bytes, at) => {
      const stated = bytes && statedContentIn(bytes)
      return stated && { leafHash: hashLeaf(bytes), stated, sealed: sealed && (sealed[at] ?? []) }
    })
  }

  /** Content that cannot be read keeps nobody from reading entries. */
  async #sealedAt(seqs: readonly number[]): Promise<readonly (readonly SealedContent[])[] | undefined> {
    try {
      return (await this.#store.content?.(seqs)) ?? []
    } catch {
      return undefined
    }
  }
}

/** A content item that could be read. */
export interface OpenedItem {
  readonly item: ContentItem
  readonly key: SubjectKey
  readonly value: ContentValueBytes
}

function mayHave(event: StoredEvent, choice: ContentChoice): boolean {
  const { items } = fieldsOf(event.content)
  if (!Array.isArray(items)) return false
  return items.some((item) => item?.level === 'content' && (choice === 'all' || item.class === 'diagnostic'))
}

function resolvedOf(entry: ContentEntry, keys: ContentKeys | undefined): readonly ResolvedContent[] {
  const key = keys?.keyOf(entry.stated.key) ?? 'unavailable'
  return entry.stated.items.map((item) => {
    const { field, class: itemClass, digest, bytes } = item
    return { field, class: itemClass, digest, bytes, ...statusOf(entry, item, key) }
  })
}

function statusOf(
  entry: ContentEntry,
  item: ContentItem,
  key: ReturnType<ContentKeys['keyOf']>,
): Pick<ResolvedContent, 'status' | 'value'> {
  if (item.level === 'digest') return { status: 'digest_only' }
  if (key === 'unavailable') return { status: 'key_unavailable' }
  if (!entry.sealed) return { status: 'damaged' }
  if (key === 'erased' || !entry.sealed.some(({ field }) => field === item.field)) return { status: 'erased' }
  const value = openedValue(entry, item, key)
  return value ? { status: 'readable', value: parsedValue(value) } : { status: 'damaged' }
}

function openedValue({ leafHash, sealed }: ContentEntry, { field, digest }: ContentItem, key: SubjectKey) {
  const found = sealed?.find((each) => each.field === field)
  if (!found) return undefined
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
