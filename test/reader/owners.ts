import type { StoredEvent } from '../../src/events/types.js'

/** The tenant and the session that an event counts for. */
export interface ExpectedOwner {
  readonly tenantId: string
  readonly sessionId: string
}

interface Move extends ExpectedOwner {
  readonly runId: string
  readonly from: string
  /** Session that gives way; `undefined` where only one that stands in for another does. */
  previousSession: string | undefined
  namesSession: boolean
}

/**
 * Tells whose each event is, by going through all statements of a log for each of them: said apart from how the reader does
 * it.
 */
export function ownersIn(events: readonly StoredEvent[]): (event: StoredEvent) => ExpectedOwner {
  const moves: (Move & { sessionId: string })[] = []
  for (const event of events) {
    if (event.type !== 'run_identified' || event.statementOf === undefined || event.runId === undefined) continue
    const { runId, tenantId, sessionId } = event
    const { tenantId: from = tenantId, sessionId: previousSession } = event.data.previous
    const namesSession = sessionId !== previousSession && !standsIn(event)
    const known = moveOf(moves, runId, from)
    if (!known) {
      if (from !== tenantId || namesSession) {
        moves.push({ runId, from, tenantId, sessionId, previousSession, namesSession })
      }
    } else if (known.from === known.tenantId && from !== tenantId) {
      // Its session was told before its tenant.
      const named = known.namesSession ? known : { sessionId, previousSession, namesSession }
      moves.push({ ...named, runId, from, tenantId })
    } else if (known.tenantId === tenantId && namesSession && !known.namesSession) {
      Object.assign(known, { sessionId, previousSession, namesSession })
    }
  }
  return (event) => {
    const { runId, tenantId, sessionId } = event
    const move = moveOf(moves, runId, tenantId)
    if (!move) return { tenantId, sessionId }
    const givesWay = move.namesSession && (sessionId === move.previousSession || standsIn(event))
    return { tenantId: move.tenantId, sessionId: givesWay ? move.sessionId : sessionId }
  }
}

function moveOf<T extends Move>(moves: readonly T[], runId: string | undefined, tenantId: string): T | undefined {
  const ofRun = moves.filter((one) => one.runId === runId)
  return ofRun.findLast(({ from }) => from === tenantId) ?? ofRun.find((one) => one.tenantId === tenantId)
}

function standsIn({ sessionId, runId, trace }: StoredEvent): boolean {
  return sessionId === runId || sessionId === trace?.traceId
}
