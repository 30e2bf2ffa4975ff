import type { Subject } from './contract.js'

/** The fields of an event by which its subject is found. */
export interface SubjectFields {
  readonly tenantId?: string | undefined
  readonly sessionId?: string | undefined
  readonly runId?: string | undefined
  readonly actor?: { readonly id: string } | undefined
  readonly trace?: { readonly traceId: string } | undefined
}

/** Tenant, and session, of an event of which nobody has named one. */
const UNNAMED = 'default'

/**
 * Returns the subject of an event: its actor, else the session that somebody named, else its tenant. A session that a log filled
 * in, from the trace or the run, is nobody's.
 */
export function subjectOf({ tenantId = UNNAMED, sessionId, runId, actor, trace }: SubjectFields): Subject {
  if (typeof actor?.id === 'string' && actor.id !== '') return { tenantId, kind: 'actor', id: actor.id }
  const isNamed =
    typeof sessionId === 'string' &&
    sessionId !== '' &&
    sessionId !== UNNAMED &&
    sessionId !== runId &&
    sessionId !== trace?.traceId
  return isNamed ? { tenantId, kind: 'session', id: sessionId } : { tenantId, kind: 'tenant', id: tenantId }
}

/** Returns a subject as a text that no other subject has. */
export function subjectText({ tenantId, kind, id }: Subject): string {
  return JSON.stringify([kind, tenantId, kind === 'tenant' ? '' : id])
}
