/**
 * A reason why a process is not audited, or not as a whole:
 *
 * | code | meaning |
 * |---|---|
 * | `switched_off` | `setEnabled(false)`, or `SPANLEDGER_ENABLED` |
 * | `shut_down` | the processor is shut down |
 * | `no_log` | no log is attached |
 * | `log_opening` | a log is still being opened; what happens meanwhile is kept |
 * | `log_unavailable` | a log could not be opened |
 * | `log_failing` | an attached log cannot write, or was closed |
 * | `no_provider` | no tracer provider is registered globally, and nothing has come another way |
 * | `foreign_provider` | the global tracer provider records spans without this processor |
 * | `no_span` | no span has been seen so far |
 * | `no_agent_span` | spans have been seen, but none of an agent |
 * | `spans_sampled_away` | a sampler or a caller kept spans from being recorded |
 * | `no_context_manager` | no context manager is registered, so that children are not linked with their parents |
 */
export type AuditHealthCode =
  | 'switched_off'
  | 'shut_down'
  | 'no_log'
  | 'log_opening'
  | 'log_unavailable'
  | 'log_failing'
  | 'no_provider'
  | 'foreign_provider'
  | 'no_span'
  | 'no_agent_span'
  | 'spans_sampled_away'
  | 'no_context_manager'

/** A reason, for programs and for people. */
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

export interface AuditHealthCounts {
  /** Spans that have started or were delivered. */
  readonly spans: number
  /** Of these, those of agents, as far as a log was attached. */
  readonly agentSpans: number
  /** Events handed to the attached logs. */
  readonly events: number
  /** Events that the attached logs could not keep. */
  readonly dropped: number
  /** Spans that a sampler or a caller kept from being recorded. */
  readonly sampledAway: number
  /** Spans that were recorded by a provider without this processor. */
  readonly foreign: number
}

/** What is known of the global tracer provider, from whoever watches it. */
export interface ProviderReport {
  /** Spans that were not recorded, and for which nothing else stands in. */
  readonly sampledAway: number
  /** Spans that the global provider recorded and this processor was not told of. */
  readonly foreign: number
  /** The spans of every provider come to the processor, and those that are started where none is registered. */
  readonly coversEveryProvider: boolean
}

/** The part of a log that its health follows from. */
export interface WatchedLog {
  readonly location: string
  /** It could not be opened so far. */
  readonly isUnopened?: boolean
  health?(): { readonly status: string; readonly cause?: unknown }
  stats?(): { readonly dropped: Readonly<Record<string, number>> }
}

export interface WatchedAttachment {
  readonly id: string
  readonly log: WatchedLog
}
