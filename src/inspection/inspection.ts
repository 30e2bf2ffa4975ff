import { availableParallelism } from 'node:os'
import { OPEN_RUN_PREFIX, prefixEnd, readSeq } from '../store/keys.js'
import type { Database } from '../store/leveldb/database.js'
import { sameHash } from '../tree/index.js'
import type { Findings } from '../verify/findings.js'
import { BLOCK_LENGTH, BlockRoots } from '../verify/leaf-block.js'
import type { Inspection, InspectionRequest } from '../verify/source.js'
import { Statements } from '../verify/statements.js'
import { compareTimeBlocks, joined, type TimeSpan } from './block-times.js'
import { compareUpperTiles } from './compare-tiles.js'
import { damageIn } from './damage.js'
import { decodeEntry } from './decode-entry.js'
import { type FrozenLog, openFrozen } from './frozen-log.js'
import { getUndamaged } from './get-entry.js'
import type { BlockReport, BlockTask } from './inspect-block.js'
import { DEFAULT_MAX_SLOTS, OpenRunTable, runHash } from './open-run-table.js'
import { INDEX_NAMES, newSumKey, type SumKey } from './posting-sums.js'
import { readStatedHead } from './stated-head.js'
import { runTask, type Task, type TaskReport, type TaskRunner } from './tasks.js'
import { hasWorkerFile, Threads } from './threads.js'
import { walkRange } from './walk-range.js'

/** A log of fewer entries is gone through before further threads would have started. */
const MIN_THREADED_SIZE = 4 * BLOCK_LENGTH
/** Most blocks of an index that are gone through again to find what is wrong with them. */
const MAX_SEARCHED = 8
/** Tasks under way for each thread: one is done, the next waits. */
const AHEAD = 2

/**
 * Goes through the whole of a frozen database: every entry, what is derived from it, and whatever else is there.
 * Entries are read once, in blocks that threads share among them; memory is that of a few blocks.
 */
export async function inspectLog(
  log: FrozenLog,
  db: Database,
  request: InspectionRequest & { readonly maxOpenRunSlots?: number },
  findings: Findings,
): Promise<Inspection> {
  const { size, root } = await readStatedHead(db, findings, log.location)
  const count = threadCount(size, request.threads)
  const threads = count > 1 ? new Threads(log, count) : undefined
  const runner: TaskRunner = threads ?? { run: (task) => runTask(db, task, log.location) }
  let isDone = false
  try {
    const openRuns = new OpenRunTable(request.maxOpenRunSlots ?? DEFAULT_MAX_SLOTS)
    const inspector = new LogInspector({ db, location: log.location, size, findings, runner, request, openRuns })
    await inspector.inspect(count)
    const computed = inspector.roots.rootAt(size)
    if (root && computed && !sameHash(root, computed))
      findings.add('head_altered', 'the head has another root than the entries')
    isDone = true
    return {
      size,
      rootAt: (at) => inspector.roots.rootAt(at),
      statements: inspector.statements.tallies,
      settledSize: inspector.settledSize,
      findings: findings.all,
    }
  } finally {
    await threads?.close(isDone)
  }
}

/** The frozen database, opened by this thread. */
export function openOwn(log: FrozenLog): Promise<Database> {
  return openFrozen(log.place(0))
}

function threadCount(size: number, asked: number | undefined): number {
  if (!hasWorkerFile()) return 1
  return asked ?? (size < MIN_THREADED_SIZE ? 1 : availableParallelism())
}

/** The parts that an inspection works with. */
interface InspectionParts {
  readonly db: Database
  readonly location: string
  /** Number of entries. */
  readonly size: number
  readonly findings: Findings
  readonly runner: TaskRunner
  readonly request: InspectionRequest
  readonly openRuns: OpenRunTable
}

class LogInspector {
  readonly roots = new BlockRoots()
  readonly statements: Statements
  settledSize = 0
  readonly #db: Database
  readonly #location: string
  readonly #size: number
  readonly #findings: Findings
  readonly #runner: TaskRunner
  readonly #request: InspectionRequest
  readonly #sumKey: SumKey = newSumKey()
  /** By block, as the entries have them: see `BlockReport`. */
  readonly #sums: Uint32Array[] = []
  /** Times of each block: a time block of level 1. */
  readonly #times: (TimeSpan | undefined)[] = []
  /** Runs that are open behind the last block. */
  readonly #openRuns: OpenRunTable

  constructor({ db, location, size, findings, runner, request, openRuns }: InspectionParts) {
    this.#db = db
    this.#location = location
    this.#size = size
    this.#findings = findings
    this.#runner = runner
    this.#request = request
    this.#openRuns = openRuns
    this.statements = new Statements(request.origins)
  }

  async inspect(threads: number): Promise<void> {
    await this.#inspectBlocks(threads)
    const blockRoots = this.roots.fullBlocks
    if (blockRoots) await compareUpperTiles(this.#db, blockRoots, this.#size, this.#findings, this.#location)
    await this.#compareUpperTimes()
    await Promise.all([this.#compareIndexes(), this.#compareRest(), this.#compareOpenRuns(threads)])
  }

  async #inspectBlocks(threads: number): Promise<void> {
    const { onProgress, sizes, origins, young } = this.#request
    const size = this.#size
    const wanted = [...new Set([...sizes.filter((each) => each < size), size])]
    const common = { kind: 'block', size, sizes: wanted, origins, young, sumKey: this.#sumKey } as const
    for await (const report of this.#byBlock(threads, (span): BlockTask => ({ ...common, ...span }))) {
      await this.#take(report)
      onProgress({ entries: this.roots.size, size })
    }
  }

  /** Runs a task for each block. @returns the reports, in the order of the blocks */
  async *#byBlock<T extends Task>(
    threads: number,
    taskOf: (span: { readonly from: number; readonly to: number }) => T,
  ): AsyncGenerator<TaskReport<T>> {
    const running: Promise<TaskReport<T>>[] = []
    let from = 0
    while (from < this.#size || running.length > 0) {
      while (from < this.#size && running.length < threads * AHEAD) {
        const to = Math.min(from + BLOCK_LENGTH, this.#size)
        const report = this.#run(taskOf({ from, to }))
        // It is awaited in its turn.
        report.catch(() => undefined)
        running.push(report)
        from = to
      }
      yield await (running.shift() as Promise<TaskReport<T>>)
    }
  }

  async #take(report: BlockReport): Promise<void> {
    const { hashes, findings, statements, keyChanges, settledSize, sums, times, runs } = report
    this.roots.add(hashes)
    this.#findings.merge(findings)
    this.statements.merge(statements)
    for (const seq of keyChanges) {
      const bytes = await getUndamaged(this.#db, seq, this.#location)
      this.#request.onKeyChange({ seq, data: bytes && decodeEntry(bytes)?.data })
    }
    this.settledSize = Math.max(this.settledSize, settledSize)
    this.#sums.push(sums)
    this.#times.push(times)
    this.#openRuns.change(runs)
  }

  async #compareUpperTimes(): Promise<void> {
    if (this.#times.length === 0) return
    const spans: (TimeSpan | undefined)[] = []
    for (let at = 0; at < this.#times.length; at += 256) spans.push(joined(this.#times.slice(at, at + 256)))
    await compareTimeBlocks(this.#db, { level: 2, first: 0, spans }, this.#findings, this.#location)
  }

  async #compareIndexes(): Promise<void> {
    const found = INDEX_NAMES.map((index) =>
      this.#run({ kind: 'postings', index, size: this.#size, sumKey: this.#sumKey }),
    )
    for (const [at, { sums, findings }] of (await Promise.all(found)).entries()) {
      const index = INDEX_NAMES[at] as (typeof INDEX_NAMES)[number]
      this.#findings.merge(findings)
      const differing = this.#sums.flatMap((expected, block) =>
        expected[2 * at] === sums[2 * block] && expected[2 * at + 1] === sums[2 * block + 1] ? [] : [block],
      )
      for (const block of differing.slice(0, MAX_SEARCHED)) {
        const from = block * BLOCK_LENGTH
        const to = Math.min(from + BLOCK_LENGTH, this.#size)
        this.#findings.merge(await this.#run({ kind: 'find-postings', index, from, to, size: this.#size }))
      }
      for (const block of differing.slice(MAX_SEARCHED)) {
        const span = { from: block * BLOCK_LENGTH, to: (block + 1) * BLOCK_LENGTH }
        this.#findings.add('posting_missing', `the index ${index} does not fit the entries`, span)
      }
    }
  }

  async #compareRest(): Promise<void> {
    this.#findings.merge(await this.#run({ kind: 'rest', size: this.#size }))
  }

  /** Compares the runs that are open by the entries with those that are stored as open, as many at a time as fit. */
  async #compareOpenRuns(threads: number): Promise<void> {
    for (;;) {
      await this.#compareStoredRuns()
      for (const seq of this.#openRuns.left()) {
        this.#runDiffers(seq, `the run that entry ${seq} began is not among those that are open`)
      }
      if (!this.#openRuns.next()) return
      const sumKey = this.#sumKey
      for await (const runs of this.#byBlock(
        threads,
        ({ from, to }) => ({ kind: 'runs', from, to, sumKey }) as const,
      )) {
        this.#openRuns.change(runs)
      }
    }
  }

  /** Takes those that are stored from those that are open. */
  async #compareStoredRuns(): Promise<void> {
    const span = { gte: OPEN_RUN_PREFIX, lt: prefixEnd(OPEN_RUN_PREFIX) }
    try {
      for await (const items of walkRange(this.#db, span, this.#location)) {
        this.#request.signal?.throwIfAborted()
        for (const [key, value] of items) {
          const hash = runHash(key, this.#sumKey)
          if (!this.#openRuns.holds(hash[0])) continue
          const stored = value.length === 8 ? readSeq(value, 0) : -1
          const seq = this.#openRuns.take(...hash)
          if (seq === undefined) {
            this.#runDiffers(stored, `a run is open that by the entries is not (key ${key.toString('hex')})`)
          } else if (seq !== stored)
            this.#runDiffers(seq, `the run that entry ${seq} began is open since another entry`)
        }
      }
    } catch (error) {
      this.#findings.add('database_unreadable', damageIn(error, this.#location).message)
    }
  }

  #runDiffers(seq: number, what: string): void {
    const span = seq >= 0 && seq < this.#size ? { from: seq, to: seq + 1 } : undefined
    this.#findings.add('open_run_altered', what, span)
  }

  async #run<T extends Task>(task: T): Promise<TaskReport<T>> {
    this.#request.signal?.throwIfAborted()
    return await this.#runner.run(task)
  }
}
