import { confidenceOf, weakest } from '../../events/confidence.js'
import { errorIn, type Fields, fieldsOf, numberIn, present, textIn } from '../../events/recorded-fields.js'
import type { RunStatus } from '../../events/run-status.js'
import { millisBetween } from '../../events/time.js'
import type { ToolCallSummary } from './run-summary.js'
import type { RunEvent } from './skimmed-event.js'

/** The id by which the start and the end of a call are taken together; empty where an event has none. */
export function callIdIn(data: Fields): string {
  return textIn(data, 'callId') ?? ''
}

/** A call as its start tells of it. */
export function startedCall(event: RunEvent): ToolCallSummary {
  return {
    ...identity(fieldsOf(event.data)),
    status: 'running',
    ...present({ confidence: confidenceOf(event) }),
    startedAt: event.time,
  }
}

/** A call as its end tells of it. @param started - the call so far, where its start was recorded */
export function endedCall(
  started: ToolCallSummary | undefined,
  event: RunEvent,
  status: 'completed' | 'failed',
): ToolCallSummary {
  const data = fieldsOf(event.data)
  const { startedAt } = started ?? {}
  const elapsed = startedAt === undefined ? undefined : millisBetween(startedAt, event.time)
  return {
    ...(started ?? identity(data)),
    status,
    endedAt: event.time,
    ...present({
      confidence: weakest(started?.confidence, confidenceOf(event)),
      durationMs: numberIn(data, 'durationMs') ?? elapsed,
      error: errorIn(data),
    }),
  }
}

/** Tells whether a run of this status takes up no call again. */
export function isOver(run: RunStatus): boolean {
  return run !== 'running' && run !== 'suspended'
}

/** A call of a run that is over. */
export function unfinishedIfRunning(call: ToolCallSummary): ToolCallSummary {
  return call.status === 'running' ? { ...call, status: 'unfinished' } : call
}

function identity(data: Fields): { callId: string; name: string } {
  return { callId: callIdIn(data), name: textIn(fieldsOf(data.tool), 'name') ?? '' }
}
