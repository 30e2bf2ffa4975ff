import { LIFECYCLE_TYPES, statusAfter } from '../../events/run-status.js'
import type { Timestamp } from '../../events/time.js'
import type { StoredEvent } from '../../events/types.js'
import type { ReadableStore } from '../../store/readable.js'
import { identitiesOf, type Owner } from '../query/identities.js'
import type { ParsedSessionQuery } from '../query/parse-query.js'
import { countEvents, MAX_BATCH, readEvents, readFirst } from '../query/read-events.js'
import { readEventsAt } from '../query/read-stored.js'
import type { Span } from '../query/results.js'
import { countRunsAt } from './session-runs.js'
import { type SessionStart, sessionStarts } from './session-starts.js'

/** One session of one tenant: a conversation or a thread. */
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
  /** Time of its first event. */
  readonly firstSeq: number
  /** Time of its newest event. */
  readonly lastSeq: number
}

/** The events that other logs have of the sessions of a log: some sessions go on in another log. */
export interface SessionsElsewhere {
  /**
   * Joins what a log tells of a session with what the others tell.
   *
   * @param start - of the session in the log
   * @returns `undefined` where the session begins in another log
   */
  join(start: SessionStart, session: () => Promise<SessionSummary>): Promise<SessionSummary | undefined>
}

/** Lists sessions in the order of their first events. */
export async function* listSessions(
  store: ReadableStore,
  query: ParsedSessionQuery,
  { size, after, limit }: Span,
  elsewhere?: SessionsElsewhere,
): AsyncGenerator<readonly SessionSummary[]> {
  const { since, until } = query
  const part = { size, identities: await identitiesOf(store, size) }
  let left = limit
  for await (const starts of sessionStarts(store, query, part, after)) {
    for (const start of starts) {
      if (until !== undefined && start.first.time >= until) continue
      const own = () => summariseSession(store, size, start)
      const session = await (elsewhere ? elsewhere.join(start, own) : own())
      if (!session) continue
      if (since !== undefined && session.lastEventAt < since) continue
      yield [session]
      if (--left === 0) return
    }
  }
}

async function summariseSession(
  store: ReadableStore,
  size: number,
  { owner, first, seqs }: SessionStart,
): Promise<SessionSummary> {
  const { sessionId, tenantId } = owner
  const { time, seq } = first
  const { last, events, runs } = await (seqs ? readShort(store, size, first, seqs) : readLong(store, size, owner))
  const times = { firstEventAt: time, lastEventAt: (last ?? first).time }
  return { sessionId, tenantId, ...times, events, runs, firstSeq: seq, lastSeq: (last ?? first).seq }
}

/** The facts of a summary that the first event of a session does not have. */
interface SessionRest {
  readonly last: StoredEvent | undefined
  readonly events: number
  readonly runs: number
}

/** Reads what is told of a session of few events. */
async function readShort(
  store: ReadableStore,
  size: number,
  first: StoredEvent,
  seqs: readonly number[],
): Promise<SessionRest> {
  const [last = first] = seqs.length === 1 ? [] : await readEventsAt(store, seqs.slice(-1))
  return { last, events: seqs.length, runs: await countRunsAt(store, size, seqs, [first, last]) }
}

/** Reads what is told of a session of many events: those of them that begin, resume or end a run, and the last one. */
async function readLong(store: ReadableStore, size: number, { sessionId, tenantId }: Owner): Promise<SessionRest> {
  const scope = { sessionId, tenantId }
  const [events, last, runs] = await Promise.all([
    countEvents(store, size, scope),
    readFirst(store, size, { ...scope, reverse: true }),
    countRuns(store, size, { sessionId, tenantId }),
  ])
  return { last, events, runs }
}

async function countRuns(store: ReadableStore, size: number, owner: Owner): Promise<number> {
  const runIds = new Set<string>()
  await addRunsOf(runIds, store, size, owner)
  return runIds.size
}

/** Adds the ids of the runs that started, ended or were resumed in a session. */
export async function addRunsOf(
  runIds: Set<string>,
  store: ReadableStore,
  size: number,
  { sessionId, tenantId }: Owner,
): Promise<void> {
  for await (const events of readEvents(store, size, { sessionId, tenantId, types: LIFECYCLE_TYPES }, MAX_BATCH)) {
    for (const { type, runId } of events) if (runId !== undefined && statusAfter(type)) runIds.add(runId)
  }
}
