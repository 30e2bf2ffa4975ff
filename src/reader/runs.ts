import type { StoredEvent } from '../events/types.js'
import type { AuditStore } from '../store/contract.js'
import { fieldsOf, textIn } from './fields.js'
import { invalidQuery, type ParsedRunQuery } from './parse-query.js'
import type { EventFilter } from './plan.js'
import { readEvents } from './read-events.js'
import { RunFold } from './run-fold.js'
import { LIFECYCLE_TYPES, typesLeadingTo } from './run-status.js'
import type { RunSummary, RunTree } from './run-summary.js'
import { sumOfUsage } from './usage.js'

/** What identifies a run: two tenants may use the same run id. */
interface RunKey {
  readonly tenantId: string
  readonly runId: string
}

/**
 * Lists runs by walking the events that can tell of them, and sums up each where the first of its events is met. No
 * memory of runs seen is kept: whether an event is its run's first is asked of the run's index.
 */
export async function* listRuns(
  store: AuditStore,
  size: number,
  query: ParsedRunQuery,
): AsyncGenerator<readonly RunSummary[]> {
  const { tenantId, sessionId, agent, status, since, order, limit = Infinity } = query
  const filter: EventFilter = {
    ...(tenantId !== undefined && { tenantId }),
    ...(agent !== undefined && { agent }),
    // A session is walked whole: a run may have learnt of its session after its start.
    ...(sessionId === undefined ? { types: status ? typesLeadingTo(status) : LIFECYCLE_TYPES } : { sessionId }),
    // No event of a run is older than its start; younger ones there may be.
    ...(since !== undefined && { since }),
  }
  let left = limit
  for await (const events of readEvents(store, size, { ...filter, reverse: order === 'desc' })) {
    for (const event of events) {
      if (!isOfRun(event) || !(await isFirstOfRun(store, event, filter))) continue
      const run = await summariseRun(store, size, event)
      if (!run || !isWanted(run, query)) continue
      yield [run]
      if (--left === 0) return
    }
  }
}

/**
 * One run with the runs below it. Without a tenant, the one tenant that has a run of this id is meant.
 *
 * @throws AuditLogError `AUDIT_INVALID_QUERY` when several have
 */
export async function readRunTree(
  store: AuditStore,
  size: number,
  { runId, tenantId }: { readonly runId: string; readonly tenantId?: string },
): Promise<RunTree | undefined> {
  const owner = tenantId ?? (await tenantOfRun(store, size, runId))
  return owner === undefined ? undefined : await readSubtree(store, size, { tenantId: owner, runId }, new Set())
}

/** @param placed - the ids of runs that have their place in the tree; links between runs may form a cycle */
async function readSubtree(
  store: AuditStore,
  size: number,
  key: RunKey,
  placed: Set<string>,
): Promise<RunTree | undefined> {
  placed.add(key.runId)
  const run = await summariseRun(store, size, key)
  if (!run) return undefined
  const subRuns: RunTree[] = []
  let totalUsage = run.usage
  for (const runId of await subRunIds(store, size, run)) {
    if (placed.has(runId)) continue
    // Never a run of another tenant's, whatever id an event names.
    const subRun = await readSubtree(store, size, { tenantId: key.tenantId, runId }, placed)
    if (!subRun) continue
    subRuns.push(subRun)
    totalUsage = sumOfUsage(totalUsage, { ...subRun.totalUsage })
  }
  subRuns.sort((a, b) => a.firstSeq - b.firstSeq)
  return { ...run, totalUsage, subRuns }
}

async function subRunIds(store: AuditStore, size: number, { runId, tenantId, subAgents }: RunSummary) {
  const ids = new Set<string>()
  for (const invoked of subAgents) {
    const subRunId = textIn(fieldsOf(invoked.data), 'subRunId')
    if (subRunId !== undefined) ids.add(subRunId)
  }
  for await (const events of readEvents(store, size, { parentRunId: runId, tenantId })) {
    for (const event of events) if (event.runId !== undefined) ids.add(event.runId)
  }
  return ids
}

async function summariseRun(store: AuditStore, size: number, key: RunKey): Promise<RunSummary | undefined> {
  let fold: RunFold | undefined
  const { tenantId, runId } = key
  for await (const events of readEvents(store, size, { tenantId, runId })) {
    for (const event of events) {
      fold ??= new RunFold(runId, event)
      fold.add(event)
    }
  }
  return fold?.summary()
}

/** The tenant under which a run starts or ends; a child of it may name another. */
async function tenantOfRun(store: AuditStore, size: number, runId: string): Promise<string | undefined> {
  return (
    (await onlyTenant(store, size, { runId, types: LIFECYCLE_TYPES })) ?? (await onlyTenant(store, size, { runId }))
  )
}

async function onlyTenant(store: AuditStore, size: number, filter: EventFilter): Promise<string | undefined> {
  let tenantId: string | undefined
  for await (const events of readEvents(store, size, filter)) {
    for (const event of events) {
      tenantId ??= event.tenantId
      if (event.tenantId === tenantId) continue
      const both = `tenants '${tenantId}' and '${event.tenantId}'`
      throw invalidQuery('tenantId', `${both} both have a run '${filter.runId}'; say whose is meant`)
    }
  }
  return tenantId
}

function isOfRun(event: StoredEvent): event is StoredEvent & RunKey {
  return event.runId !== undefined
}

/** Whether no earlier event that passes the filter is of the same run. */
async function isFirstOfRun(
  store: AuditStore,
  { seq, runId, tenantId }: StoredEvent & RunKey,
  filter: EventFilter,
): Promise<boolean> {
  for await (const _earlier of readEvents(store, seq, { ...filter, runId, tenantId, limit: 1 })) return false
  return true
}

function isWanted(run: RunSummary, { sessionId, agent, status, since, until }: ParsedRunQuery): boolean {
  return (
    (sessionId === undefined || run.sessionId === sessionId) &&
    (agent === undefined || run.agent?.id === agent || run.agent?.name === agent) &&
    (status === undefined || status.includes(run.status)) &&
    (since === undefined || run.startedAt >= since) &&
    (until === undefined || run.startedAt < until)
  )
}
