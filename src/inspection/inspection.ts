import { availableParallelism } from 'node:os'
import { openRunKey } from '../store/keys.js'
import type { Database } from '../store/leveldb/database.js'
import { sameHash } from '../tree/index.js'
import type { Findings } from '../verify/findings.js'
import { BLOCK_LENGTH, BlockRoots } from '../verify/leaf-block.js'
import type { Inspection, InspectionRequest, LogStatement } from '../verify/source.js'
import { compareTimeBlocks, joined, type TimeSpan } from './block-times.js'
import { compareUpperTiles } from './compare-tiles.js'
import { type FrozenLog, openFrozen } from './frozen-log.js'
import type { BlockReport, BlockTask, RunChange } from './inspect-block.js'
import { INDEX_NAMES, newSumKey, type SumKey } from './posting-sums.js'
import { readStatedHead } from './stated-head.js'
import { runTask, type Task, type TaskReport, type TaskRunner } from './tasks.js'
import { hasWorkerFile, Threads } from './threads.js'

/** A log of fewer entries is gone through before further threads would have started. */
const MIN_THREADED_SIZE = 4 * BLOCK_LENGTH
/** Most statements that are kept: a log of nothing else does not fill the memory. */
const MAX_STATEMENTS = 10_000
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
  request: InspectionRequest,
  findings: Findings,
): Promise<Inspection> {
  const { size, root } = await readStatedHead(db, findings)
  const count = threadCount(size, request.threads)
  const threads = count > 1 ? new Threads(log, count) : undefined
  const runner: TaskRunner = threads ?? { run: (task) => runTask(db, task, log.location) }
  let isDone = false
  try {
    const inspector = new LogInspector(db, log.location, size, findings, runner, request)
    await inspector.inspect(count)
    const computed = inspector.roots.rootAt(size)
    if (root && computed && !sameHash(root, computed))
      findings.add('head_altered', 'the head has another root than the entries')
    isDone = true
    return {
      size,
      rootAt: (at) => inspector.roots.rootAt(at),
      statements: inspector.statements,
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

class LogInspector {
  readonly roots = new BlockRoots()
  readonly statements: LogStatement[] = []
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
  /** Runs that are open behind the last block, by their keys. */
  readonly #openRuns = new Map<string, number>()

  constructor(
    db: Database,
    location: string,
    size: number,
    findings: Findings,
    runner: TaskRunner,
    request: InspectionRequest,
  ) {
    this.#db = db
    this.#location = location
    this.#size = size
    this.#findings = findings
    this.#runner = runner
    this.#request = request
  }

  async inspect(threads: number): Promise<void> {
    await this.#inspectBlocks(threads * AHEAD)
    const blockRoots = this.roots.fullBlocks
    if (blockRoots) await compareUpperTiles(this.#db, blockRoots, this.#size, this.#findings, this.#location)
    await this.#compareUpperTimes()
    await Promise.all([this.#compareIndexes(), this.#compareRest()])
  }

  async #inspectBlocks(ahead: number): Promise<void> {
    const { onProgress, sizes } = this.#request
    const size = this.#size
    const wanted = [...new Set([...sizes.filter((each) => each < size), size])]
    const running: Promise<BlockReport>[] = []
    let from = 0
    while (from < size || running.length > 0) {
      while (from < size && running.length < ahead) {
        const to = Math.min(from + BLOCK_LENGTH, size)
        const task: BlockTask = { kind: 'block', from, to, size, sizes: wanted, sumKey: this.#sumKey }
        const report = this.#run(task)
        // It is awaited in its turn.
        report.catch(() => undefined)
        running.push(report)
        from = to
      }
      this.#take(await (running.shift() as Promise<BlockReport>))
      onProgress({ entries: this.roots.size, size })
    }
  }

  #take({ hashes, findings, statements, sums, times, runs }: BlockReport): void {
    this.roots.add(hashes)
    this.#findings.merge(findings)
    this.statements.push(...statements.slice(0, MAX_STATEMENTS - this.statements.length))
    this.#sums.push(sums)
    this.#times.push(times)
    for (const change of runs) this.#changeRun(change)
  }

  #changeRun([tenantId, runId, openSince]: RunChange): void {
    const key = openRunKey(tenantId, runId).toString('hex')
    if (openSince === undefined) this.#openRuns.delete(key)
    else this.#openRuns.set(key, openSince)
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
    const { findings, openRuns } = await this.#run({ kind: 'rest', size: this.#size })
    this.#findings.merge(findings)
    this.#compareOpenRuns(openRuns)
  }

  #compareOpenRuns(stored: ReadonlyMap<string, number>): void {
    const differs = (seq: number, what: string) =>
      this.#findings.add(
        'open_run_altered',
        what,
        seq >= 0 && seq < this.#size ? { from: seq, to: seq + 1 } : undefined,
      )
    for (const [key, seq] of this.#openRuns) {
      const found = stored.get(key)
      if (found === undefined) differs(seq, `the run that entry ${seq} began is not among those that are open`)
      else if (found !== seq) differs(seq, `the run that entry ${seq} began is open since another entry`)
    }
    for (const [key, seq] of stored) {
      if (!this.#openRuns.has(key)) differs(seq, `a run is open that by the entries is not (key ${key})`)
    }
  }

  async #run<T extends Task>(task: T): Promise<TaskReport<T>> {
    this.#request.signal?.throwIfAborted()
    return await this.#runner.run(task)
  }
}
