import { LIFECYCLE_TYPES, statusAfter } from '../../events/run-status.js'
import type { Timestamp } from '../../events/time.js'
import type { StoredEvent } from '../../events/types.js'
import type { ReadableStore } from '../../store/readable.js'
import type { ParsedSessionQuery } from '../query/parse-query.js'
import { MAX_BATCH, readEvents, readFirst } from '../query/read-events.js'
import type { Span } from '../query/results.js'
import { sessionStarts } from './session-starts.js'

/** One session of one tenant: a conversation, a thread. */
export interface SessionSummary {
  readonly sessionId: string
  readonly tenantId: string
  /** `time` of the session's first event in the log. */
  readonly firstEventAt: Timestamp
  /** `time` of the session's last event in the log. */
  readonly lastEventAt: Timestamp
  /** Number of its events. */
  readonly events: number
  /** Number of runs that started, ended or were resumed in it. */
  readonly runs: number
  /** Of its first event. */
  readonly firstSeq: number
  /** Of its newest event. */
  readonly lastSeq: number
}

/** Lists sessions in the order of their first events. */
export async function* listSessions(
  store: ReadableStore,
  query: ParsedSessionQuery,
  { size, after, limit }: Span,
): AsyncGenerator<readonly SessionSummary[]> {
  const { since, until } = query
  let left = limit
  for await (const starts of sessionStarts(store, query, { size, after })) {
    for (const first of starts) {
      if (until !== undefined && first.time >= until) continue
      const session = await summariseSession(store, size, first)
      if (since !== undefined && session.lastEventAt < since) continue
      yield [session]
      if (--left === 0) return
    }
  }
}

async function summariseSession(
  store: ReadableStore,
  size: number,
  { sessionId, tenantId, time, seq }: StoredEvent,
): Promise<SessionSummary> {
  const scope = { sessionId, tenantId }
  const events = await store.countPostings('session', [sessionId, tenantId], { from: 0, to: size })
  // Reading a few events too many takes less than asking the index of each of these types.
  const telling = events <= MAX_BATCH ? scope : { ...scope, types: LIFECYCLE_TYPES }
  const [last, runs] = await Promise.all([
    readFirst(store, size, { ...scope, reverse: true }),
    countRuns(readEvents(store, size, telling, MAX_BATCH)),
  ])
  const { time: lastEventAt, seq: lastSeq } = last ?? { time, seq }
  return { sessionId, tenantId, firstEventAt: time, lastEventAt, events, runs, firstSeq: seq, lastSeq }
}

async function countRuns(found: AsyncIterable<readonly StoredEvent[]>): Promise<number> {
  const runIds = new Set<string>()
  for await (const events of found) {
    for (const { type, runId } of events) if (runId !== undefined && statusAfter(type)) runIds.add(runId)
  }
  return runIds.size
}
