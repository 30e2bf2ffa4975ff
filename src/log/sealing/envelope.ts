import { randomBytes } from 'node:crypto'
import { envelopeFields } from '../../events/catalogue.js'
import { CONFIDENCES } from '../../events/confidence.js'
import { MAX_ID_LENGTH, PLAIN_ID_LENGTH, storedId } from '../../events/ids.js'
import { HAS_RANDOM_ID, randomId } from '../../events/random-id.js'
import { isReserved, unreserved } from '../../events/reserved.js'
import { isTimestamp, parseTimestamp, type Timestamp } from '../../events/time.js'
import type {
  AgentRef,
  Alteration,
  AuditEvent,
  AuditEventInput,
  ClaimedScope,
  EventSource,
  TraceRef,
} from '../../events/types.js'
import { NOT_PLAIN } from './plain.js'

/** Tenant of an event that names none, and session of one that belongs to no trace and no run either. */
export const DEFAULT_SCOPE = 'default'
/** Source of an event that names none. */
const DEFAULT_SOURCE: Readonly<EventSource> = Object.freeze({ convention: 'append', scope: 'spanledger' })

const SALT_BYTES = 16
/** A longer list is left to `Alterations`, which bounds it. */
const MAX_GIVEN_ALTERATIONS = 64
const ALTERATION_REASONS: ReadonlySet<unknown> = new Set(envelopeFields.altered.wrapped.item.entries.reason.options)

/** An event as it is sealed. Its fields are always added in this order, which is that of the stored JSON. */
export interface Draft {
  readonly v: 1
  readonly id: string
  type: string
  readonly time: Timestamp
  readonly recordedAt: Timestamp
  readonly tenantId: string
  readonly sessionId: string
  runId?: string
  parentRunId?: string
  agent?: AgentRef
  actor?: { readonly id: string }
  trace?: TraceRef
  supersedes?: string
  claimed?: ClaimedScope
  source?: EventSource
  statementOf?: string
  salt?: string
  data?: object
  altered?: readonly Alteration[]
  content?: AuditEvent['content']
}

/** Tells the time of recording what happened at a time, or just now. */
export type RecordedNow = (happenedAt?: Timestamp) => Timestamp

/** The parts of an envelope that its event does not bring. */
export interface EnvelopeCompletion {
  /** Tells `recordedAt`, by the event's `time` if it has one. */
  readonly recordedNow: RecordedNow
  /** Of an event that names no agent. */
  readonly fallbackAgent?: AgentRef | undefined
  /** Origin of the log, when the log makes a statement about itself. */
  readonly statementOf?: string | undefined
}

/**
 * Completes the envelope of an event; `data` is left to the caller. Each field is read once, and copied. Fields that no
 * event has are left out.
 *
 * @param completion - what the event itself does not say
 * @throws NOT_PLAIN, or what a getter throws, for an envelope that cannot be stored as it is
 */
export function completeEnvelope(
  input: Omit<AuditEventInput, 'data'>,
  { recordedNow, fallbackAgent, statementOf }: EnvelopeCompletion,
): Draft {
  const { id, type, time, tenantId, sessionId, runId, parentRunId, actor, trace, supersedes, claimed, source } = input
  const { agent = fallbackAgent } = input
  const tracePart = trace === undefined ? undefined : copyTrace(trace)
  const happenedAt = time === undefined ? undefined : plainTime(time)
  const recordedAt = recordedNow(happenedAt)
  const draft: Draft = {
    v: 1,
    id: id === undefined ? randomId() : plainId(id),
    type: plainId(type),
    time: happenedAt ?? recordedAt,
    recordedAt,
    tenantId: tenantId === undefined ? DEFAULT_SCOPE : plainId(tenantId),
    sessionId: plainId(sessionId === undefined ? (tracePart?.traceId ?? runId ?? DEFAULT_SCOPE) : sessionId),
  }
  if (runId !== undefined) draft.runId = plainId(runId)
  if (parentRunId !== undefined) draft.parentRunId = plainId(parentRunId)
  if (agent !== undefined) draft.agent = copyAgent(agent)
  if (actor !== undefined) draft.actor = copyActor(actor)
  if (tracePart !== undefined) draft.trace = tracePart
  if (supersedes !== undefined) draft.supersedes = plainId(supersedes)
  if (claimed !== undefined) draft.claimed = copyClaimed(claimed)
  draft.source = source === undefined ? DEFAULT_SOURCE : copySource(source)
  if (statementOf !== undefined) draft.statementOf = statementOf
  // A random id is a salt itself.
  if (id !== undefined && !(HAS_RANDOM_ID in input)) draft.salt = randomBytes(SALT_BYTES).toString('hex')
  return draft
}

/**
 * Turns what only the log can say into a `custom` event where somebody else says it. It looks at the finished draft, so
 * that what was checked is what is stored.
 */
export function withholdAuthority(draft: Draft): void {
  if (draft.statementOf === undefined && isReserved(draft)) Object.assign(draft, unreserved(draft))
}

/** The agent that `data` names, as that of `run_started` does. */
export function agentIn(data: object): AgentRef | undefined {
  const { agent } = data as { agent?: unknown }
  if (typeof agent !== 'object' || agent === null) return undefined
  const { id, name } = agent as AgentRef
  const named: AgentRef = {}
  if (isName(id)) named.id = id
  if (isName(name)) named.name = name
  return named.id === undefined && named.name === undefined ? undefined : named
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

/** Checks and copies each field of the envelope. A value that cannot be stored as it is throws. */
export const envelopeChecks = {
  id: plainId,
  type: plainId,
  time: plainTime,
  tenantId: plainId,
  sessionId: plainId,
  runId: plainId,
  parentRunId: plainId,
  agent: copyAgent,
  actor: copyActor,
  trace: copyTrace,
  supersedes: plainId,
  claimed: copyClaimed,
  source: copySource,
} as const

function copyAgent(agent: AgentRef): AgentRef {
  if (typeof agent !== 'object') throw NOT_PLAIN
  const { id, name } = agent
  const copy: AgentRef = {}
  if (id !== undefined) copy.id = plainId(id)
  if (name !== undefined) copy.name = plainId(name)
  return copy
}

function copyActor({ id }: { id: string }): { id: string } {
  return { id: plainId(id) }
}

function copyTrace({ traceId, spanId, parentSpanId }: TraceRef): TraceRef {
  const copy: TraceRef = { traceId: plainId(traceId), spanId: plainId(spanId) }
  if (parentSpanId !== undefined) copy.parentSpanId = plainId(parentSpanId)
  return copy
}

function copyClaimed({ tenantId, sessionId, userId, parentRunId }: ClaimedScope): ClaimedScope {
  const copy: ClaimedScope = {}
  if (tenantId !== undefined) copy.tenantId = plainId(tenantId)
  if (sessionId !== undefined) copy.sessionId = plainId(sessionId)
  if (userId !== undefined) copy.userId = plainId(userId)
  if (parentRunId !== undefined) copy.parentRunId = plainId(parentRunId)
  return copy
}

function copySource({ convention, scope, scopeVersion, service, confidence }: EventSource): EventSource {
  const copy: EventSource = { convention: plainId(convention), scope: plainName(scope) }
  if (scopeVersion !== undefined) copy.scopeVersion = plainName(scopeVersion)
  if (service !== undefined) copy.service = plainName(service)
  if (confidence === undefined) return copy
  if (!CONFIDENCES.includes(confidence)) throw NOT_PLAIN
  copy.confidence = confidence
  return copy
}

/** The alterations that were made before the log got the event. */
export function copyAlterations(alterations: readonly Alteration[]): Alteration[] {
  if (!Array.isArray(alterations) || alterations.length > MAX_GIVEN_ALTERATIONS) throw NOT_PLAIN
  return alterations.map(copyAlteration)
}

export function copyAlteration({ field, reason, by, originalLength }: Alteration): Alteration {
  const copy: Alteration = { field: plainId(field), reason }
  if (by !== undefined) copy.by = plainId(by)
  if (!ALTERATION_REASONS.has(reason)) throw NOT_PLAIN
  if (Number.isSafeInteger(originalLength)) copy.originalLength = originalLength as number
  else if (originalLength !== undefined) throw NOT_PLAIN
  return copy
}

function plainId(value: unknown): string {
  if (value === '') throw NOT_PLAIN
  return plainName(value)
}

function plainName(value: unknown): string {
  if (typeof value !== 'string') throw NOT_PLAIN
  if (value.length > PLAIN_ID_LENGTH && (value.length > MAX_ID_LENGTH || storedId(value) !== value)) throw NOT_PLAIN
  return value
}

function plainTime(value: unknown): Timestamp {
  if (isTimestamp(value)) return value
  const time = parseTimestamp(value)
  if (time === undefined) throw NOT_PLAIN
  return time
}
