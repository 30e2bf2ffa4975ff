import type { Attributes } from '@opentelemetry/api'
import { PARENT_RUN_ID, RUN_ID, SESSION_ID, TENANT_ID, USER_ID } from '../../record/names.js'
import type { ScopeFacts } from '../conventions/contract.js'

/** Whose an event is, once everything that can say so has been asked. */
export interface ResolvedScope {
  /** Absent when nothing names one: the attachment or the log then fills in its default. */
  readonly tenantId: string | undefined
  readonly sessionId: string
  /** The session follows from the trace, for want of anything better; a real one may still turn up. */
  readonly sessionDerived: boolean
  readonly userId: string | undefined
}

/** Standard names by which a span or an event says whose it is; the first that is there counts. */
const TENANT_KEYS = [TENANT_ID]
const SESSION_KEYS = [SESSION_ID, 'session.id', 'gen_ai.conversation.id']
const RUN_KEYS = [RUN_ID]
const PARENT_RUN_KEYS = [PARENT_RUN_ID]
const USER_KEYS = [USER_ID, 'user.id', 'enduser.id']

/** Whether a session is among the attributes: some instrumentations learn of it on the way. */
export function namesSession(attributes: Attributes): boolean {
  return firstText(attributes, SESSION_KEYS) !== undefined
}

export function scopeFromAttributes(attributes: Attributes): ScopeFacts {
  return {
    tenantId: firstText(attributes, TENANT_KEYS),
    sessionId: firstText(attributes, SESSION_KEYS),
    userId: firstText(attributes, USER_KEYS),
    runId: firstText(attributes, RUN_KEYS),
    parentRunId: firstText(attributes, PARENT_RUN_KEYS),
  }
}

/**
 * Explicit attribute → context → parent → session derived from the trace. What the context says counts only where it differs from what it
 * said around the parent: set further out, it was already weighed there, perhaps against an attribute of the parent's.
 */
export function resolveScope(
  explicit: ScopeFacts,
  context: ScopeFacts,
  parentContext: ScopeFacts,
  parent: ResolvedScope | undefined,
  derivedSession: string,
): ResolvedScope {
  const pick = (field: 'tenantId' | 'sessionId' | 'userId') =>
    explicit[field] ?? (context[field] === parentContext[field] ? undefined : context[field]) ?? parent?.[field]
  const sessionId =
    explicit.sessionId ?? (context.sessionId === parentContext.sessionId ? undefined : context.sessionId)
  return {
    tenantId: pick('tenantId'),
    userId: pick('userId'),
    sessionId: sessionId ?? parent?.sessionId ?? derivedSession,
    sessionDerived: sessionId === undefined && (parent?.sessionDerived ?? true),
  }
}

function firstText(attributes: Attributes, keys: readonly string[]): string | undefined {
  for (const key of keys) {
    const value = attributes[key]
    if (typeof value === 'string' && value !== '') return value
    if (typeof value === 'number') return String(value)
  }
  return undefined
}
