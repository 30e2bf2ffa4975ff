import type { ContentKeys, ContentValueBytes, ResolvedContent, SubjectKey } from '../../content/contract.js'
import { AuditLogError } from '../../events/errors.js'
import { fieldsOf } from '../../events/recorded-fields.js'
import { textOf } from '../../events/text.js'
import type { ContentClass, ContentItem, StoredEvent } from '../../events/types.js'
import type { SealedContent } from '../../store/contract.js'
import type { ReadableStore } from '../../store/readable.js'
import { hashLeaf } from '../../tree/index.js'
import type { ContentChoice } from './choice.js'
import { putBack } from './field-path.js'
import type { Restorer } from './restorers.js'

/** Content items of one entry that are looked at; none has more. */
const MAX_ITEMS = 128
const CLASSES: ReadonlySet<unknown> = new Set<ContentClass>(['diagnostic', 'payload'])

/** The content of an event, as its entry states it. */
interface StatedContent {
  readonly key: string
  readonly items: readonly ContentItem[]
}

type Refusal = 'unreadable' | 'not_permitted'

interface ContentEntry {
  readonly leafHash: Uint8Array
  readonly stated: StatedContent
  /** `unreadable` where they cannot be read, `not_permitted` where the store does not let this process read them. */
  readonly sealed: readonly SealedContent[] | Refusal
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
    if (wanted.length === 0 || !this.#keys()) return
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
      const stated = bytes && statedIn(bytes)
      return stated && { leafHash: hashLeaf(bytes), stated, sealed: isRefusal(sealed) ? sealed : (sealed[at] ?? []) }
    })
  }

  /** Content that cannot be read keeps nobody from reading entries. */
  async #sealedAt(seqs: readonly number[]): Promise<readonly (readonly SealedContent[])[] | Refusal> {
    try {
      return (await this.#store.content?.(seqs)) ?? []
    } catch (problem) {
      const isRefused = problem instanceof AuditLogError && problem.code === 'AUDIT_CONTENT_UNREADABLE'
      return isRefused ? 'not_permitted' : 'unreadable'
    }
  }
}

/** A content item that could be read. */
export interface OpenedItem {
  readonly item: ContentItem
  readonly key: SubjectKey
  readonly value: ContentValueBytes
}

function isRefusal(sealed: ContentEntry['sealed'] | readonly (readonly SealedContent[])[]): sealed is Refusal {
  return typeof sealed === 'string'
}

function mayHave(event: StoredEvent, choice: ContentChoice): boolean {
  const { items } = fieldsOf(event.content)
  if (!Array.isArray(items)) return false
  return items.some((item) => item?.level === 'content' && (choice === 'all' || item.class === 'diagnostic'))
}

function statedIn(bytes: Uint8Array): StatedContent | undefined {
  // Attacker-controlled: an entry of any contents; each field that is used is checked, and at most MAX_ITEMS items are.
  let content: unknown
  try {
    content = fieldsOf(JSON.parse(textOf(bytes))).content
  } catch {
    return undefined
  }
  const { key, items } = fieldsOf(content)
  if (typeof key !== 'string' || !Array.isArray(items)) return undefined
  return { key, items: items.slice(0, MAX_ITEMS).filter(isItem) }
}

function isItem(item: unknown): item is ContentItem {
  const { field, class: itemClass, digest, bytes, level } = fieldsOf(item)
  const isStated = typeof field === 'string' && typeof digest === 'string' && typeof bytes === 'number'
  return isStated && CLASSES.has(itemClass) && (level === 'content' || level === 'digest')
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
  if (entry.sealed === 'not_permitted') return { status: 'not_permitted' }
  if (key === 'unavailable') return { status: 'key_unavailable' }
  if (entry.sealed === 'unreadable') return { status: 'damaged' }
  if (key === 'erased' || !entry.sealed.some(({ field }) => field === item.field)) return { status: 'erased' }
  const value = openedValue(entry, item, key)
  return value ? { status: 'readable', value: parsedValue(value) } : { status: 'damaged' }
}

function openedValue({ leafHash, sealed }: ContentEntry, { field, digest }: ContentItem, key: SubjectKey) {
  const found = isRefusal(sealed) ? undefined : sealed.find((each) => each.field === field)
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
