import type { ScopeIds } from '../conventions/contract.js'

/** The tenant, the session and the user of an event, after all that can name them has been asked. */
export interface ResolvedScope {
  /** Absent when nothing names one: the attachment or the log then fills in its default. */
  readonly tenantId: string | undefined
  readonly sessionId: string
  /** The session follows from the trace, for want of anything better; a real one may still turn up. */
  readonly sessionDerived: boolean
  readonly userId: string | undefined
}

/** All that names the scope of a span, the strongest first. */
export interface ScopeSources {
  readonly explicit: ScopeIds
  readonly context: ScopeIds
  readonly parentContext: ScopeIds
  readonly parent: ResolvedScope | undefined
  readonly derivedSession: string
}

/**
 * Explicit attribute → context → parent → session derived from the trace. The context counts only where it differs from that
 * around the parent: set further out, it was already weighed there, perhaps against an attribute of the parent's.
 */
export function resolveScope(sources: ScopeSources): ResolvedScope {
  const { explicit, context, parentContext, parent, derivedSession } = sources
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

/** Returns the fields of `over`, and those of `under` besides. */
export function overlay(under: ScopeIds, over: ScopeIds): ScopeIds {
  return {
    tenantId: over.tenantId ?? under.tenantId,
    sessionId: over.sessionId ?? under.sessionId,
    userId: over.userId ?? under.userId,
    runId: over.runId ?? under.runId,
    parentRunId: over.parentRunId ?? under.parentRunId,
  }
}
