import { fieldsOf, textIn } from '../../events/recorded-fields.js'
import { LIFECYCLE_TYPES, typesLeadingTo } from '../../events/run-status.js'
import type { StoredEvent } from '../../events/types.js'
import { usagePlus } from '../../events/usage.js'
import type { ReadableStore } from '../../store/readable.js'
import { invalidQuery, type ParsedRunQuery } from '../query/parse-query.js'
import { type EventFilter, Plan, walkFrom } from '../query/plan.js'
import { MAX_BATCH, readEvents } from '../query/read-events.js'
import type { Span } from '../query/results.js'
import { FirstEvents, type RunEvent } from './first-events.js'
import { RunFold } from './run-fold.js'
import type { RunSummary, RunTree } from './run-summary.js'

/** What identifies a run: two tenants may use the same run id. */
interface RunKey {
  readonly tenantId: string
  readonly runId: string
}

/** How many runs are read at once, at most, so that none waits for the disk alone. */
const MAX_ABREAST = 8

/** A run, and the event by which it is listed. */
export interface ListedRun {
  readonly run: RunSummary
  readonly position: number
}

/**
 * Lists runs by walking the events that can tell of them, and sums up each where the first of its events is met. The
 * runs seen are not kept, so that the list can be of any length.
 */
export async function* listRuns(
  store: ReadableStore,
  query: ParsedRunQuery,
  { size, after, limit }: Span,
): AsyncGenerator<readonly ListedRun[]> {
  const { tenantId, sessionId, agent, status, since } = query
  const filter: EventFilter = {
    ...(tenantId !== undefined && { tenantId }),
    ...(agent !== undefined && { agent }),
    // A session is walked whole: a run may have learnt of its session after its start.
    ...(sessionId === undefined ? { types: status ? typesLeadingTo(status) : LIFECYCLE_TYPES } : { sessionId }),
    // No event of a run is older than its start; younger ones there may be.
    ...(since !== undefined && { since }),
  }
  const firsts = new FirstEvents(new Plan(filter, size))
  let left = limit
  let abreast = 1
  for await (const events of readEvents(store, size, { ...filter, ...walkFrom(query.order, after) })) {
    const telling = events.filter(isOfRun)
    for (let at = 0; at < telling.length; ) {
      const chunk = telling.slice(at, at + abreast)
      const runs = await Promise.all(chunk.map((event) => runListedBy(store, size, event, firsts)))
      for (const [n, run] of runs.entries()) {
        if (!run || !isWanted(run, query)) continue
        yield [{ run, position: (chunk[n] as RunEvent).seq }]
        if (--left === 0) return
      }
      at += abreast
      abreast = Math.min(abreast * 2, MAX_ABREAST)
    }
  }
}

/** The run of an event, if that is the first to tell of it. */
async function runListedBy(
  store: ReadableStore,
  size: number,
  event: RunEvent,
  firsts: FirstEvents,
): Promise<RunSummary | undefined> {
  if (!firsts.mayBe(event)) return undefined
  let fold: RunFold | undefined
  for await (const earlier of readEvents(store, size, { runId: event.runId }, MAX_BATCH)) {
    for (const one of earlier) {
      if (one.tenantId !== event.tenantId) continue
      firsts.note(one as RunEvent)
      fold ??= new RunFold(event.runId, one)
      fold.add(one)
    }
    // Others may be many: they are read where the run is listed.
    if (!firsts.mayBe(event)) return undefined
  }
  return fold?.summary()
}

/**
 * One run with the runs below it. Without a tenant, the one tenant that has a run of this id is meant.
 *
 * @throws AuditLogError `AUDIT_INVALID_QUERY` when several have
 */
export async function readRunTree(
  store: ReadableStore,
  size: number,
  { runId, tenantId }: { readonly runId: string; readonly tenantId?: string },
): Promise<RunTree | undefined> {
  const folds = await foldRun(store, size, runId, tenantId)
  const run = (tenantId === undefined ? onlyRun(runId, [...folds.values()]) : folds.get(tenantId))?.summary()
  return run && (await growTree(store, size, run, new Set([runId])))
}

/** @param placed - the ids of runs that have their place in the tree; links between runs may form a cycle */
async function growTree(store: ReadableStore, size: number, run: RunSummary, placed: Set<string>): Promise<RunTree> {
  const subRuns: RunTree[] = []
  let totalUsage = run.usage
  for (const runId of await subRunIds(store, size, run)) {
    if (placed.has(runId)) continue
    placed.add(runId)
    // Never a run of another tenant's, whatever id an event names.
    const subRun = await summariseRun(store, size, { tenantId: run.tenantId, runId })
    if (!subRun) continue
    const subTree = await growTree(store, size, subRun, placed)
    subRuns.push(subTree)
    totalUsage = usagePlus(totalUsage, { ...subTree.totalUsage })
  }
  subRuns.sort((a, b) => a.firstSeq - b.firstSeq)
  return { ...run, totalUsage, subRuns }
}

async function subRunIds(store: ReadableStore, size: number, run: RunSummary): Promise<ReadonlySet<string>> {
  const ids = new Set<string>()
  for (const invoked of run.subAgents) {
    const subRunId = textIn(fieldsOf(invoked.data), 'subRunId')
    if (subRunId !== undefined) ids.add(subRunId)
  }
  for await (const events of readEvents(store, size, { parentRunId: run.runId })) {
    for (const { tenantId, runId } of events) if (tenantId === run.tenantId && runId !== undefined) ids.add(runId)
  }
  return ids
}

async function summariseRun(store: ReadableStore, size: number, key: RunKey): Promise<RunSummary | undefined> {
  const folds = await foldRun(store, size, key.runId, key.tenantId)
  return folds.get(key.tenantId)?.summary()
}

/** Folds the runs of this id: that of one tenant, or those of all. */
async function foldRun(
  store: ReadableStore,
  size: number,
  runId: string,
  owner: string | undefined,
): Promise<ReadonlyMap<string, RunFold>> {
  const folds = new Map<string, RunFold>()
  // Hardly ever two tenants share a run id, so the index of tenants would not narrow this down.
  for await (const events of readEvents(store, size, { runId }, MAX_BATCH)) {
    for (const event of events) {
      const { tenantId } = event
      if (owner !== undefined && tenantId !== owner) continue
      let fold = folds.get(tenantId)
      if (!fold) {
        fold = new RunFold(runId, event)
        folds.set(tenantId, fold)
      }
      fold.add(event)
    }
  }
  return folds
}

/** A run belongs to the tenant under which it starts or ends, though a span inside it may name another. */
function onlyRun(runId: string, folds: readonly RunFold[]): RunFold | undefined {
  const begunOrEnded = folds.filter((fold) => fold.hasBegunOrEnded)
  const [run, other] = begunOrEnded.length > 0 ? begunOrEnded : folds
  if (!run || !other) return run
  const both = `tenants '${run.tenantId}' and '${other.tenantId}'`
  throw invalidQuery('tenantId', `${both} both have a run '${runId}'; say whose is meant`)
}

function isOfRun(event: StoredEvent): event is RunEvent {
  return event.runId !== undefined
}

function isWanted(run: RunSummary, query: ParsedRunQuery): boolean {
  const { sessionId, agent, status, since, until, minTotalTokens, minCostUsd, minDurationMs } = query
  return (
    (sessionId === undefined || run.sessionId === sessionId) &&
    (agent === undefined || run.agent?.id === agent || run.agent?.name === agent) &&
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
