import type { ContentKeys, ResolvedContent } from '../../content/contract.js'
import { AuditLogError } from '../../events/errors.js'
import { type StatedContent, statedContentIn, statedContentOf } from '../../events/stated-content.js'
import type { ContentOutcome, StoredEvent } from '../../events/types.js'
import type { SealedContent, StoredEntry } from '../../store/contract.js'
import type { ReadableStore } from '../../store/readable.js'
import { hashLeaf } from '../../tree/index.js'
import { type ContentChoice, takesIn } from './choice.js'
import {
  type ContentEntry,
  type LookedAtItem,
  lookAt,
  type OpenedItem,
  type Refusal,
  resolvedItem,
} from './opened-item.js'
import { type ProvedContent, provedItem } from './prove-content.js'
import { putContentBack } from './put-back.js'
import { entryParts } from './restored-events.js'
import type { Restorer } from './restorers.js'

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

  async resolve(
    entries: readonly StoredEntry[],
    choice: ContentChoice,
  ): Promise<readonly (readonly ResolvedContent[])[]> {
    const found = await this.#lookAt(entries, choice)
    return found.map((items) => items.map(resolvedItem))
  }

  /** Gives entries one by one, with the content that is asked for and a proof of each value that can be read. */
  async *proved<E extends StoredEntry>(
    batches: AsyncIterable<readonly E[]>,
    choice: ContentChoice,
  ): AsyncGenerator<E & { readonly content?: readonly ProvedContent[] }> {
    for await (const entries of batches) {
      if (choice === 'none') {
        yield* entries
        continue
      }
      for (const part of entryParts(entries, choice)) {
        const found = await this.#lookAt(part, choice)
        for (const [at, entry] of part.entries()) yield { ...entry, content: (found[at] ?? []).map(provedItem) }
      }
    }
  }

  /** Returns an item with its key, its value and what it is bound to; `undefined` where it cannot be read. */
  async open(entry: StoredEntry, field: string): Promise<OpenedItem | undefined> {
    const [items = []] = await this.#lookAt([entry], 'all')
    return items.find(({ item }) => item.field === field)?.opened
  }

  async restore(events: readonly StoredEvent[], choice: ContentChoice): Promise<void> {
    if (choice === 'none') return
    const isKept = (event: StoredEvent) => statedContentOf(event.content)?.items.some(isWanted(choice)) ?? false
    const wanted = events.filter(isKept)
    const bytes = wanted.length === 0 ? [] : await this.#store.read(wanted.map(({ seq }) => seq))
    const entries = wanted.flatMap(({ seq }, at) => (bytes[at] ? [{ seq, bytes: bytes[at] }] : []))
    const resolved = await this.resolve(entries, choice)
    const bySeq = new Map(entries.map(({ seq }, at) => [seq, resolved[at] ?? []]))
    for (const event of events) putContentBack(event, bySeq.get(event.seq) ?? unopenedOf(event, choice), choice)
  }

  async pseudonymsOf(actorId: string, tenantIds: Iterable<string>): Promise<readonly string[]> {
    const keys = this.#keys()
    await keys?.ready()
    const pseudonyms: string[] = []
    for (const tenantId of keys ? tenantIds : []) {
      const key = keys?.keyOfSubject({ tenantId, kind: 'actor', id: actorId })
      if (key) pseudonyms.push(key.pseudonymOf(actorId))
    }
    return pseudonyms
  }

  get hasKeys(): boolean {
    return this.#keys() !== undefined
  }

  /** Looks for the content of entries, with one question to the store. */
  async #lookAt(entries: readonly StoredEntry[], choice: ContentChoice): Promise<readonly (readonly LookedAtItem[])[]> {
    const stated = entries.map(({ bytes }) => statedContentIn(bytes))
    const asking = [...entries.keys()].filter((at) => stated[at]?.items.some(isWanted(choice)))
    const keys = asking.length > 0 ? this.#keys() : undefined
    await keys?.ready()
    const sealed = await this.#sealedAt(asking.map((at) => (entries[at] as StoredEntry).seq))
    const found = new Map(asking.map((at, n) => [at, typeof sealed === 'string' ? sealed : (sealed[n] ?? [])]))
    return entries.map(({ bytes }, at) => {
      const content = stated[at]
      if (!content) return []
      const entry: ContentEntry = { leafHash: hashLeaf(bytes), stated: content, sealed: found.get(at) ?? [] }
      const key = found.has(at) ? (keys?.keyOf(content.key) ?? 'unavailable') : 'unavailable'
      return content.items.filter((item) => takesIn(choice, item.class)).map((item) => lookAt(entry, item, key))
    })
  }

  /** Content that cannot be read keeps nobody from reading entries. */
  async #sealedAt(seqs: readonly number[]): Promise<readonly (readonly SealedContent[])[] | Refusal> {
    if (seqs.length === 0 || !this.#store.content) return []
    try {
      return await this.#store.content(seqs)
    } catch (problem) {
      const isRefused = problem instanceof AuditLogError && problem.code === 'AUDIT_CONTENT_UNREADABLE'
      return isRefused ? 'not_permitted' : 'unreadable'
    }
  }
}

/** Tells whether the value of an item has to be looked for. */
function isWanted(choice: ContentChoice): (item: StatedContent['items'][number]) => boolean {
  return (item) => item.level === 'content' && takesIn(choice, item.class)
}

/** The items of an event of which nothing has to be looked for, or whose entry was removed since. */
function unopenedOf(event: StoredEvent, choice: ContentChoice): readonly ContentOutcome[] {
  const items = statedContentOf(event.content)?.items.filter((item) => takesIn(choice, item.class)) ?? []
  return items.map(({ level }) => ({ status: level === 'digest' ? 'digest_only' : 'erased' }))
}
