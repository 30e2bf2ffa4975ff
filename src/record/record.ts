import type { Attributes } from '@opentelemetry/api'
import type { AuditEventData, AuditEventType } from '../events/types.js'
import { jsonAttributes } from './attributes.js'
import { idText } from './context.js'
import { emit, type RecordOptions } from './emit.js'
import { besideError, failureAttributes, fieldOf, stackOf } from './failure.js'
import { reportMisuse } from './misuse.js'
import { CUSTOM_NAME } from './names.js'

/*
 * Each function adds one event to the active span (of `options.context`, else of the active context), so that traces
 * show it too; where no span is recording it goes straight to the attached logs. None of them throws, waits, or costs
 * more than a look while nothing listens.
 */

/** Records one type of event. */
export type Recorder<T extends AuditEventType> = (data: AuditEventData<T>, options?: RecordOptions) => void

type Optional<D, K extends keyof D> = Omit<D, K> & Partial<Pick<D, K>>

function recorder<T extends AuditEventType>(type: T): Recorder<T> {
  return (data, options) => emit(type, data, options)
}

/** Records that a run began. Name the run with `options.runId` to end it with the same id later. */
export const recordRunStarted = recorder('run_started')

/**
 * Records that a run ended without an error.
 *
 * @param data - `usage` left out: what was counted during the run
 */
export function recordRunCompleted(data: AuditEventData<'run_completed'> = {}, options?: RecordOptions): void {
  emit('run_completed', data, options)
}

/**
 * Records that a run ended with an error.
 *
 * @param thrown - any value, or an object with it as its `error`; `code` is its `code` or else its `name`
 */
export function recordRunFailed(
  thrown: unknown,
  data: Omit<AuditEventData<'run_failed'>, 'error'> = {},
  options?: RecordOptions,
): void {
  emitFailure('run_failed', thrown, data, options)
}

/** Records that a run was cancelled. */
export const recordRunCancelled = recorder('run_cancelled')

/** Records that a run stopped to continue later; `recordResumed` records when it does. */
export const recordRunSuspended = recorder('run_suspended')

/**
 * Records an error that did not end the run.
 *
 * @param thrown - any value, or an object with it as its `error`; `code` is its `code` or else its `name`
 * @param data - `operation`: what failed
 */
export function recordErrorOccurred(
  thrown: unknown,
  data: Omit<AuditEventData<'error_occurred'>, 'error'>,
  options?: RecordOptions,
): void {
  emitFailure('error_occurred', thrown, data, options)
}

/**
 * Records what a call of a model consumed. It adds to the usage of the run.
 *
 * @param data - `totalTokens` left out: input and output together
 */
export function recordTokenUsageUpdated(
  data: Optional<AuditEventData<'token_usage_updated'>, 'totalTokens'>,
  options?: RecordOptions,
): void {
  emit('token_usage_updated', data, options)
}

/** Records that a limit or a budget was reached. */
export const recordUsageLimitExceeded = recorder('usage_limit_exceeded')

/** Records, in the scope of the calling agent, that it started another one. */
export const recordSubAgentInvoked = recorder('sub_agent_invoked')

/** Records that one agent passed the conversation on to another. */
export const recordAgentHandoff = recorder('agent_handoff')

/** Records that a suspended run continues. */
export const recordResumed = recorder('resumed')

/** Records a look-up in memory or in a retriever; `hits: 0` is a miss. */
export const recordMemoryRecall = recorder('memory_recall')

/** Records that the context was shortened: characters, tokens or messages, before and after. */
export const recordContextCompacted = recorder('context_compacted')

/** Records the start of a tool call; its end has the same `callId`. */
export const recordToolCallStarted = recorder('tool_call_started')

/** Records that a tool call returned. */
export const recordToolCallCompleted = recorder('tool_call_completed')

/**
 * Records that a tool call failed.
 *
 * @param thrown - any value, or an object with it as its `error`; `code` is its `code` or else its `name`
 */
export function recordToolCallFailed(
  thrown: unknown,
  data: Omit<AuditEventData<'tool_call_failed'>, 'error'>,
  options?: RecordOptions,
): void {
  emitFailure('tool_call_failed', thrown, data, options)
}

/** Records that a tool call waits for somebody's consent. */
export const recordToolApprovalRequested = recorder('tool_approval_requested')

/** Records who consented to a tool call, and why. */
export const recordToolApprovalGranted = recorder('tool_approval_granted')

/** Records who refused a tool call, and why. */
export const recordToolApprovalDenied = recorder('tool_approval_denied')

/** Records that a rule was broken, and what was done about it. */
export const recordPolicyViolation = recorder('policy_violation')

/** Records a decision of a policy, also one not to act: which policy and rule, the verdict, and what it was about. */
export const recordPolicyDecision = recorder('policy_decision')

/** Records the verdict of a guardrail on an input, an output or a call. */
export const recordGuardrailEvaluated = recorder('guardrail_evaluated')

/** Records that something was written to memory. */
export const recordMemoryWritten = recorder('memory_written')

/** Records that something was deleted from memory. */
export const recordMemoryDeleted = recorder('memory_deleted')

/** Records that somebody outside the agent stepped in: a kill switch, an override. */
export const recordIntervention = recorder('intervention')

/** Records an event that the catalogue has no type for, under a name of your own. */
export function recordCustom(
  name: string,
  data: Readonly<Record<string, unknown>> = {},
  options?: RecordOptions,
): void {
  emit('custom', data, options, { extra: { [CUSTOM_NAME]: idText(name) }, encode: jsonAttributes })
}

/**
 * Records an event of a type of your own: see `AuditEventTypes` and the log's option `eventTypes`. Data that the schema of
 * the type does not accept is recorded all the same, with the field in `altered`. Where the type is no name, as when the event is handed in as one object, a `custom` event says what was handed in.
 */
export function recordEvent<T extends AuditEventType>(type: T, data: AuditEventData<T>, options?: RecordOptions): void {
  if (typeof type === 'string' && type.length > 0) {
    emit(type, data, options, {
      extra: Object.hasOwn(FAILURE_FIELDS, type) ? errorAttributes(data) : undefined,
      encode: jsonAttributes,
    })
    return
  }
  reportMisuse('recordEvent: the type must be a text that is not empty; recorded as a custom event')
  const handedIn = typeof type === 'object' && type !== null ? type : { type, data }
  emit('custom', handedIn, options, { encode: jsonAttributes })
}

/** Of an error that was handed in as it was caught. */
function errorAttributes(data: unknown): Attributes | undefined {
  const error = fieldOf(data, 'error')
  return typeof error === 'string' || stackOf(error) !== undefined ? failureAttributes(error) : undefined
}

/** Fields of the event beside `error`, which the object that holds a thrown value may have too. */
const FAILURE_FIELDS = {
  run_failed: ['startedAt', 'durationMs', 'usage'],
  error_occurred: ['operation'],
  tool_call_failed: ['callId', 'tool', 'durationMs'],
} as const

function emitFailure(
  type: keyof typeof FAILURE_FIELDS,
  thrown: unknown,
  data: object,
  options: RecordOptions | undefined,
): void {
  const extra = failureAttributes(thrown)
  emit(type, besideError(thrown, FAILURE_FIELDS[type], data), options, { extra })
}
