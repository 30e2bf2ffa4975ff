import type { FiledEvent } from '../store/contract.js'
import type { NameHashes } from '../store/leveldb/hash-key.js'
import { callerIdKey, callerIdKeyOf } from '../store/leveldb/indexes/keys.js'
import { runChangeOf } from '../store/open-runs.js'
import type { UsualEntry } from '../store/usual-entry.js'
import { BLOCK_LENGTH } from '../verify/leaf-block.js'
import { BlockTimes, type TimeSpan } from './block-times.js'
import { EntrySums, type SummedOwners, type SummedType } from './entry-sums.js'
import { hashesFor } from './kept-hashes.js'
import { copiedText, KnownEntries } from './known-entries.js'
import type { RunChanges } from './open-run-table.js'
import { PostingSums, type SumKey } from './posting-sums.js'
import { type FoldedRun, foldedRun, RunFold } from './run-changes.js'

/** The index that entries are compared with. Plain. */
export interface ComparedIndex {
  /** Number of entries that it covers. */
  readonly covered: number
  /** The log's key for index values. */
  readonly hashKey: Uint8Array
  readonly sumKey: SumKey
}

/** The values that the entries of a block file in the index. Plain. */
export interface FiledReport {
  /** Two words for each index, in the order of `FILED_INDEXES`: see `PostingSums`. */
  readonly sums: Uint32Array
  readonly times: TimeSpan | undefined
  readonly runs: RunChanges
}

/** The values under which entries of the same owners are filed, and their run. */
interface Owners {
  readonly run: FoldedRun | undefined
  readonly owners: SummedOwners
}

/** The value under which entries of a type are filed, and the change that they make to a run. */
interface KnownType {
  readonly summed: SummedType
  readonly change: 'begins' | 'ends' | undefined
}

/** Types of which something is known at most: far more than a log has. */
const MAX_TYPES = 1_024

/** Sums up what the entries of a block, as far as an index covers them, file there. */
export class FiledEntries {
  readonly times: BlockTimes
  readonly #to: number
  readonly #hashes: NameHashes
  readonly #sumKey: SumKey
  readonly #sums: EntrySums
  readonly #ids: PostingSums
  readonly #runs: RunFold
  readonly #known = new KnownEntries<Owners>()
  readonly #types = new Map<string, KnownType>()

  constructor(from: number, to: number, { hashKey, sumKey }: ComparedIndex) {
    this.#to = to
    this.#hashes = hashesFor(hashKey)
    this.#sumKey = sumKey
    this.times = new BlockTimes(from, to)
    const block = Math.floor(from / BLOCK_LENGTH)
    this.#sums = new EntrySums(sumKey, this.#hashes, block)
    this.#ids = new PostingSums(sumKey, 1, block)
    this.#runs = new RunFold(this.#hashes)
  }

  /** Adds a usual entry. @param decode - called where no entry of the same owners is known */
  addUsual(seq: number, entry: UsualEntry, decode: () => FiledEvent): void {
    if (seq >= this.#to) return
    let known = this.#known.get(entry)
    if (!known) {
      // A text that was taken out of an entry would keep all of it in memory.
      const event = JSON.parse(JSON.stringify(decode())) as FiledEvent
      const { tenantId, runId } = event
      known = { run: runId === undefined ? undefined : foldedRun(tenantId, runId), owners: this.#sums.ownersOf(event) }
      this.#known.add(entry, known)
    }
    const type = this.#types.get(entry.type) ?? this.#addType(entry.type)
    this.#sums.addUnder(known.owners, type.summed, seq)
    if (entry.toolName !== undefined) this.#sums.addTool(copiedText(entry.toolName), seq)
    if (known.run && type.change) this.#runs.change(known.run, type.change, seq)
    this.times.add(seq, entry.time)
  }

  /** Adds any other entry. */
  add(seq: number, event: FiledEvent): void {
    if (seq >= this.#to) return
    this.#sums.add(event, seq)
    this.#runs.add(event, seq)
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

  report(): FiledReport {
    return {
      sums: Uint32Array.from([...this.#sums.sums, this.#ids].flatMap(({ words }) => [...words])),
      times: this.times.whole,
      runs: this.#runs.changes(this.#sumKey),
    }
  }

  #addType(text: string): KnownType {
    const name = copiedText(text)
    const type = { summed: this.#sums.typeOf(name), change: runChangeOf(name) }
    if (this.#types.size === MAX_TYPES) this.#types.clear()
    this.#types.set(name, type)
    return type
  }

  #addId(seq: number, key: Uint8Array): void {
    if (seq >= this.#to) return
    this.#ids.under(key)
    this.#ids.add([seq])
  }
}
