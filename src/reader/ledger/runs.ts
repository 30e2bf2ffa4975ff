import type { ReadableStore } from '../../store/readable.js'
import type { ParsedRunQuery, ParsedStepQuery } from '../query/parse-query.js'
import type { Span } from '../query/results.js'
import { readSteps } from '../steps/read-steps.js'
import type { RunStep } from '../steps/run-step.js'
import { type ListedRun, listRuns } from '../summaries/list-runs.js'
import type { RunSummary, RunTree } from '../summaries/run-summary.js'
import { type RunSource, readTree, subRunIds, summariseRun } from '../summaries/runs.js'
import { MergedRun } from './merged-run.js'
import type { LogPart, Moment } from './moment.js'
import {
  type LedgerPositions,
  type LogsOfEnds,
  overviewInLedger,
  positionsIn,
  stepInLedger,
  summaryInLedger,
} from './run-in-ledger.js'
import { RunsOfOtherLogs } from './runs-of-other-logs.js'
import { tracedSubRunIds } from './traced-sub-runs.js'

/** Lists the runs whose place in the list is an event of this log. */
export function listRunsOf(moment: Moment, query: ParsedRunQuery, part: LogPart) {
  const otherLogs = new RunsOfOtherLogs(moment, part)
  return async function* (span: Span): AsyncGenerator<readonly ListedRun[]> {
    for await (const listed of listRuns(part.store, query, span, otherLogs)) {
      yield listed.map((one) => ({
        ...one,
        run: 'log' in one.run ? one.run : overviewInLedger(one.run, positionsIn(part.log)),
      }))
    }
  }
}

/** Reads one run of several logs with the runs below it. */
export async function readRunOf(
  moment: Moment,
  key: { readonly runId: string; readonly tenantId?: string },
): Promise<(RunTree & Partial<LogsOfEnds>) | undefined> {
  return await readTree(new RunsOfLogs(moment), key)
}

/** The runs of several logs: each summed up from its events in all of them. */
class RunsOfLogs implements RunSource {
  readonly #moment: Moment
  /** By the ids of runs that were found by their traces: the run above. */
  readonly #traced = new Map<string, string>()

  constructor(moment: Moment) {
    this.#moment = moment
  }

  async summarise(runId: string, tenantId: string | undefined): Promise<(RunSummary & LogsOfEnds) | undefined> {
    const found = await findRunIn(this.#moment, runId)
    if (!found) return undefined
    const { store, size, positions } = found
    const part = { size, identities: await this.#moment.identities() }
    const summary = await summariseRun(store, part, runId, tenantId)
    if (!summary) return undefined
    const claimedParentRunId = summary.parentRunId === undefined ? this.#traced.get(runId) : undefined
    return { ...summaryInLedger(summary, positions), ...(claimedParentRunId !== undefined && { claimedParentRunId }) }
  }

  async subRunIds(run: RunSummary): Promise<ReadonlySet<string>> {
    const ids = new Set<string>()
    const identities = await this.#moment.identities()
    for (const { store, size } of this.#moment.parts) {
      for (const id of await subRunIds(store, { size, identities }, run)) ids.add(id)
    }
    for (const id of await tracedSubRunIds(this.#moment, run)) {
      if (ids.has(id)) continue
      ids.add(id)
      if (!this.#traced.has(id)) this.#traced.set(id, run.runId)
    }
    return ids
  }
}

/** The steps of a run: a walk over one log or, of a run that several have, over its events in all of them. */
export interface StepsSource {
  /** Number of the log; `undefined` for several. */
  readonly log: number | undefined
  readonly size: number
  read(span: Span): AsyncIterable<readonly LedgerStep[]>
}

/** A step, and where the walk met it. */
export interface LedgerStep {
  readonly position: number
  readonly step: RunStep & { readonly log: number }
}

/** Returns the steps of a run; `undefined` where no log has it. */
export async function stepsOf(moment: Moment, query: ParsedStepQuery): Promise<StepsSource | undefined> {
  const found = await findRunIn(moment, query.runId)
  if (!found) return undefined
  const { store, size, positions, log } = found
  return {
    log,
    size,
    async *read(span) {
      for await (const steps of readSteps(store, query, span)) {
        yield steps.map((step) => ({ position: step.seq, step: stepInLedger(step, positions) }))
      }
    },
  }
}

interface RunInLedger {
  readonly store: ReadableStore
  readonly size: number
  readonly positions: LedgerPositions
  readonly log: number | undefined
}

async function findRunIn(moment: Moment, runId: string): Promise<RunInLedger | undefined> {
  const [part, ...others] = await moment.withRun(runId)
  if (!part) return undefined
  if (others.length === 0) return { ...part, positions: positionsIn(part.log) }
  const mergedRun = await MergedRun.read(moment, [part, ...others], runId)
  return { store: mergedRun, size: mergedRun.size, positions: mergedRun, log: undefined }
}
