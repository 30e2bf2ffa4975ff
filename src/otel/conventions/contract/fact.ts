import type {
  AgentRef,
  Alteration,
  AuditEventData,
  AuditEventType,
  Confidence,
  Timestamp,
} from '../../../events/index.js'

/** The ids of a tenant, session, user and run, as far as they are known. The rest is inherited. */
export interface ScopeIds {
  readonly tenantId?: string | undefined
  readonly sessionId?: string | undefined
  readonly userId?: string | undefined
  /** An id that the framework gave the run. */
  readonly runId?: string | undefined
  readonly parentRunId?: string | undefined
}

/**
 * An audit event that a convention derives from a span, beyond those that follow from its kind.
 *
 * @example
 * ```ts
 * const fact: Fact = { type: 'agent_handoff', data: { from: 'triage', to: 'billing' }, confidence: 'heuristic' }
 * ```
 */
export type Fact = {
  [T in AuditEventType]: {
    readonly type: T
    readonly data: AuditEventData<T>
    /** The time it happened. @defaultValue the time of the span's start or end, or of the telemetry event */
    readonly time?: Timestamp | undefined
    /** Overrides the scope that the event would inherit. */
    readonly scope?: (ScopeIds & { readonly agent?: AgentRef | undefined }) | undefined
    /**
     * Set where it rests on a guess, such as the wording of a message (`heuristic`), or on content that a client can make up
     * (`claimed`). A fact that rests on several grounds has the confidence of the weakest.
     */
    readonly confidence?: Confidence | undefined
    /** Fields that were missing or wrong, and the reasons. */
    readonly altered?: readonly Alteration[] | undefined
  }
}[AuditEventType]
