import type { AuditEventData } from '../../../events/index.js'

/** A tool, as events name it. */
export type ToolRef = AuditEventData<'tool_call_started'>['tool']

/** An error, as a convention reads it. The log keeps the message and the stack trace apart from the entry, as content. */
export type ErrorDetails = AuditEventData<'error_occurred'>['error'] & { message: string }

/** The ids of one tool call, as far as a span or a log record has them. */
export interface ToolCallRef {
  readonly callId?: string | undefined
  /** The span that is the call. */
  readonly spanId?: string | undefined
  /** Stands in where log records do not name the call: what the span knows as well. Calls that share it match in order. */
  readonly slot?: string | undefined
}

/** A decision on a tool call before it runs. */
export interface ToolCallDecision {
  readonly verdict: 'granted' | 'denied'
  /** Somebody was asked: a rule, or a hook, decides without a request. */
  readonly asked: boolean
  readonly by?: string | undefined
  readonly reason?: string | undefined
}

/** The report of one span or log record on a tool call. */
export interface ToolCallReport extends ToolCallRef {
  readonly tool?: ToolRef | undefined
  readonly decision?: ToolCallDecision | undefined
  readonly outcome?: 'completed' | 'failed' | undefined
  readonly error?: ErrorDetails | undefined
  readonly durationMs?: number | undefined
  /** As the span or the record has them: the policy of the log decides what becomes of them. */
  readonly arguments?: unknown
  /** As the span or the record has it. */
  readonly result?: unknown
}
