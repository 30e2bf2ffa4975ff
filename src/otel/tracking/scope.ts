import type { ScopeIds } from '../conventions/contract.js'

/** Whose an event is, once everything that can say so has been asked. */
export interface ResolvedScope {
  /** Absent when nothing names one: the attachment or the log then fills in its default. */
  readonly tenantId: string | undefined
  readonly sessionId: string
  /** The session follows from the trace, for want of anything better; a real one may still turn up. */
  readonly sessionDerived: boolean
  readonly userId: string | undefined
}

/**
 * Explicit attribute → context → parent → session derived from the trace. What the context says counts only where it differs from what it
 * said around the parent: set further out, it was already weighed there, perhaps against an attribute of the parent's.
 */
export function resolveScope(
  explicit: ScopeIds,
  context: ScopeIds,
  parentContext: ScopeIds,
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
