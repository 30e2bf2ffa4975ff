import { errorIn, fieldsOf, textIn } from '../../events/recorded-fields.js'
import type { StoredEvent } from '../../events/types.js'
import type { ReadableStore } from '../../store/readable.js'
import type { RunOverview } from '../../store/runs/run-overview.js'
import { readEvents } from '../query/read-events.js'
import { restoreDiagnostics, restorerOf } from './restorers.js'

/** Types of the ends that say why, and the statuses that they give their runs. */
const ENDS: Readonly<Record<string, string>> = {
  failed: 'run_failed',
  cancelled: 'run_cancelled',
  suspended: 'run_suspended',
}
/** Ends of one run that are looked at, the newest first. */
const MAX_ENDS = 8

interface Listed {
  readonly run: RunOverview
}

/** Puts the messages and reasons of their ends back into runs: rows of an index have none. */
export async function* restoredRuns<R extends Listed>(
  store: ReadableStore,
  batches: AsyncIterable<readonly R[]>,
): AsyncGenerator<readonly R[]> {
  for await (const listed of batches) {
    if (!restorerOf(store)) {
      yield listed
      continue
    }
    const ends = await Promise.all(listed.map(({ run }) => endOf(store, run)))
    // One question for the content of all of them.
    await restoreDiagnostics(
      store,
      ends.flatMap((end) => (end ? [end] : [])),
    )
    yield listed.map((each, at) => ({ ...each, run: withReason(each.run, ends[at]) }))
  }
}

/** Returns the event that ended a run, where the run lacks what it says. */
async function endOf(store: ReadableStore, run: RunOverview): Promise<StoredEvent | undefined> {
  const type = ENDS[run.status]
  const lacksMessage = run.status === 'failed' ? run.error?.message === undefined : run.reason === undefined
  if (type === undefined || !lacksMessage) return undefined
  const filter = { tenantId: run.tenantId, runId: run.runId, types: [type], reverse: true, limit: MAX_ENDS }
  const ends: StoredEvent[] = []
  for await (const events of readEvents(store, store.size, filter, MAX_ENDS)) ends.push(...events)
  return ends.find(({ time }) => time === run.endedAt) ?? ends[0]
}

function withReason(run: RunOverview, end: StoredEvent | undefined): RunOverview {
  if (!end) return run
  const data = fieldsOf(end.data)
  const [error, reason] = [errorIn(data), textIn(data, 'reason')]
  return { ...run, ...(error && run.error && { error }), ...(reason !== undefined && { reason }) }
}
