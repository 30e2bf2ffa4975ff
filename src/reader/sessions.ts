import type { Timestamp } from '../events/time.js'
import type { StoredEvent } from '../events/types.js'
import type { ReadableStore } from '../store/readable.js'
import type { ParsedSessionQuery } from './parse-query.js'
import { MAX_BATCH, readEvents, readEventsAt, readFirst } from './read-events.js'
import type { Span } from './results.js'
import { LIFECYCLE_TYPES, statusAfter } from './run-status.js'

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
  readonly firstSeq: number
  readonly lastSeq: number
}

const BATCH = 64

/** Lists sessions in the order of their first events. Keeps one number for every session of the log. */
export async function* listSessions(
  store: ReadableStore,
  { tenantId, since, until, order }: ParsedSessionQuery,
  { size, after, limit }: Span,
): AsyncGenerator<readonly SessionSummary[]> {
  const isListed = order === 'desc' ? (seq: number) => seq < (after ?? size) : (seq: number) => seq > (after ?? -1)
  const firsts: number[] = []
  for await (const seq of store.firstOfEach('session')) if (seq < size && isListed(seq)) firsts.push(seq)
  firsts.sort(order === 'desc' ? (a, b) => b - a : (a, b) => a - b)
  let left = limit
  for (let at = 0; at < firsts.length; at += BATCH) {
    for (const first of await readEventsAt(store, firsts.slice(at, at + BATCH))) {
      if (tenantId !== undefined && first.tenantId !== tenantId) continue
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
