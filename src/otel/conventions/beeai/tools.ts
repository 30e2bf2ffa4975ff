import { millisBetween, type Timestamp, timestampFromHrTime } from '../../../events/index.js'
import type { SpanLike } from '../../span.js'
import type { Fact, Memo } from '../contract.js'
import type { SpanError } from '../shared/outcome.js'
import { errorIn } from './errors.js'

/*
 * A call of a tool is a row of events: `start`, then `success`, or `error` and perhaps `retry` and `start` again, and
 * `finish` in any case. Nothing but the order tells which of them are of one call. Both the start of the call and its end
 * are recorded at the event that tells the end: all spans come when the run is over.
 */

/** A call that has not come to its end. */
interface OpenCall {
  readonly callId: string
  readonly tool: { readonly name: string }
  readonly startedAt: Timestamp
  /** Of the last attempt. */
  error: SpanError | undefined
}

const OPEN_CALLS = 'beeai.tools'
/** Calls of one tool in one run that are open at a time; past it the oldest is forgotten. */
const MAX_OPEN_CALLS = 1000

/** What an event of a tool says. */
export function toolFacts(path: string, event: string, span: SpanLike, memo: Memo): readonly Fact[] | undefined {
  const emitter = path.slice(0, path.lastIndexOf('.'))
  const calls = openCallsOf(memo, emitter)
  switch (event) {
    case 'start':
      noteStart(calls, emitter, span)
      return undefined
    case 'success': {
      const call = calls.shift()
      return call && [started(call), { type: 'tool_call_completed', data: ended(call, span) }]
    }
    case 'error': {
      const call = calls.find(({ error }) => error === undefined)
      if (call) call.error = errorIn(span) ?? { code: 'Error', message: '' }
      return undefined
    }
    case 'finish': {
      const at = calls.findIndex(({ error }) => error !== undefined)
      const [call] = at < 0 ? [] : calls.splice(at, 1)
      return call && [started(call), { type: 'tool_call_failed', data: { ...ended(call, span), error: call.error } }]
    }
    default:
      return undefined
  }
}

/** Calls that no event has told the end of when the run is over. */
export function unfinishedCalls(memo: Memo | undefined): readonly Fact[] {
  const byEmitter = memo?.get(OPEN_CALLS) as OpenCallsByEmitter | undefined
  return [...(byEmitter?.values() ?? [])].flat().map(started)
}

/** An attempt that follows one that failed is of the same call. */
function noteStart(calls: OpenCall[], emitter: string, span: SpanLike): void {
  const retried = calls.find(({ error }) => error !== undefined)
  if (retried) {
    retried.error = undefined
    return
  }
  const tool = { name: emitter.slice(emitter.lastIndexOf('.') + 1) }
  const { spanId: callId } = span.spanContext()
  calls.push({ callId, tool, startedAt: timestampFromHrTime(span.startTime), error: undefined })
  if (calls.length > MAX_OPEN_CALLS) calls.shift()
}

function started({ callId, tool, startedAt }: OpenCall): Fact {
  return { type: 'tool_call_started', data: { callId, tool: { ...tool } }, time: startedAt }
}

function ended({ callId, tool, startedAt }: OpenCall, span: SpanLike) {
  return { callId, tool: { ...tool }, durationMs: millisBetween(startedAt, timestampFromHrTime(span.startTime)) }
}

type OpenCallsByEmitter = Map<string, OpenCall[]>

function openCallsOf(memo: Memo, emitter: string): OpenCall[] {
  const known = memo.get(OPEN_CALLS) as OpenCallsByEmitter | undefined
  const byEmitter: OpenCallsByEmitter = known ?? new Map()
  if (!known) memo.set(OPEN_CALLS, byEmitter)
  const calls = byEmitter.get(emitter) ?? []
  byEmitter.set(emitter, calls)
  return calls
}
