import { AuditLogError } from '../events/errors.js'
import type { AuditEvent } from '../events/types.js'
import type { IndexName, SealedEntry, SeqRange } from '../store/contract.js'
import { decodeEntry, decodeFiled } from '../store/decode-entry.js'
import type { FiledEntry } from '../store/filed-event.js'
import { callerIdKey, openRunKey, unscopedCallerIdKey } from '../store/keys.js'
import { openRunChanges } from '../store/open-runs.js'
import type { ReadableStore } from '../store/readable.js'
import { decodeForIndexes } from '../store/runs/decode-run.js'
import type { StoredEnd, StoredIndexes, StoredPosition, StoredPosting } from '../store/stored-indexes.js'
import type { Findings } from '../verify/findings.js'
import { BLOCK_LENGTH } from '../verify/leaf-block.js'
import type { EntryChunk } from '../verify/scan-entries.js'
import { TimeComparison } from './compare-times.js'
import { DEFAULT_MAX_SLOTS, ENDED, OpenRunTable, runHash } from './open-run-table.js'
import { INDEX_NAMES, newSumKey, PostingSums, type SumKey } from './posting-sums.js'

/** Most blocks of an index that are gone through again to find what is wrong with them. */
const MAX_SEARCHED = 8

/** The indexes to compare, and the store to compare them with. */
export interface ComparedIndexes {
  readonly store: ReadableStore
  readonly indexes: StoredIndexes
  readonly end: StoredEnd
  readonly findings: Findings
  /** Slots of the table of open runs. @defaultValue 32 MiB of them */
  readonly maxSlots?: number
}

/**
 * Compares what a store keeps beside its entries with the entries, which are given to {@link add} as they are read: each
 * stands under each of its values, and nothing else does; times, open runs and callers' ids are those of the entries.
 * Memory is that of sums, whatever the log has.
 */
export class IndexComparison {
  readonly #of: ComparedIndexes
  readonly #sumKey: SumKey = newSumKey()
  readonly #expected: ReadonlyMap<IndexName, PostingSums>
  readonly #times: TimeComparison
  readonly #runs: OpenRunTable
  /** The highest position that something leads to. */
  #furthest = -1

  constructor(of: ComparedIndexes) {
    this.#of = of
    this.#expected = this.#newSums()
    this.#times = new TimeComparison(of)
    this.#runs = new OpenRunTable(of.maxSlots ?? DEFAULT_MAX_SLOTS)
  }

  /** Takes entries, in their order. */
  async add({ from, entries }: EntryChunk): Promise<void> {
    for (const { firstSeq, events } of filedIn(from, entries)) {
      this.#sum(this.#expected, events, firstSeq)
      this.#changeRuns(events, firstSeq)
    }
    for (const [at, bytes] of entries.entries()) {
      const event = decodeFiled(bytes)
      if (event && this.#times.isAhead(from + at)) await this.#times.advance(from + at)
      if (event) this.#times.add(from + at, event.time)
    }
  }

  /** Compares, when all entries were added. */
  async finish(): Promise<void> {
    await this.#times.finish()
    await this.#comparePostings()
    await this.#compareCallerIds()
    await this.#compareOpenRuns()
  }

  #newSums(): ReadonlyMap<IndexName, PostingSums> {
    const blocks = Math.ceil(this.#of.end.size / BLOCK_LENGTH)
    return new Map(INDEX_NAMES.map((index) => [index, new PostingSums(this.#sumKey, blocks)]))
  }

  #sum(sums: ReadonlyMap<IndexName, PostingSums>, events: readonly FiledEntry[], firstSeq: number): void {
    for (const { index, valueKey, seqs } of this.#of.indexes.filed(events, firstSeq)) {
      const sum = sums.get(index) as PostingSums
      sum.under(valueKey)
      sum.add(seqs)
    }
  }

  async #comparePostings(): Promise<void> {
    const { indexes, end, findings } = this.#of
    const stored = this.#newSums()
    for await (const page of indexes.postings({ from: 0, to: Number.MAX_SAFE_INTEGER })) {
      for (const posting of page) {
        const seqs = this.#checked(posting)
        const sum = posting.index && stored.get(posting.index)
        if (!sum || seqs.length === 0) continue
        sum.under(posting.valueKey)
        sum.add(seqs)
      }
    }
    for (const index of INDEX_NAMES) {
      const [one, other] = [this.#expected, stored].map((sums) => (sums.get(index) as PostingSums).words) as [
        Uint32Array,
        Uint32Array,
      ]
      const blocks = Array.from({ length: one.length / 2 }, (_, block) => block)
      const differing = blocks.filter((at) => one[2 * at] !== other[2 * at] || one[2 * at + 1] !== other[2 * at + 1])
      for (const [nth, block] of differing.entries()) {
        const span = { from: block * BLOCK_LENGTH, to: Math.min((block + 1) * BLOCK_LENGTH, end.size) }
        if (nth < MAX_SEARCHED) await this.#searchBlock(index, span)
        else findings.add('posting_missing', `the index ${index} does not fit the entries`, span)
      }
    }
  }

  /** Positions in the log of a stored posting; one that contradicts itself is a finding. Commits that came since are left out. */
  #checked({ index, valueKey, seqs }: StoredPosting): readonly number[] {
    const { findings, end } = this.#of
    const key = Buffer.from(valueKey).toString('hex')
    if (index === undefined) findings.add('record_unknown', `a posting is of no index (value ${key})`)
    else if (!seqs) findings.add('index_unreadable', `a posting of the index ${index} is damaged (value ${key})`)
    else {
      this.#furthest = Math.max(this.#furthest, seqs.at(-1) as number)
      return (seqs.at(-1) as number) < end.size ? seqs : seqs.filter((seq) => seq < end.size)
    }
    return []
  }

  /** Finds out what of an index does not fit the entries of a block. */
  async #searchBlock(index: IndexName, span: SeqRange): Promise<void> {
    const { store, indexes, findings } = this.#of
    const missing = new Set<string>()
    const read = async () => {
      for await (const chunk of store.entries({ ...span, reverse: false })) {
        const from = chunk[0]?.seq ?? 0
        for (const { firstSeq, events } of filedIn(
          from,
          chunk.map(({ bytes }) => bytes),
        )) {
          for (const posting of indexes.filed(events, firstSeq)) {
            if (posting.index !== index) continue
            const value = Buffer.from(posting.valueKey).toString('latin1')
            for (const seq of posting.seqs) missing.add(`${seq} ${value}`)
          }
        }
      }
    }
    await read().catch(ignoreDamage)
    for await (const page of indexes.postings(span)) {
      for (const posting of page) {
        if (posting.index !== index) continue
        const value = Buffer.from(posting.valueKey).toString('latin1')
        for (const seq of posting.seqs ?? []) {
          if (seq < span.from || seq >= span.to || missing.delete(`${seq} ${value}`)) continue
          const message = `the index ${index} files entry ${seq} where it does not belong, or twice`
          findings.add('posting_stray', message, { from: seq, to: seq + 1 })
        }
      }
    }
    for (const key of missing) {
      const seq = Number.parseInt(key, 10)
      findings.add('posting_missing', `the index ${index} does not file entry ${seq}`, { from: seq, to: seq + 1 })
    }
  }

  /** Compares caller ids: each leads to an entry with that id. */
  async #compareCallerIds(): Promise<void> {
    const { indexes, end, findings } = this.#of
    for await (const page of indexes.callerIds()) {
      for (const { seq } of page) this.#furthest = Math.max(this.#furthest, seq)
      const stored = page.filter(({ seq }) => seq < end.size)
      const events = await this.#eventsAt(stored.map(({ seq }) => seq))
      for (const [at, { key, seq }] of stored.entries()) {
        if (isIdOf(key, events[at])) continue
        const message = `a caller's id leads to entry ${seq}, which does not have it`
        findings.add('caller_id_altered', message, seq < 0 ? undefined : { from: seq, to: seq + 1 })
      }
    }
  }

  async #compareOpenRuns(): Promise<void> {
    const { indexes, end } = this.#of
    let size = end.size
    for (let isFirst = true; isFirst || this.#runs.next(); isFirst = false) {
      // A part that was left out is worked out from the entries again.
      if (!isFirst) await this.#readRuns({ from: 0, to: size })
      await indexes.openRuns(async (sizeThen, runs) => {
        await this.#readRuns({ from: size, to: sizeThen })
        size = sizeThen
        for await (const page of runs) for (const run of page) this.#takeRun(run)
      })
      for (const seq of this.#runs.left()) {
        if (seq < end.openRunsFrom) continue
        this.#differs(seq, `the run that entry ${seq} began is not among those that are open`)
      }
    }
    if (this.#furthest >= size) {
      const message = `an index leads to entry ${this.#furthest}, behind the end of the log`
      this.#of.findings.add('posting_stray', message)
    }
  }

  #takeRun({ key, seq }: StoredPosition): void {
    const [one, other] = runHash(key, this.#sumKey)
    if (!this.#runs.holds(one)) return
    const expected = this.#runs.take(one, other)
    if (expected === seq) return
    if (expected === undefined) this.#differs(seq, `a run is open that by the entries is not (entry ${seq})`)
    else this.#differs(expected, `the run that entry ${expected} began is open since another entry`)
  }

  #differs(seq: number, message: string): void {
    this.#of.findings.add('open_run_altered', message, seq < 0 ? undefined : { from: seq, to: seq + 1 })
  }

  async #readRuns(range: SeqRange): Promise<void> {
    const read = async () => {
      for await (const chunk of this.#of.store.entries({ ...range, reverse: false })) {
        const from = chunk[0]?.seq ?? 0
        for (const { firstSeq, events } of filedIn(
          from,
          chunk.map(({ bytes }) => bytes),
        )) {
          this.#changeRuns(events, firstSeq)
        }
      }
    }
    await read().catch(ignoreDamage)
  }

  #changeRuns(events: readonly FiledEntry[], firstSeq: number): void {
    // Runs follow from events alone.
    const changes = openRunChanges(events as readonly SealedEntry[], firstSeq)
    const hashes = changes.flatMap(({ tenantId, runId }) => runHash(openRunKey(tenantId, runId), this.#sumKey))
    const seqs = changes.map(({ seq }) => seq ?? ENDED)
    this.#runs.change({ hashes: Uint32Array.from(hashes), seqs: Float64Array.from(seqs) })
  }

  /** Events at these positions; `undefined` for what is missing, or no event. */
  async #eventsAt(seqs: readonly number[]): Promise<readonly (AuditEvent | undefined)[]> {
    const { store } = this.#of
    const decoded = (bytes: Uint8Array | undefined) => bytes && decodeEntry(bytes)
    try {
      return (await store.read(seqs)).map(decoded)
    } catch (error) {
      ignoreDamage(error)
      const events: (AuditEvent | undefined)[] = []
      for (const seq of seqs) events.push(decoded((await store.read([seq]).catch(() => []))[0]))
      return events
    }
  }
}

function isIdOf(key: Uint8Array, event: AuditEvent | undefined): boolean {
  const { tenantId, id } = (event ?? {}) as { readonly tenantId?: unknown; readonly id?: unknown }
  if (typeof tenantId !== 'string' || typeof id !== 'string') return false
  return callerIdKey(tenantId, id).equals(key) || unscopedCallerIdKey(id).equals(key)
}

/** The entries of a chunk that can be filed, in stretches that follow each other. */
function* filedIn(
  from: number,
  entries: readonly Uint8Array[],
): Generator<{ readonly firstSeq: number; readonly events: readonly FiledEntry[] }> {
  let events: FiledEntry[] = []
  for (const [at, bytes] of entries.entries()) {
    const event = decodeForIndexes(bytes)
    if (event) {
      events.push({ event: event as SealedEntry['event'] })
      continue
    }
    if (events.length > 0) yield { firstSeq: from + at - events.length, events }
    events = []
  }
  if (events.length > 0) yield { firstSeq: from + entries.length - events.length, events }
}

/** Returns an entry, or nothing where it is missing: that is a finding of whoever reads them all. */
function ignoreDamage(error: unknown): void {
  if (!(error instanceof AuditLogError && error.code === 'AUDIT_LOG_CORRUPT')) throw error
}
