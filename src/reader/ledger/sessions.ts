import type { StoredEvent } from '../../events/types.js'
import type { Owner } from '../query/identities.js'
import type { ParsedSessionQuery } from '../query/parse-query.js'
import { countEvents, readFirst } from '../query/read-events.js'
import type { Span } from '../query/results.js'
import type { SessionStart } from '../summaries/session-starts.js'
import { addRunsOf, listSessions, type SessionSummary, type SessionsElsewhere } from '../summaries/sessions.js'
import { comesBefore, type LogPart, type Moment } from './moment.js'
import type { LogsOfEnds } from './run-in-ledger.js'

/** Lists the sessions that begin in a log. */
export function listSessionsOf(moment: Moment, query: ParsedSessionQuery, part: LogPart) {
  const otherLogs = new OtherLogsSessions(moment, part)
  return async function* (span: Span): AsyncGenerator<readonly (SessionSummary & LogsOfEnds)[]> {
    for await (const sessions of listSessions(part.store, query, span, otherLogs)) {
      yield sessions as readonly (SessionSummary & LogsOfEnds)[]
    }
  }
}

/** The first event of a session in another log. */
interface PartElsewhere {
  readonly part: LogPart
  readonly first: StoredEvent
}

/** The events that other logs have of the sessions of one log. */
class OtherLogsSessions implements SessionsElsewhere {
  readonly #own: LogPart
  readonly #others: readonly LogPart[]

  constructor(moment: Moment, own: LogPart) {
    this.#own = own
    this.#others = moment.parts.filter((part) => part !== own)
  }

  async join(
    { owner, first }: SessionStart,
    session: () => Promise<SessionSummary>,
  ): Promise<(SessionSummary & LogsOfEnds) | undefined> {
    const { log } = this.#own
    const found = await Promise.all(this.#others.map((part) => this.#partOf(part, owner)))
    const others = found.filter((one) => one !== undefined)
    const start = { time: first.time, log }
    if (others.some((one) => comesBefore({ time: one.first.time, log: one.part.log }, start))) return undefined
    const own = { ...(await session()), log, lastLog: log }
    return others.length === 0 ? own : await this.#sum(own, owner, others)
  }

  async #sum(own: SessionSummary & LogsOfEnds, owner: Owner, others: readonly PartElsewhere[]) {
    const runIds = new Set<string>()
    await addRunsOf(runIds, this.#own.store, this.#own.size, owner)
    const { sessionId, tenantId } = owner
    let { lastEventAt, lastSeq, lastLog, events } = own
    for (const { part } of others) {
      const { store, size, log } = part
      await addRunsOf(runIds, store, size, owner)
      events += await countEvents(store, size, { sessionId, tenantId })
      const last = await readFirst(store, size, { sessionId, tenantId, reverse: true })
      if (!last || comesBefore({ time: last.time, log }, { time: lastEventAt, log: lastLog })) continue
      lastEventAt = last.time
      lastSeq = last.seq
      lastLog = log
    }
    return { ...own, lastEventAt, events, runs: runIds.size, lastSeq, lastLog }
  }

  async #partOf(part: LogPart, { sessionId, tenantId }: Owner): Promise<PartElsewhere | undefined> {
    const first = await readFirst(part.store, part.size, { sessionId, tenantId })
    return first && { part, first }
  }
}
