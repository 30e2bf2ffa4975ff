import type { FiledEvent, WithRunFacts } from '../store/contract.js'
import { decodeFiled } from '../store/decode-entry.js'
import type { NameHashes } from '../store/leveldb/hash-key.js'
import { callerIdKey, callerIdKeyOf } from '../store/leveldb/indexes/keys.js'
import { runChangeOf } from '../store/open-runs.js'
import type { RowEvent } from '../store/runs/row-fold.js'
import { UsualFacts } from '../store/runs/usual-facts.js'
import type { UsualEntry } from '../store/usual-entry.js'
import type { Findings } from '../verify/findings.js'
import { BLOCK_LENGTH } from '../verify/leaf-block.js'
import { BlockTimes, type TimeSpan } from './block-times.js'
import { EntryRows, type RowSource, type TrackedRun } from './entry-rows.js'
import { EntrySums, type SummedOwners, type SummedType } from './entry-sums.js'
import { hashesFor } from './kept-hashes.js'
import { copiedText, KnownEntries } from './known-entries.js'
import type { RunChanges } from './open-run-table.js'
import { PostingSums, type SumKey } from './posting-sums.js'
import type { RowChanges } from './row-changes.js'
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
  /** The events of runs that have others outside of the block. */
  readonly rows: RowChanges
}

/** The part of an index that the entries of a block are compared with. */
export interface FiledPart extends ComparedIndex {
  readonly from: number
  /** As far as the index covers the block. */
  readonly to: number
  /** Reads a row of a run. */
  readonly readRow: RowSource['read']
  readonly findings: Findings
}

/** The values under which entries of the same owners are filed, and their run. */
interface Owners {
  readonly event: FiledEvent
  readonly run: FoldedRun | undefined
  readonly owners: SummedOwners
  /** Known from the first of these entries on. */
  row: TrackedRun | undefined
}

/** The value under which entries of a type are filed, and the change that they make to a run. */
interface KnownType {
  readonly name: string
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
  readonly #begun: PostingSums
  readonly #rows: EntryRows
  readonly #facts = new UsualFacts()
  readonly #known = new KnownEntries<Owners>()
  readonly #types = new Map<string, KnownType>()

  constructor({ from, to, covered, hashKey, sumKey, readRow, findings }: FiledPart) {
    this.#to = to
    this.#hashes = hashesFor(hashKey)
    this.#sumKey = sumKey
    this.times = new BlockTimes(from, to)
    const block = Math.floor(from / BLOCK_LENGTH)
    this.#sums = new EntrySums(sumKey, this.#hashes, block)
    this.#ids = new PostingSums(sumKey, 1, block)
    this.#runs = new RunFold(this.#hashes)
    const begun = new PostingSums(sumKey, 1, block)
    this.#begun = begun
    const source = { hashes: this.#hashes, covered, sumKey, read: readRow }
    const onBegin = (key: Buffer, seq: number) => begun.addOne(begun.stateOf(key), seq)
    this.#rows = new EntryRows(source, { from, to, findings, onBegin })
  }

  /** Adds a usual entry. @param bytes - returns those of the entry */
  addUsual(seq: number, entry: UsualEntry, bytes: () => Uint8Array): void {
    if (seq >= this.#to) return
    const known = this.#known.get(entry) ?? this.#addKnown(entry, bytes())
    const { event, run, owners } = known
    const type = this.#types.get(entry.type) ?? this.#addType(entry.type)
    this.#sums.addUnder(owners, type.summed, seq)
    const toolName = entry.toolName === undefined ? undefined : copiedText(entry.toolName)
    if (toolName !== undefined) this.#sums.addTool(toolName, seq)
    const { time } = entry
    this.times.add(seq, time)
    if (!run) return
    if (type.change) this.#runs.change(run, type.change, seq)
    known.row ??= this.#rows.runAt(seq, run.tenantId, run.runId)
    const isIdentity = type.name === 'run_identified'
    if (known.row.role === 'ignored' && !isIdentity) return
    const { tenantId, sessionId, parentRunId, agent, actorId } = event
    const facts = this.#facts.of(entry, event, bytes)
    if (isIdentity && facts?.identifiedFrom !== undefined) this.#runs.identify(run, facts.identifiedFrom, seq)
    // Written out: copying the fields of an object takes longer than all of the rest.
    this.#rows.add(known.row, seq, {
      type: type.name as RowEvent['type'],
      time,
      tenantId,
      sessionId,
      parentRunId,
      agent,
      actorId,
      toolName,
      run: facts,
    } as RowEvent)
  }

  /** Adds any other entry. */
  add(seq: number, event: FiledEvent & WithRunFacts): void {
    if (seq >= this.#to) return
    this.#sums.add(event, seq)
    this.#runs.add(event, seq)
    this.times.add(seq, event.time)
    const { tenantId, runId } = event
    if (runId !== undefined) this.#rows.add(this.#rows.runAt(seq, tenantId, runId), seq, event)
  }

  /** Adds the id of an entry that its caller chose. */
  addCallerId(seq: number, tenantId: string, id: string): void {
    this.#addId(seq, callerIdKey(this.#hashes, { tenantId, id }))
  }

  /** Adds the id of an entry that was removed. @param digest - see `RemovedSlot` */
  addRemovedId(seq: number, digest: Uint8Array): void {
    this.#addId(seq, callerIdKeyOf(digest))
  }

  /** Ends with the block: nothing is added any more. */
  finish(): FiledReport {
    return {
      sums: Uint32Array.from([...this.#sums.sums, this.#ids, this.#begun].flatMap(({ words }) => [...words])),
      times: this.times.whole,
      runs: this.#runs.changes(this.#sumKey),
      rows: this.#rows.finish(),
    }
  }

  #addKnown(entry: UsualEntry, bytes: Uint8Array): Owners {
    // A text that was taken out of an entry would keep all of it in memory.
    const event = JSON.parse(JSON.stringify(decodeFiled(bytes))) as FiledEvent
    const { tenantId, runId } = event
    const run = runId === undefined ? undefined : foldedRun(tenantId, runId)
    const known = { event, run, owners: this.#sums.ownersOf(event), row: undefined }
    this.#known.add(entry, known)
    return known
  }

  #addType(text: string): KnownType {
    const name = copiedText(text)
    const type = { name, summed: this.#sums.typeOf(name), change: runChangeOf(name) }
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
