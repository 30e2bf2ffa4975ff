import type { ContentKeys, SubjectKey } from '../content/contract.js'
import { isItemOf } from '../content/item.js'
import type { ContentItem } from '../events/types.js'
import { afterKey, contentOf } from '../store/leveldb/content/keys.js'
import type { Database } from '../store/leveldb/load-level.js'
import { readSeq, SEQ_BYTES } from '../store/seq-bytes.js'
import type { Findings } from '../verify/findings.js'
import type { ContentTally } from '../verify/report.js'
import { damageIn } from './damage.js'
import type { PromisedContent } from './promised-content.js'

interface ContentComparisonParts {
  /** The database of items; `undefined` where there is none. */
  readonly db: Database | undefined
  /** A sentence that says what is wrong with the database, so that no item of it can be read. */
  readonly damage?: string | undefined
  /** `undefined` where there are none: values are not compared with their digests then. */
  readonly keys: ContentKeys | undefined
  readonly findings: Findings
  readonly location: string
}

/** The items that are stored for an entry, by their fields. */
type StoredItems = ReadonlyMap<string, Uint8Array>

/** Compares the content of a log with what its entries promise, in the order of the entries. */
export class ContentComparison {
  readonly #parts: ContentComparisonParts
  readonly #tally = { checked: 0, unchecked: 0, missing: 0, damaged: 0, erased: 0, unexpected: 0 }
  /** Items below this position were looked at. */
  #next = 0

  constructor(parts: ContentComparisonParts) {
    this.#parts = parts
  }

  /** Compares what entries promise, the next ones in their order. @throws what reading throws that is no damage */
  async compare(promised: readonly PromisedContent[]): Promise<void> {
    for (const each of promised) {
      await this.#passTo(each.seq)
      this.#compareEntry(each, await this.#itemsAt(each.seq))
      this.#next = each.seq + 1
    }
  }

  /** Looks for items that no entry promises, up to the end of the log: what lies behind it a writer has not come to yet. */
  async finish(size: number): Promise<ContentTally> {
    await this.#passTo(size)
    return this.#tally
  }

  async #passTo(seq: number): Promise<void> {
    const { db, location } = this.#parts
    if (!db || seq <= this.#next) return
    try {
      for await (const key of db.keys({ gte: afterKey(this.#next), lt: afterKey(seq) })) {
        const at = key.length >= SEQ_BYTES ? readSeq(key, 0) : this.#next
        this.#unexpected(at, key.toString('utf8', SEQ_BYTES))
      }
    } catch (error) {
      this.#parts.findings.add('content_damaged', `the content cannot be read: ${damageIn(error, location)}`)
    }
  }

  /** @returns `undefined` where they cannot be read */
  async #itemsAt(seq: number): Promise<StoredItems | undefined> {
    const { db, damage, location } = this.#parts
    if (damage !== undefined) return undefined
    if (!db) return new Map()
    try {
      const [items = []] = await contentOf(db, [seq])
      return new Map(items.map(({ field, bytes }) => [field, bytes]))
    } catch (error) {
      damageIn(error, location)
      return undefined
    }
  }

  #compareEntry(promised: PromisedContent, stored: StoredItems | undefined): void {
    const key = this.#parts.keys?.keyOf(promised.key) ?? 'unavailable'
    for (const item of promised.items) {
      const found = stored?.get(item.field)
      if (stored && !found) this.#missing(promised.seq, item, key === 'erased')
      else this.#compareItem(promised, item, found, key)
    }
    const expected = new Set(promised.items.map(({ field }) => field))
    for (const field of stored?.keys() ?? []) if (!expected.has(field)) this.#unexpected(promised.seq, field)
  }

  #compareItem(
    { seq, leafHash, key: keyId }: PromisedContent,
    item: ContentItem,
    found: Uint8Array | undefined,
    key: ReturnType<ContentKeys['keyOf']>,
  ): void {
    const isWhole = found !== undefined && isItemOf(found, keyId, item.bytes)
    if (!isWhole) this.#damaged(seq, item, this.#parts.damage ?? 'is no item of its size and key')
    else if (key === 'erased') this.#tally.erased++
    else if (key === 'unavailable') this.#tally.unchecked++
    else if (hasDigest(found, key, item, leafHash)) this.#tally.checked++
    else this.#damaged(seq, item, 'is not the value of its digest')
  }

  #missing(seq: number, { field }: ContentItem, isErased: boolean): void {
    if (isErased) {
      this.#tally.erased++
      return
    }
    this.#tally.missing++
    this.#add('content_missing', seq, `${JSON.stringify(field)} of entry ${seq} is not there`)
  }

  #damaged(seq: number, { field }: ContentItem, what: string): void {
    this.#tally.damaged++
    this.#add('content_damaged', seq, `${JSON.stringify(field)} of entry ${seq} ${what}`)
  }

  #unexpected(seq: number, field: string): void {
    this.#tally.unexpected++
    this.#add('content_unexpected', seq, `entry ${seq} has no ${JSON.stringify(field)} that is kept`)
  }

  #add(kind: 'content_missing' | 'content_damaged' | 'content_unexpected', seq: number, detail: string): void {
    this.#parts.findings.add(kind, detail, { from: seq, to: seq + 1 })
  }
}

function hasDigest(sealed: Uint8Array, key: SubjectKey, { field, digest }: ContentItem, leafHash: Uint8Array): boolean {
  try {
    return key.digest(key.open(sealed, { leafHash, field }).bytes) === digest
  } catch {
    return false
  }
}
