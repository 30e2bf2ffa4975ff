import { LIFECYCLE_TYPES, type RunStatus, statusAfter } from '../../events/run-status.js'
import type { ReadableStore } from '../../store/readable.js'
import { readEvents } from '../query/read-events.js'
import { readRunEvents } from '../summaries/read-run.js'
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
 * @throws AuditLogError `AUDIT_INVALID_QUERY` when several have
 */
export async function findRun(
  store: ReadableStore,
  size: number,
  runId: string,
  tenantId: string | undefined,
): Promise<RunOwner | undefined> {
  let found: RunOwner | undefined
  const filter = { runId, types: LIFECYCLE_TYPES, reverse: true }
  for await (const events of readEvents(store, size, filter)) {
    for (const event of events) {
      const status = statusAfter(event.type)
      if (status === undefined || (tenantId !== undefined && event.tenantId !== tenantId)) continue
      // The newest tells the status.
      found ??= { runId, tenantId: event.tenantId, status }
      if (tenantId !== undefined) return found
      if (event.tenantId !== found.tenantId) throw severalHaveRun(runId, event.tenantId, found.tenantId)
    }
  }
  if (found) return found
  return tenantId === undefined ? await findByAnyEvent(store, size, runId) : { runId, tenantId, status: 'running' }
}

/** Finds a run that neither begins nor ends in the log. */
async function findByAnyEvent(store: ReadableStore, size: number, runId: string): Promise<RunOwner | undefined> {
  let found: RunOwner | undefined
  for await (const events of readRunEvents(store, runId, { from: 0, to: size, reverse: false })) {
    for (const { tenantId } of events) {
      found ??= { runId, tenantId, status: 'running' }
      if (tenantId !== found.tenantId) throw severalHaveRun(runId, found.tenantId, tenantId)
    }
  }
  return found
}
