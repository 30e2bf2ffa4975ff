import type { NameHashes } from '../store/leveldb/hash-key.js'
import { callerIdKey, callerIdKeyOf, valueKey } from '../store/leveldb/indexes/keys.js'
import { postingsOf } from '../store/postings.js'
import type { FiledEntry } from '../store/stored-indexes.js'
import { BLOCK_LENGTH } from '../verify/leaf-block.js'
import { BlockTimes, type TimeSpan } from './block-times.js'
import type { FiledEvent } from './decode-entry.js'
import { hashesFor } from './kept-hashes.js'
import type { RunChanges } from './open-run-table.js'
import { FILED_INDEXES, PostingSums, type SumKey } from './posting-sums.js'
import { RunFold } from './run-changes.js'

/** Entries of which the postings are worked out together: what they have in common is hashed once. */
const CHUNK_LENGTH = 1_024

/** The index that entries are compared with. Plain. */
export interface ComparedIndex {
  /** Number of entries that it covers. */
  readonly covered: number
  /** The log's key for index values. */
  readonly hashKey: Uint8Array
  readonly sumKey: SumKey
}

/** What the entries of a block file in the index. Plain. */
export interface FiledReport {
  /** Two words for each index, in the order of {@link FILED_INDEXES}: see `PostingSums`. */
  readonly sums: Uint32Array
  readonly times: TimeSpan | undefined
  readonly runs: RunChanges
}

/** Sums up what the entries of a block, as far as an index covers them, file there. */
export class FiledEntries {
  readonly times: BlockTimes
  readonly #to: number
  readonly #hashes: NameHashes
  readonly #sumKey: SumKey
  readonly #sums: readonly PostingSums[]
  readonly #runs: RunFold
  /** Entries that follow each other, of which the postings are not summed up yet. */
  #chunk: { readonly event: FiledEvent }[] = []
  #chunkFrom = 0

  constructor(from: number, to: number, { hashKey, sumKey }: ComparedIndex) {
    this.#to = to
    this.#hashes = hashesFor(hashKey)
    this.#sumKey = sumKey
    this.times = new BlockTimes(from, to)
    this.#sums = FILED_INDEXES.map(() => new PostingSums(sumKey, 1, Math.floor(from / BLOCK_LENGTH)))
    this.#runs = new RunFold(this.#hashes)
  }

  add(seq: number, event: FiledEvent): void {
    if (seq >= this.#to) return
    if (this.#chunk.length === CHUNK_LENGTH || seq !== this.#chunkFrom + this.#chunk.length) {
      this.finish()
      this.#chunkFrom = seq
    }
    this.#chunk.push({ event })
    this.times.add(seq, event.time)
  }

  /** Adds the id of an entry that its caller chose. */
  addCallerId(seq: number, tenantId: string, id: string): void {
    this.#addId(seq, callerIdKey(this.#hashes, { tenantId, id }))
  }

  /** Adds the id of an entry that was removed. @param digest - see `RemovedSlot` */
  addRemovedId(seq: number, digest: Uint8Array): void {
    this.#addId(seq, callerIdKeyOf(digest))
  }

  /** Sums up what was added. */
  finish(): void {
    const hashes = this.#hashes
    const entries = this.#chunk as unknown as readonly FiledEntry[]
    for (const { index, value, seqs } of postingsOf(entries, this.#chunkFrom)) {
      const sums = this.#sums[FILED_INDEXES.indexOf(index)] as PostingSums
      sums.under(
        valueKey(
          index,
          value.map((part) => hashes.of(part)),
        ),
      )
      sums.add(seqs)
    }
    this.#runs.add(this.#chunk, this.#chunkFrom)
    this.#chunkFrom += this.#chunk.length
    this.#chunk = []
  }

  report(): FiledReport {
    return {
      sums: Uint32Array.from(this.#sums.flatMap(({ words }) => [...words])),
      times: this.times.whole,
      runs: this.#runs.changes(this.#sumKey),
    }
  }

  #addId(seq: number, key: Uint8Array): void {
    if (seq >= this.#to) return
    const sums = this.#sums[FILED_INDEXES.indexOf('caller id')] as PostingSums
    sums.under(key)
    sums.add([seq])
  }
}
