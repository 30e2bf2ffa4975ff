import { LIFECYCLE_TYPES, type RunStatus, statusAfter } from '../../events/run-status.js'
import type { StoredEvent } from '../../events/types.js'
import type { ReadableStore } from '../../store/readable.js'
import { identitiesOf } from '../query/identities.js'
import { readEvents } from '../query/read-events.js'
import { readRunEvents } from '../summaries/read-run.js'
import { derivedRow, type LogPart } from '../summaries/run-rows.js'
import { severalHaveRun } from '../summaries/runs.js'

/** A run, and whose it is. */
export interface RunOwner {
  readonly runId: string
  readonly tenantId: string
  readonly status: RunStatus
}

/**
 * Finds a run by the events that begin and end it, without reading the others. Without a tenant, the one tenant that has a
 * run of this id is meant.
 *
 * @throws AuditLogError `AUDIT_QUERY_INVALID` when several have
 */
export async function findRun(
  store: ReadableStore,
  size: number,
  runId: string,
  tenantId: string | undefined,
): Promise<RunOwner | undefined> {
  let found: RunOwner | undefined
  const part = { size, identities: await identitiesOf(store, size) }
  const filter = { runId, types: LIFECYCLE_TYPES, reverse: true }
  for await (const events of readEvents(store, size, filter)) {
    for (const event of events) {
      const status = statusAfter(event.type)
      const owner = part.identities.ownerOf(event)
      if (status === undefined || (tenantId !== undefined && owner.tenantId !== tenantId)) continue
      // The newest tells the status.
      found ??= await ownerBy(store, part, { runId, tenantId: owner.tenantId, status }, event)
      if (tenantId !== undefined) return found
      if (owner.tenantId !== found.tenantId) throw severalHaveRun(runId, owner.tenantId, found.tenantId)
    }
  }
  if (found) return found
  return tenantId === undefined ? await findByAnyEvent(store, part, runId) : { runId, tenantId, status: 'running' }
}

/** Returns a run as its newest start or end tells. One that supersedes another may be about a time before the run went on. */
async function ownerBy(
  store: ReadableStore,
  part: LogPart,
  told: RunOwner,
  { supersedes }: StoredEvent,
): Promise<RunOwner> {
  if (supersedes === undefined) return told
  const row = await derivedRow(store, part, told)
  return row ? { ...told, status: row.overview.status } : told
}

/** Finds a run that neither begins nor ends in the log. */
async function findByAnyEvent(
  store: ReadableStore,
  { size, identities }: LogPart,
  runId: string,
): Promise<RunOwner | undefined> {
  let found: RunOwner | undefined
  for await (const events of readRunEvents(store, runId, { from: 0, to: size, reverse: false })) {
    for (const event of events) {
      const { tenantId } = identities.ownerOf(event)
      found ??= { runId, tenantId, status: 'running' }
      if (tenantId !== found.tenantId) throw severalHaveRun(runId, found.tenantId, tenantId)
    }
  }
  return found
}
