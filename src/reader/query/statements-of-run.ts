import { fieldsOf, textIn } from '../../events/recorded-fields.js'
import type { StoredEvent } from '../../events/types.js'
import type { OwnedEvent, Statement } from './identity.js'

/** A statement that says whose a run is. */
export interface IdentityStatement extends Statement {
  /** Number of its log in the ledger; 0 where there is one log. */
  readonly number: number
  readonly time: string
  readonly runId: string
  /** Tenant of the events before. */
  readonly fromTenant: string
  readonly tenantId: string
  /** The session, where it was identified late as well. */
  readonly session: IdentifiedSession | undefined
}

/** The session of a run that was identified late. */
export interface IdentifiedSession {
  readonly from: string | undefined
  readonly sessionId: string
}

/** A run of which the log says whose it is. */
export interface Identity {
  readonly fromTenant: string
  readonly tenantId: string
  session: IdentifiedSession | undefined
}

/** @returns `undefined` for an event that is no such statement, or says nothing */
export function statementIn(
  { seq, time, type, runId, tenantId, sessionId, trace, statementOf, data }: StoredEvent,
  place: { readonly log: number; readonly number: number },
): IdentityStatement | undefined {
  if (type !== 'run_identified' || typeof statementOf !== 'string' || runId === undefined) return undefined
  const previous = fieldsOf(fieldsOf(data).previous)
  const fromTenant = textIn(previous, 'tenantId') ?? tenantId
  const from = textIn(previous, 'sessionId')
  const isNamed = sessionId !== from && !standsIn(sessionId, { tenantId, sessionId, runId, trace })
  if (fromTenant === tenantId && !isNamed) return undefined
  return { ...place, seq, time, runId, fromTenant, tenantId, session: isNamed ? { from, sessionId } : undefined }
}

/** A statement, and the time by which it is ordered. */
interface TimedStatement {
  readonly statement: IdentityStatement
  readonly time: string
}

/**
 * The statements about the runs of one id, in the order in which they count: those of one log as they stand in it, and of what
 * several logs say next the earliest, of equal times that of the lower number. So the order does not depend on which log was
 * read first.
 */
export class StatementsOfRun {
  readonly #statements: TimedStatement[] = []

  /** Takes the next statement of a log. */
  add(statement: IdentityStatement): void {
    const before = this.#statements.findLast((one) => one.statement.log === statement.log)
    // It comes behind its predecessor, whose time may be later: a clock was set back.
    const time = before && before.time > statement.time ? before.time : statement.time
    const timed = { statement, time }
    const at = this.#statements.findLastIndex((one) => comesBefore(one, timed))
    this.#statements.splice(at + 1, 0, timed)
  }

  /** Returns whose the runs are by the statements that are known. What is said of a run for the second time moves nothing. */
  identities(isKnown: (statement: Statement) => boolean): readonly Identity[] {
    const identities: Identity[] = []
    for (const { statement } of this.#statements) if (isKnown(statement)) count(statement, identities)
    return identities
  }
}

/** Returns the one, among those of all runs with one id, that holds for events of a tenant: the last one that names it. */
export function identityIn(identities: readonly Identity[], tenantId: string): Identity | undefined {
  return (
    identities.findLast((one) => one.fromTenant === tenantId) ?? identities.find((one) => one.tenantId === tenantId)
  )
}

/** Tells whether a session stands in for one that nobody named: the id of the run or of the trace. */
export function standsIn(sessionId: string, { runId, trace }: OwnedEvent): boolean {
  return sessionId === runId || (trace !== undefined && fieldsOf(trace).traceId === sessionId)
}

function count({ fromTenant, tenantId, session }: IdentityStatement, identities: Identity[]): void {
  const known = identityIn(identities, fromTenant)
  if (known && (known.fromTenant !== known.tenantId || fromTenant === tenantId)) {
    if (known.tenantId === tenantId) known.session ??= session
    return
  }
  // An earlier statement may have named the session.
  identities.push({ fromTenant, tenantId, session: known?.session ?? session })
}

function comesBefore(one: TimedStatement, other: TimedStatement): boolean {
  if (one.time !== other.time) return one.time < other.time
  const [{ number, seq }, { number: otherNumber, seq: otherSeq }] = [one.statement, other.statement]
  return number === otherNumber ? seq < otherSeq : number < otherNumber
}
