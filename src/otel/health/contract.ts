/**
 * The code of a reason why a process is not fully audited:
 *
 * | code | meaning |
 * |---|---|
 * | `switched_off` | `setEnabled(false)`, or `SPANLEDGER_ENABLED` |
 * | `shut_down` | the processor is shut down |
 * | `no_log` | no log is attached |
 * | `log_opening` | a log is still being opened; what happens meanwhile is kept |
 * | `log_unavailable` | a log could not be opened, or its directory was removed or replaced; it is tried again |
 * | `log_failing` | an attached log cannot write, or was closed |
 * | `foreign_provider` | spans are in use of a tracer provider that is not global, and records without this processor |
 * | `no_provider` | nothing has come so far, and no tracer provider is registered globally |
 * | `tracing_suppressed` | nothing has come so far but spans of which `suppressTracing` says that they do not count |
 * | `no_span` | no span has been seen so far |
 * | `no_agent_span` | spans have been seen, but none of an agent |
 * | `no_context_manager` | no context manager is registered, so that children are not linked with their parents |
 */
export type AuditHealthCode =
  | 'switched_off'
  | 'shut_down'
  | 'no_log'
  | 'log_opening'
  | 'log_unavailable'
  | 'log_failing'
  | 'foreign_provider'
  | 'no_provider'
  | 'tracing_suppressed'
  | 'no_span'
  | 'no_agent_span'
  | 'no_context_manager'

/** A reason why a process is not fully audited: a code for programs and a message for people. */
export interface AuditHealthReason {
  /** Stable: a code is never given another meaning. */
  readonly code: AuditHealthCode
  /** One line that names the cause and what mends it. The wording may change. */
  readonly message: string
  /** The number of spans that it has cost so far, where they were counted. */
  readonly spans?: number
  /** The id of the attachment, where it is about one log. */
  readonly attachment?: string
  /** The error behind it. */
  readonly cause?: unknown
}

/** The answer to "is this process audited?". */
export interface AuditHealth {
  /**
   * `audited`: nothing speaks against it, and agents have been recorded. `waiting`: nothing speaks against it, but no
   * agent has been seen, or the log is being opened. `impaired`: a part of what agents do here is missing or not linked.
   * `unaudited`: nothing is recorded.
   */
  readonly status: 'audited' | 'waiting' | 'impaired' | 'unaudited'
  /** The most severe reason comes first. */
  readonly reasons: readonly AuditHealthReason[]
  /** Counts since the processor was made. */
  readonly counts: AuditHealthCounts
}

/** Counters of a processor since it was created. */
export interface AuditHealthCounts {
  /** Spans that have started or were delivered. */
  readonly spans: number
  /** Of these, those of agents, as far as a log was attached. */
  readonly agentSpans: number
  /** Events handed to the attached logs. */
  readonly events: number
  /** Events that the attached logs could not keep. */
  readonly dropped: number
  /** Of the spans, those that no provider recorded, because of a sampler, of a caller, or since there is none. They are audited. */
  readonly sampledAway: number
  /** Of the spans, those that a provider without this processor recorded. They are audited. */
  readonly foreign: number
  /** Spans that are not audited, since `suppressTracing` was on where they started: an exporter's own requests, for example. */
  readonly suppressed: number
  /** Spans in use by hand that did not come to this processor. */
  readonly missed: number
}

/** The counts of the watch over the global tracer provider. */
export type ProviderReport = Pick<AuditHealthCounts, 'sampledAway' | 'foreign' | 'suppressed'>

/** The part of a log that its health follows from. */
export interface WatchedLog {
  readonly location: string
  /** The log could not be opened so far. */
  readonly isUnopened?: boolean
  health?(): { readonly status: string; readonly cause?: unknown }
  counters?(): { readonly dropped: Readonly<Record<string, number>> }
}

export interface WatchedAttachment {
  readonly id: string
  readonly log: WatchedLog
}
