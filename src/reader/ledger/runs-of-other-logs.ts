import type { RunOverview } from '../../store/runs/run-overview.js'
import type { RunKey } from '../../store/runs/run-row.js'
import type { Identities } from '../query/identities.js'
import type { EventFilter } from '../query/plan.js'
import { readEvents } from '../query/read-events.js'
import type { RunEvent } from '../summaries/first-events.js'
import type { RunsElsewhere } from '../summaries/list-runs.js'
import { derivedRow } from '../summaries/run-rows.js'
import { MergedRun } from './merged-run.js'
import { comesBefore, type LogPart, type Moment } from './moment.js'
import { overviewInLedger } from './run-in-ledger.js'

/** Runs that are kept in mind as having events in other logs or not: more than are under way at a time. */
const REMEMBERED_RUNS = 10_000

/** The events that other logs have of the runs of one log. */
export class RunsOfOtherLogs implements RunsElsewhere {
  readonly #moment: Moment
  readonly #own: LogPart
  readonly #others: readonly LogPart[]
  readonly #mergedRun = new Map<string, Promise<boolean>>()

  constructor(moment: Moment, own: LogPart) {
    this.#moment = moment
    this.#own = own
    this.#others = moment.parts.filter((part) => part !== own)
  }

  async have(runIds: readonly string[]): Promise<readonly boolean[]> {
    return await Promise.all(runIds.map((runId) => this.#isSpread(runId)))
  }

  async isFirst({ time }: RunEvent, run: RunKey, { tenantId: _, ...filter }: EventFilter): Promise<boolean> {
    const identities = await this.#moment.identities()
    const own = { time, log: this.#own.log }
    const earlier = this.#others.map(async (part) => {
      const first = await firstOf(part, run, filter, identities)
      return first !== undefined && comesBefore({ time: first.time, log: part.log }, own)
    })
    return !(await Promise.all(earlier)).includes(true)
  }

  async sumUp(run: RunKey): Promise<RunOverview | undefined> {
    const parts = await this.#moment.withRun(run.runId)
    const mergedRun = await MergedRun.read(this.#moment, parts, run.runId)
    const part = { size: mergedRun.size, identities: await this.#moment.identities() }
    const row = await derivedRow(mergedRun, part, run)
    return row && overviewInLedger(row.overview, mergedRun)
  }

  #isSpread(runId: string): Promise<boolean> {
    const known = this.#mergedRun.get(runId)
    if (known) return known
    const found = this.#look(runId)
    this.#mergedRun.set(runId, found)
    if (this.#mergedRun.size > REMEMBERED_RUNS) {
      const [oldest] = this.#mergedRun.keys()
      if (oldest !== undefined) this.#mergedRun.delete(oldest)
    }
    return found
  }

  async #look(runId: string): Promise<boolean> {
    const counts = await Promise.all(
      this.#others.map(({ store, size }) => store.countPostings('run', [runId], { from: 0, to: size }, 1)),
    )
    return counts.some((count) => count > 0)
  }
}

/** Reads the first event of a run in a log that passes a filter. */
async function firstOf(
  { store, size }: LogPart,
  { runId, tenantId }: RunKey,
  filter: EventFilter,
  identities: Identities,
): Promise<{ readonly time: string } | undefined> {
  for await (const events of readEvents(store, size, { ...filter, runId }, 1)) {
    const first = events.find((event) => identities.ownerOf(event).tenantId === tenantId)
    if (first) return first
  }
  return undefined
}
