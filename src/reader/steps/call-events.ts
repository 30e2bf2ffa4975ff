import { fieldsOf } from '../../events/recorded-fields.js'
import type { ToolCallSummary } from '../summaries/run-summary.js'
import type { RunEvent } from '../summaries/skimmed-event.js'
import { callIdIn, endedCall, startedCall } from '../summaries/tool-call.js'
import { isOfCall } from './run-step.js'

/** An event that begins or ends a tool call. */
export interface CallEvent {
  readonly callId: string
  readonly isStart: boolean
  readonly event: RunEvent
}

/** Returns what an event says of a tool call; `undefined` for any other event. */
export function callEventOf(event: RunEvent): CallEvent | undefined {
  if (!isOfCall(event.type)) return undefined
  return { callId: callIdIn(fieldsOf(event.data)), isStart: event.type === 'tool_call_started', event }
}

/** A call whose start and end are events of the log; at least one of them is there. */
export function callOf(start: RunEvent | undefined, end: RunEvent | undefined): ToolCallSummary {
  const started = start && startedCall(start)
  if (!end) return started as ToolCallSummary
  return endedCall(started, end, end.type === 'tool_call_failed' ? 'failed' : 'completed')
}
