import { availableParallelism } from 'node:os'
import { decodeEntry } from '../store/decode-entry.js'
import { sameHash } from '../tree/index.js'
import type { Findings } from '../verify/findings.js'
import { BLOCK_LENGTH, BlockRoots } from '../verify/leaf-block.js'
import type { Inspection, InspectionRequest } from '../verify/source.js'
import { Statements } from '../verify/statements.js'
import { compareTimeBlocks, joined, type TimeSpan } from './block-times.js'
import type { ContentComparison } from './compare-content.js'
import { compareOpenRuns } from './compare-open-runs.js'
import { compareUpperTiles } from './compare-tiles.js'
import type { ComparedIndex } from './filed-entries.js'
import { type FrozenDatabases, type FrozenLog, openFrozen } from './frozen-log.js'
import type { BlockReport, BlockTask } from './inspect-block.js'
import { kindOf, nameOf } from './inspect-postings.js'
import { DEFAULT_MAX_SLOTS, OpenRunTable } from './open-run-table.js'
import { FILED_INDEXES, type FiledIndex, newSumKey } from './posting-sums.js'
import { getUndamaged } from './read-block.js'
import type { RemovedPositions } from './removed-positions.js'
import { DEFAULT_MAX_ROW_BYTES, RowTable } from './row-table.js'
import { readStatedHead } from './stated-head.js'
import { readStatedIndex } from './stated-index.js'
import { runTask, type Task, type TaskReport, type TaskRunner } from './tasks.js'
import { inspectionThreadFile, Threads } from './threads.js'

/** A log of fewer entries is gone through before further threads would have started. */
const MIN_THREADED_SIZE = 4 * BLOCK_LENGTH
/** Most blocks of an index that are gone through again to find what is wrong with them. */
const MAX_SEARCHED = 8
/** Tasks under way for each thread: one is done, the next waits. */
const AHEAD = 2

/** The parts of an inspection that its own thread needs besides. */
export interface AskedOfInspection {
  /** Compares the content that entries promise; left out where it is not looked at. */
  readonly content?: ContentComparison | undefined
  readonly maxOpenRunSlots?: number
  readonly maxRowBytes?: number
}

/**
 * Goes through the whole of a frozen log: every entry, what is kept of it in the tree and the directory, the index as far as
 * readers use it, and whatever else is there. Entries are read once, in blocks that threads share among them; memory is
 * that of a few blocks.
 */
export async function inspectLog(
  log: FrozenLog,
  databases: FrozenDatabases,
  request: InspectionRequest & AskedOfInspection,
  findings: Findings,
): Promise<Inspection> {
  const head = await readStatedHead(databases.entries, findings, log.location)
  const { size, root, hashKey, openFrom, checkpointSize } = head
  const { covered = 0, remark } = request.entriesOnly
    ? { remark: 'the index was not compared: it was not asked for' }
    : await readStatedIndex(databases, log, head)
  const file = inspectionThreadFile()
  const count = file ? threadCount(size, request.threads) : 1
  const threads = file && count > 1 ? new Threads(file, log, count) : undefined
  const runner: TaskRunner = threads ?? { run: (task) => runTask(databases, task, log.location) }
  let isDone = false
  try {
    const openRuns = new OpenRunTable(request.maxOpenRunSlots ?? DEFAULT_MAX_SLOTS)
    const index = hashKey && covered > 0 ? { covered, hashKey, sumKey: newSumKey() } : undefined
    const end = { size, openFrom, checkpointSize }
    const rows = new RowTable(findings, request.maxRowBytes ?? DEFAULT_MAX_ROW_BYTES)
    const parts = { databases, location: log.location, ...end, index, findings, runner, request, openRuns, rows }
    const inspector = new LogInspector(parts)
    await inspector.inspect(count)
    const computed = inspector.roots.rootAt(size)
    if (root && computed && !sameHash(root, computed))
      findings.add('head_altered', 'the head has another root than the entries')
    if (head.removedEntries !== inspector.removed) {
      const what = `by the head ${head.removedEntries} entries were removed, by the blocks ${inspector.removed}`
      findings.add('head_altered', what)
    }
    const content = await request.content?.finish(size)
    isDone = true
    return {
      size,
      rootAt: (at) => inspector.roots.rootAt(at),
      statements: inspector.statements.tallies,
      dueSize: inspector.dueSize,
      removed: inspector.removed,
      remarks: remark === undefined ? [] : [remark],
      findings: findings.all,
      ...(content && { content }),
    }
  } finally {
    await threads?.close(isDone)
  }
}

/** The databases of a frozen log, opened by this thread. */
export function openOwn(log: FrozenLog): Promise<FrozenDatabases> {
  return openFrozen(log.place(0))
}

function threadCount(size: number, asked: number | undefined): number {
  return asked ?? (size < MIN_THREADED_SIZE ? 1 : availableParallelism())
}

/** The parts that an inspection works with. */
interface InspectionParts {
  readonly databases: FrozenDatabases
  readonly location: string
  /** Number of entries. */
  readonly size: number
  /** See `StatedHead`. */
  readonly openFrom: number
  readonly checkpointSize: number | undefined
  /** The index that is compared with them. */
  readonly index: ComparedIndex | undefined
  readonly findings: Findings
  readonly runner: TaskRunner
  readonly request: InspectionRequest & AskedOfInspection
  readonly openRuns: OpenRunTable
  readonly rows: RowTable
}

class LogInspector {
  readonly roots = new BlockRoots()
  readonly statements: Statements
  dueSize = 0
  /** Number of entries that were removed. */
  removed = 0
  readonly #of: InspectionParts
  /** By block, as the entries have them: see `FiledReport`. */
  readonly #sums: Uint32Array[] = []
  /** Times of each block: a time block of level 1. */
  readonly #times: (TimeSpan | undefined)[] = []
  readonly #removed: (RemovedPositions | undefined)[] = []

  constructor(parts: InspectionParts) {
    this.#of = parts
    this.statements = new Statements(parts.request.origins)
  }

  async inspect(threads: number): Promise<void> {
    const { databases, size, index, findings, location } = this.#of
    await this.#inspectBlocks(threads)
    const blockRoots = this.roots.fullBlocks
    if (blockRoots) await compareUpperTiles({ db: databases.entries, findings, location }, blockRoots, size)
    if (index) await this.#compareUpperTimes()
    const ofIndex = index ? [this.#comparePostings(index), this.#compareOpenRuns(index, threads)] : []
    await Promise.all([this.#compareRest(), ...ofIndex])
    if (index) await this.#compareRowsLeft(index, threads)
  }

  async #inspectBlocks(threads: number): Promise<void> {
    const { size, openFrom, checkpointSize, index, request } = this.#of
    const { onProgress, sizes, origins, gracePeriod, content } = request
    const wanted = [...new Set([...sizes.filter((each) => each < size), size])]
    const end = { size, openFrom, checkpointSize }
    const common = {
      kind: 'block',
      ...end,
      sizes: wanted,
      origins,
      gracePeriod,
      index,
      withContent: content !== undefined,
    } as const
    for await (const report of this.#byBlock(size, threads, (span): BlockTask => ({ ...common, ...span }))) {
      await this.#take(report)
      onProgress({ entries: this.roots.size, size })
    }
  }

  /** Runs a task for each block of so many entries. @returns the reports, in the order of the blocks */
  async *#byBlock<T extends Task>(
    end: number,
    threads: number,
    taskOf: (span: { readonly from: number; readonly to: number }) => T,
  ): AsyncGenerator<TaskReport<T>> {
    const running: Promise<TaskReport<T>>[] = []
    let from = 0
    while (from < end || running.length > 0) {
      while (from < end && running.length < threads * AHEAD) {
        const to = Math.min(from + BLOCK_LENGTH, end)
        const report = this.#run(taskOf({ from, to }))
        // It is awaited in its turn.
        report.catch(() => undefined)
        running.push(report)
        from = to
      }
      yield await (running.shift() as Promise<TaskReport<T>>)
    }
  }

  async #take({
    hashes,
    findings,
    statements,
    statementSeqs,
    dueSize,
    removed,
    filed,
    promised,
  }: BlockReport): Promise<void> {
    const { databases, location, request, openRuns, rows } = this.#of
    this.roots.add(hashes)
    this.#of.findings.merge(findings)
    this.statements.merge(statements)
    for (const seq of statementSeqs) {
      const bytes = await getUndamaged(databases.entries, seq, location)
      const entry = bytes && decodeEntry(bytes)
      if (entry) request.onStatement({ seq, type: entry.type, data: entry.data })
    }
    this.dueSize = Math.max(this.dueSize, dueSize)
    this.removed += removed?.count ?? 0
    this.#removed.push(removed)
    await request.content?.compare(promised)
    if (!filed) return
    this.#sums.push(filed.sums)
    this.#times.push(filed.times)
    openRuns.change(filed.runs)
    rows.change(filed.rows)
  }

  async #compareUpperTimes(): Promise<void> {
    const { databases, findings, location } = this.#of
    if (!databases.index) return
    const spans: (TimeSpan | undefined)[] = []
    for (let at = 0; at < this.#times.length; at += 256) spans.push(joined(this.#times.slice(at, at + 256)))
    const isThinned = (block: number) => this.#removed.slice(block * 256, (block + 1) * 256).some((each) => each)
    await compareTimeBlocks(databases.index, { level: 2, first: 0, spans, isThinned }, findings, location)
  }

  async #comparePostings({ covered, hashKey, sumKey }: ComparedIndex): Promise<void> {
    const { size, findings } = this.#of
    const removed = this.#removed
    const found = FILED_INDEXES.map((index) =>
      this.#run({ kind: 'postings', index, covered, hashKey, removed, sumKey }),
    )
    for (const [at, report] of (await Promise.all(found)).entries()) {
      const index = FILED_INDEXES[at] as FiledIndex
      const { sums } = report
      findings.merge(report.findings)
      const differing = this.#sums.flatMap((expected, block) =>
        expected[2 * at] === sums[2 * block] && expected[2 * at + 1] === sums[2 * block + 1] ? [] : [block],
      )
      for (const block of differing.slice(0, MAX_SEARCHED)) {
        const span = { from: block * BLOCK_LENGTH, to: Math.min((block + 1) * BLOCK_LENGTH, covered) }
        const task = { kind: 'find-postings', index, ...span, covered, size, hashKey, removed } as const
        findings.merge(await this.#run(task))
      }
      for (const block of differing.slice(MAX_SEARCHED)) {
        const span = { from: block * BLOCK_LENGTH, to: Math.min((block + 1) * BLOCK_LENGTH, covered) }
        findings.add(kindOf(index) ?? 'posting_missing', `${nameOf(index)} does not fit the entries`, span)
      }
    }
  }

  /** Goes through the entries again for the rows of runs that were left out, as many at a time as fit. */
  async #compareRowsLeft(index: ComparedIndex, threads: number): Promise<void> {
    const { rows, size } = this.#of
    while (rows.next()) {
      const common = { kind: 'rows', size, index, part: rows.part } as const
      for await (const changes of this.#byBlock(index.covered, threads, (span) => ({ ...common, ...span }))) {
        rows.change(changes)
      }
    }
  }

  async #compareRest(): Promise<void> {
    const { size, index, findings } = this.#of
    findings.merge(await this.#run({ kind: 'rest', size, covered: index?.covered }))
  }

  async #compareOpenRuns({ covered, hashKey, sumKey }: ComparedIndex, threads: number): Promise<void> {
    const { databases, openRuns, request, size, findings, location } = this.#of
    if (!databases.index) return
    const common = { kind: 'runs', size, hashKey, sumKey } as const
    await compareOpenRuns({
      stored: { db: databases.index, findings, location },
      openRuns,
      sumKey,
      size,
      removed: this.#removed,
      readChanges: () => this.#byBlock(covered, threads, (span) => ({ ...common, ...span })),
      signal: request.signal,
    })
  }

  async #run<T extends Task>(task: T): Promise<TaskReport<T>> {
    this.#of.request.signal?.throwIfAborted()
    return await this.#of.runner.run(task)
  }
}
