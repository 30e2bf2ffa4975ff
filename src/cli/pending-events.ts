import type { AuditEvent, StoredEvent } from '../events/types.js'
import type { LedgerEventQuery } from '../reader/contract.js'
import { mergeBatches } from '../reader/ledger/merge-batches.js'
import { parseQuery } from '../reader/ledger/positions.js'
import { Plan } from '../reader/query/plan.js'
import { filterOf } from '../reader/query/plan-of-query.js'
import { eachReadable, type PendingPart } from './pending.js'

/** An event that is recorded and not committed yet: it has no position. */
export type PendingEvent = Omit<StoredEvent, 'seq'> & { readonly seq: null; readonly log?: number }

/** Events of a part that are merged at a time. */
const BATCH = 256

/**
 * Gives those of the pending events that a query lets through, in its order and at most as many as its limit: those of each
 * process as it recorded them, those of several merged by time. They are behind every position.
 *
 * @throws AuditLogError `AUDIT_QUERY_INVALID`
 */
export async function* pendingEventsOf(
  parts: readonly PendingPart[],
  query: LedgerEventQuery<string>,
): AsyncGenerator<PendingEvent, void, undefined> {
  const { parsed } = parseQuery(query)
  const { beforeSeq, afterSeq: _, limit = Infinity, order, ...filters } = parsed
  if (beforeSeq !== undefined || query.before !== undefined) return
  const plan = new Plan(filterOf(filters))
  const reverse = order === 'desc'
  const walks = parts.map((part) => (reverse ? newest(part, plan, limit) : inBatches(part, plan)))
  let left = limit
  for await (const merged of mergeBatches(walks, ({ time }) => time, reverse)) {
    for (const { item, source } of merged) {
      const log = parts[source]?.log
      yield { ...item, seq: null, ...(log !== undefined && { log }) } as PendingEvent
      if (--left === 0) return
    }
  }
}

/** The newest first. It keeps as many as are asked for. */
async function* newest(part: PendingPart, plan: Plan, limit: number): AsyncGenerator<readonly AuditEvent[]> {
  let kept: AuditEvent[] = []
  for (const event of passing(part, plan)) {
    kept.push(event)
    if (kept.length >= 2 * limit + BATCH) kept = kept.slice(-limit)
  }
  yield kept.slice(-limit).reverse()
}

async function* inBatches(part: PendingPart, plan: Plan): AsyncGenerator<readonly AuditEvent[]> {
  let batch: AuditEvent[] = []
  for (const event of passing(part, plan)) {
    batch.push(event)
    if (batch.length < BATCH) continue
    yield batch
    batch = []
  }
  yield batch
}

function* passing({ events }: PendingPart, plan: Plan): Generator<AuditEvent, void, undefined> {
  // Attacker-controlled: the journals of other processes; each event was parsed as any entry, and its fields are checked by the filters.
  for (const event of eachReadable(events)) if (plan.admits(event as StoredEvent)) yield event
}
