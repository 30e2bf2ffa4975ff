import { LIFECYCLE_TYPES, typesLeadingTo } from '../../events/run-status.js'
import type { StoredEvent } from '../../events/types.js'
import type { ReadableStore } from '../../store/readable.js'
import type { RunOverview } from '../../store/runs/run-overview.js'
import type { RunKey, RunRow } from '../../store/runs/run-row.js'
import { identitiesOf } from '../query/identities.js'
import type { ParsedRunQuery } from '../query/parse-query.js'
import { type EventFilter, walkFrom } from '../query/plan.js'
import { type ActorFilter, isOfActor, withPseudonyms } from '../query/pseudonyms.js'
import { readEvents } from '../query/read-events.js'
import type { Span } from '../query/results.js'
import { FirstEvents, type RunEvent } from './first-events.js'
import { derivedRow, keptRows, type LogPart } from './run-rows.js'

/** The number of runs that are looked into at once, so that none waits for the disk alone. */
const MAX_ABREAST = 8

/** A run, and the position of the event by which it is listed. */
export interface ListedRun {
  readonly run: RunOverview
  readonly position: number
  /** `time` of that event. */
  readonly time: string
}

/** The events that other logs have of the runs of a log: some runs go on in another log. */
export interface RunsElsewhere {
  /** Tells of each run whether another log has events of a run with this id. */
  have(runIds: readonly string[]): Promise<readonly boolean[]>
  /** Tells whether an event, the first of its log that passes a filter, is the first of all logs for its run. */
  isFirst(event: RunEvent, run: RunKey, filter: EventFilter): Promise<boolean>
  /** Sums up a run from its events in all logs. */
  sumUp(run: RunKey): Promise<RunOverview | undefined>
}

/**
 * Lists runs by walking the events that can tell of them: each run where the first of these events is met. A run's row
 * tells all that is asked of it. The runs seen are not kept, so that the list can be of any length.
 */
export async function* listRuns(
  store: ReadableStore,
  query: ParsedRunQuery,
  { size, after, limit }: Span,
  elsewhere?: RunsElsewhere,
): AsyncGenerator<readonly ListedRun[]> {
  const part = { size, identities: await identitiesOf(store, size) }
  const named = await withPseudonyms(store, size, query)
  const filter = tellingEvents(named)
  const lister = new RunLister(store, part, { query: named, filter }, elsewhere)
  let left = limit
  let abreast = 1
  for await (const events of readEvents(store, size, { ...filter, ...walkFrom(query.order, after) })) {
    const telling = events.filter(isOfRun)
    const keys = telling.map((event) => keyOf(event, part))
    const rows = await keptRows(store, part, keys)
    const spread = await elsewhere?.have(keys.map(({ runId }) => runId))
    for (let at = 0; at < telling.length; ) {
      const chunk = telling.slice(at, at + abreast)
      const runs = await Promise.all(chunk.map((event, n) => lister.listedBy(event, rows[at + n], spread?.[at + n])))
      const listed = runs.flatMap((run, n) => {
        const { seq, time } = chunk[n] as RunEvent
        return run ? [{ run, position: seq, time }] : []
      })
      if (listed.length > 0) yield listed.slice(0, left)
      left -= listed.length
      if (left <= 0) return
      at += chunk.length
      abreast = Math.min(abreast * 2, MAX_ABREAST)
    }
  }
}

/** The events of which a run that passes the query has at least one. */
function tellingEvents(query: ParsedRunQuery & ActorFilter): EventFilter {
  const { tenantId, sessionId, agent, actorId, pseudonyms, status, since } = query
  return {
    ...(tenantId !== undefined && { tenantId }),
    ...(agent !== undefined && { agent }),
    // Those of a session or an actor are walked whole: a run may have learnt of them after its start.
    ...(sessionId === undefined &&
      actorId === undefined && { types: status ? typesLeadingTo(status) : LIFECYCLE_TYPES }),
    ...(sessionId !== undefined && { sessionId }),
    ...(actorId !== undefined && { actorId, pseudonyms }),
    // No event of a run is older than its start; younger ones there may be.
    ...(since !== undefined && { since }),
  }
}

class RunLister {
  readonly #store: ReadableStore
  readonly #part: LogPart
  readonly #query: ParsedRunQuery & ActorFilter
  readonly #filter: EventFilter
  readonly #firsts: FirstEvents
  readonly #elsewhere: RunsElsewhere | undefined

  constructor(
    store: ReadableStore,
    part: LogPart,
    { query, filter }: { readonly query: ParsedRunQuery & ActorFilter; readonly filter: EventFilter },
    elsewhere: RunsElsewhere | undefined,
  ) {
    this.#store = store
    this.#part = part
    this.#query = query
    this.#filter = filter
    this.#firsts = new FirstEvents(store, filter, part)
    this.#elsewhere = elsewhere
  }

  /**
   * Returns the run of an event of the walk, if it is wanted and this event is the first of the walk to tell of it.
   *
   * @param kept - the run's row, where the store keeps one; any other is derived where the run is listed
   * @param isSpread - another log has events of a run with this id
   */
  async listedBy(event: RunEvent, kept: RunRow | undefined, isSpread = false): Promise<RunOverview | undefined> {
    if (isSpread) return await this.#listedFromAll(event, kept)
    if (kept && !isWanted(kept.overview, this.#query)) return undefined
    if (!(await this.#firsts.isFirst(event, kept))) return undefined
    if (kept) return kept.overview
    const derived = await derivedRow(this.#store, this.#part, keyOf(event, this.#part))
    return derived && isWanted(derived.overview, this.#query) ? derived.overview : undefined
  }

  /** The rows of a run of several logs tell a part of it each: whether it is wanted, only its sum tells. */
  async #listedFromAll(event: RunEvent, kept: RunRow | undefined): Promise<RunOverview | undefined> {
    const run = keyOf(event, this.#part)
    if (!(await this.#firsts.isFirst(event, kept))) return undefined
    if (!(await this.#elsewhere?.isFirst(event, run, this.#filter))) return undefined
    const overview = await this.#elsewhere?.sumUp(run)
    return overview && isWanted(overview, this.#query) ? overview : undefined
  }
}

/** Returns the run that an event counts for. */
function keyOf(event: RunEvent, { identities }: LogPart): RunKey {
  return { tenantId: identities.ownerOf(event).tenantId, runId: event.runId }
}

function isOfRun(event: StoredEvent): event is RunEvent {
  return event.runId !== undefined
}

function isWanted(run: RunOverview, query: ParsedRunQuery & ActorFilter): boolean {
  const { sessionId, agent, status, since, until, minTotalTokens, minCostUsd, minDurationMs } = query
  return (
    (sessionId === undefined || run.sessionId === sessionId) &&
    (agent === undefined || run.agent?.id === agent || run.agent?.name === agent) &&
    isOfActor(run.actor?.id, query) &&
    (status === undefined || status.includes(run.status)) &&
    (since === undefined || run.startedAt >= since) &&
    (until === undefined || run.startedAt < until) &&
    reaches(run.usage.totalTokens, minTotalTokens) &&
    reaches(run.usage.costUsd, minCostUsd) &&
    reaches(run.durationMs, minDurationMs)
  )
}

function reaches(value: number | undefined, least: number | undefined): boolean {
  return least === undefined || (value !== undefined && value >= least)
}
