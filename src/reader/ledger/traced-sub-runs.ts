import { fieldsOf, textIn } from '../../events/recorded-fields.js'
import type { StoredEvent } from '../../events/types.js'
import { readEvents, readFirst } from '../query/read-events.js'
import type { RunSummary } from '../summaries/run-summary.js'
import type { LogPart, Moment } from './moment.js'
import type { LogsOfEnds } from './run-in-ledger.js'

/** Starts of runs that are looked at in a log at most: there is no index of traces. */
const MAX_STARTS = 4096

/**
 * Finds runs of other processes that belong below a run by their trace alone: they started in the same trace while it went on, in a
 * span whose parent is not of their process, and name no parent run. The trace is what a caller said, so the parent is a
 * claimed one.
 *
 * @param run - its `log` is the one that has its first event
 */
export async function tracedSubRunIds(
  moment: Moment,
  run: RunSummary & Partial<LogsOfEnds>,
): Promise<ReadonlySet<string>> {
  const ids = new Set<string>()
  const own = moment.parts.find(({ log }) => log === run.log)
  const traceId = own && (await traceOf(own, run))
  if (traceId === undefined) return ids
  const others = moment.parts.filter((part) => part !== own)
  const identities = await moment.identities()
  for (const { store, size } of others) {
    const filter = { types: ['run_started'], since: run.startedAt, limit: MAX_STARTS }
    let looked = 0
    for await (const events of readEvents(store, size, filter)) {
      for (const event of events) {
        looked++
        const { runId, parentRunId } = event
        const { tenantId } = identities.ownerOf(event)
        const isAfter = run.endedAt !== undefined && event.time > run.endedAt
        if (runId === undefined || runId === run.runId || parentRunId !== undefined || isAfter) continue
        if (tenantId === run.tenantId && isRemoteIn(event, traceId)) ids.add(runId)
      }
      if (looked >= MAX_STARTS || isPast(events, run)) break
    }
  }
  return ids
}

/** Tells whether a batch ends after the run did. */
function isPast(events: readonly StoredEvent[], { endedAt }: RunSummary): boolean {
  const last = events.at(-1)
  return endedAt !== undefined && last !== undefined && last.time > endedAt
}

async function traceOf({ store, size }: LogPart, { runId, firstSeq }: RunSummary): Promise<string | undefined> {
  const first = await readFirst(store, size, { runId, afterSeq: firstSeq - 1 })
  return first && textIn(fieldsOf(first.trace), 'traceId')
}

/** Tells whether an event is of a span in this trace that has a parent. */
function isRemoteIn({ trace }: StoredEvent, traceId: string): boolean {
  const fields = fieldsOf(trace)
  return textIn(fields, 'traceId') === traceId && textIn(fields, 'parentSpanId') !== undefined
}
