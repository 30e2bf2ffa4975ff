import type { AuditLogError } from '../../events/errors.js'
import { fieldsOf, textIn } from '../../events/recorded-fields.js'
import type { StoredEvent } from '../../events/types.js'
import { usagePlus } from '../../events/usage.js'
import type { ReadableStore } from '../../store/readable.js'
import { identitiesOf } from '../query/identities.js'
import { invalidQuery } from '../query/parse-query.js'
import { readEvents } from '../query/read-events.js'
import { summariseLongRun } from './long-run.js'
import { readRunEvents } from './read-run.js'
import { RunFold } from './run-fold.js'
import type { LogPart } from './run-rows.js'
import { MAX_LISTED, type RunSummary, type RunTree } from './run-summary.js'

/**
 * One run with the runs below it. Without a tenant, the one tenant that has a run of this id is meant.
 *
 * @throws AuditLogError `AUDIT_QUERY_INVALID` when several have
 */
export async function readRunTree(
  store: ReadableStore,
  size: number,
  key: { readonly runId: string; readonly tenantId?: string },
): Promise<RunTree | undefined> {
  const part = { size, identities: await identitiesOf(store, size) }
  return await readTree(
    {
      summarise: (runId, tenantId) => summariseRun(store, part, runId, tenantId),
      subRunIds: (run) => subRunIds(store, part, run),
    },
    key,
  )
}

/** The runs of which a tree is made. */
export interface RunSource {
  /** @throws AuditLogError `AUDIT_QUERY_INVALID` when several tenants have it, and none is named */
  summarise(runId: string, tenantId: string | undefined): Promise<RunSummary | undefined>
  /** Returns the ids of runs that a run invoked, or that name it as their parent. */
  subRunIds(run: RunSummary): Promise<ReadonlySet<string>>
}

/** Reads a run with the runs below it. */
export async function readTree(
  runs: RunSource,
  { runId, tenantId }: { readonly runId: string; readonly tenantId?: string },
): Promise<RunTree | undefined> {
  const run = await runs.summarise(runId, tenantId)
  return run && (await growTree(runs, run, new Set([runId])))
}

/**
 * Places the runs that a run has below it, then those below each of them, by their starts.
 *
 * @param placed - the ids of runs that have their place in the tree; links between runs may form a cycle
 */
async function growTree(runs: RunSource, run: RunSummary, placed: Set<string>): Promise<RunTree> {
  const below: RunSummary[] = []
  for (const runId of await runs.subRunIds(run)) {
    if (placed.has(runId)) continue
    placed.add(runId)
    // Never a run of another tenant's, whatever id an event names.
    const subRun = await runs.summarise(runId, run.tenantId)
    if (subRun) below.push(subRun)
  }
  const subRuns: RunTree[] = []
  let totalUsage = run.usage
  for (const subRun of below.sort(byStart)) {
    const subTree = await growTree(runs, subRun, placed)
    subRuns.push(subTree)
    totalUsage = usagePlus(totalUsage, { ...subTree.totalUsage })
  }
  return { ...run, totalUsage, subRuns }
}

/** Compares runs by their starts: those of several logs have no other order. */
function byStart(one: RunSummary & { readonly log?: number }, other: RunSummary & { readonly log?: number }): number {
  if (one.startedAt !== other.startedAt) return one.startedAt < other.startedAt ? -1 : 1
  return (one.log ?? 0) - (other.log ?? 0) || one.firstSeq - other.firstSeq
}

/** Returns the ids of the runs that a run invoked, as its summary has it, or that name it as their parent in a log. */
export async function subRunIds(
  store: ReadableStore,
  { size, identities }: LogPart,
  run: RunSummary,
): Promise<ReadonlySet<string>> {
  const ids = new Set<string>()
  const addInvoked = (invoked: StoredEvent) => {
    const subRunId = textIn(fieldsOf(invoked.data), 'subRunId')
    if (subRunId !== undefined) ids.add(subRunId)
  }
  run.subAgents.forEach(addInvoked)
  if (run.subAgents.length === MAX_LISTED) {
    const unlisted = { runId: run.runId, tenantId: run.tenantId, types: ['sub_agent_invoked'] }
    for await (const events of readEvents(store, size, unlisted)) events.forEach(addInvoked)
  }
  for await (const events of readEvents(store, size, { parentRunId: run.runId })) {
    for (const event of events) {
      const { runId } = event
      if (runId !== undefined && identities.ownerOf(event).tenantId === run.tenantId) ids.add(runId)
    }
  }
  return ids
}

/** Sums up a run from its events in a log. */
export async function summariseRun(
  store: ReadableStore,
  part: LogPart,
  runId: string,
  tenantId: string | undefined,
): Promise<RunSummary | undefined> {
  const long = await summariseLongRun(store, part.size, { runId, tenantId })
  if (long) return long
  const folds = await foldRun(store, part, runId, tenantId)
  return (tenantId === undefined ? onlyRun(runId, [...folds.values()]) : folds.get(tenantId))?.summary()
}

/** Folds the runs of this id: that of one tenant, or those of all. */
async function foldRun(
  store: ReadableStore,
  { size, identities }: LogPart,
  runId: string,
  owner: string | undefined,
): Promise<ReadonlyMap<string, RunFold>> {
  const folds = new Map<string, RunFold>()
  // Hardly ever two tenants share a run id, so the index of tenants would not narrow this down.
  for await (const events of readRunEvents(store, runId, { from: 0, to: size, reverse: false })) {
    for (const event of events) {
      const { tenantId } = identities.ownerOf(event)
      if (owner !== undefined && tenantId !== owner) continue
      let fold = folds.get(tenantId)
      if (!fold) {
        fold = new RunFold(runId, event, identities)
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
  throw severalHaveRun(runId, run.tenantId, other.tenantId)
}

/** A run id without a tenant that more than one tenant uses. */
export function severalHaveRun(runId: string, one: string, other: string): AuditLogError {
  return invalidQuery('tenantId', `tenants '${one}' and '${other}' both have a run '${runId}'; say whose is meant`)
}
