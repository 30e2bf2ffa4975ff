import type { AgentRef, Alteration, Confidence, TokenUsage } from '../../../events/index.js'
import type { RunActivity } from './activity.js'
import type { Fact, ScopeIds } from './fact.js'
import type { ErrorDetails, ToolCallReport, ToolRef } from './tool-call.js'

/** The way in which a run or a tool call ended. */
export type Outcome = 'completed' | 'failed' | 'cancelled' | 'suspended'

type ReportedUsage = { readonly [Field in keyof TokenUsage]?: TokenUsage[Field] | undefined }

/** The usage that a span reports; fields that it does not report are absent. */
export interface UsageReport extends ReportedUsage {
  readonly model?: string | undefined
  readonly provider?: string | undefined
  readonly responseId?: string | undefined
  /**
   * `within`: `inputTokens` includes the cached and the cache-creation tokens. `beside`: it leaves them out, as Anthropic does.
   * The recorded number always includes them.
   *
   * @defaultValue derived from the numbers and the instrumentation
   */
  readonly cache?: 'within' | 'beside' | undefined
  /**
   * `within`: `outputTokens` includes the reasoning tokens. `beside`: it leaves them out, as Gemini does. What is recorded
   * always includes them.
   *
   * @defaultValue derived from the numbers
   */
  readonly reasoning?: 'within' | 'beside' | undefined
  /**
   * Counts although spans inside have reported too: they are known to report less than all, or something else. Not where
   * another instrumentation has reported the calls inside.
   */
  readonly authoritative?: boolean | undefined
  /** Includes what spans inside have reported: only what goes beyond that counts. */
  readonly inclusive?: boolean | undefined
  /** Identifies the model call where log records and spans of a session report the same one: it counts once. */
  readonly callKey?: string | undefined
}

/**
 * The end of an activity.
 *
 * @example
 * A call of a model that was answered:
 * ```ts
 * const answered: Conclusion = { finishReason: 'stop', usage: { inputTokens: 20, outputTokens: 7, model: 'gpt-4o' } }
 * ```
 * A run that its user stopped:
 * ```ts
 * const stopped: Conclusion = { outcome: 'cancelled', reason: 'user_abort', by: 'u-17' }
 * ```
 */
export interface Conclusion {
  /** @defaultValue by the span's status: ERROR is `failed`, all else `completed` */
  readonly outcome?: Outcome | undefined
  /** Set where the outcome of a run rests on a guess, or on content of a client. */
  readonly confidence?: Confidence | undefined
  /** Fields of the terminal event that were lost, or rest on a part of what was reported. */
  readonly altered?: readonly Alteration[] | undefined
  readonly error?: ErrorDetails | undefined
  /** The reason why it was cancelled or suspended. */
  readonly reason?: string | undefined
  readonly waitingFor?: string | undefined
  /** The person who cancelled it. */
  readonly by?: string | undefined
  readonly finishReason?: string | undefined
  readonly usage?: UsageReport | undefined
  /** Of a recall: the number of records that were found. */
  readonly hits?: number | undefined
  /**
   * The run that encloses the span cannot go on, and the instrumentation may never say so: unless the span of the run ends
   * soon, it ended the way this one did.
   */
  readonly endsRun?: boolean | undefined
  /** Names that came only with the end. */
  readonly agent?: AgentRef | undefined
  readonly tool?: ToolRef | undefined
  readonly scope?: ScopeIds | undefined
  /**
   * Scope that the framework repeats on every span of a run, so that it holds for the run, and those that enclose it, as far
   * as nothing else is known of them. Any other scope counts for the span and those below it; a session, for the run too.
   */
  readonly runScope?: ScopeIds | undefined
  /** As `Activity.enclosingRun`, where only the end shows it. */
  readonly enclosingRun?: RunActivity | undefined
  /** Recorded before the terminal event. */
  readonly facts?: readonly Fact[] | undefined
  /** The report of the span on a tool call that another span, or a log record, reports as well. */
  readonly call?: ToolCallReport | undefined
}
