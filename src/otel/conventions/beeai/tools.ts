import { millisBetween, type Timestamp, timestampFromHrTime } from '../../../events/index.js'
import type { SpanLike } from '../../span.js'
import type { ConventionState, Fact } from '../contract.js'
import type { SpanError } from '../shared/outcome.js'
import { errorIn } from './errors.js'

/*
 * A call of a tool is a row of events: `start`, then `success`, or `error` and perhaps `retry` and `start` again, and
 * `finish` in any case. No id tells which of them are of one call, and their times are too coarse to tell the order within
 * a millisecond. So they are counted when the run is over: each `start` is a call or another attempt, which a `retry` has
 * announced; a `finish` without a `success` is a failure.
 *
 *     start ─▶ success ────────────────────▶ finish      completed
 *     start ─▶ error ─▶ retry ─▶ start ─▶ error ─▶ finish      failed, one call
 *     start ─▶                               never ended
 */

/** One event of a tool. */
interface SpanPhase {
  readonly time: Timestamp
  readonly millis: number
  readonly spanId: string
  readonly error: SpanError | undefined
}

type MomentsByEvent = Map<string, SpanPhase[]>

const EVENTS = 'beeai.tools'
const TOLD = new Set(['start', 'success', 'error', 'retry', 'finish'])
/** Events of one kind, of one tool in one run; what comes later is not looked at. */
const MAX_MOMENTS = 1000

/** Notes an event of a tool until the run is over. */
export function rememberToolEvent(path: string, event: string, span: SpanLike, runState: ConventionState): void {
  if (!TOLD.has(event)) return
  const moments = momentsOf(runState, path.slice(0, path.lastIndexOf('.')), event)
  if (moments.length >= MAX_MOMENTS) return
  const { startTime } = span
  moments.push({
    time: timestampFromHrTime(startTime),
    millis: startTime[0] * 1e3 + startTime[1] / 1e6,
    spanId: span.spanContext().spanId,
    error: event === 'error' ? (errorIn(span) ?? { code: 'Error', message: '' }) : undefined,
  })
}

/** The calls of tools in a run that is over. */
export function toolFacts(runState: ConventionState | undefined): readonly Fact[] {
  const byEmitter = runState?.get(EVENTS) as Map<string, MomentsByEvent> | undefined
  const facts = [...(byEmitter ?? [])].flatMap(([emitter, moments]) =>
    factsOf(emitter.slice(emitter.lastIndexOf('.') + 1), moments),
  )
  return facts.sort(byTime)
}

function byTime({ time: one = '' }: Fact, { time: other = '' }: Fact): number {
  if (one === other) return 0
  return one < other ? -1 : 1
}

function factsOf(name: string, moments: MomentsByEvent): readonly Fact[] {
  const inOrder = (event: string) => (moments.get(event) ?? []).toSorted((one, other) => one.millis - other.millis)
  const [starts, successes, errors, finishes] = [
    inOrder('start'),
    inOrder('success'),
    inOrder('error'),
    inOrder('finish'),
  ]
  for (const retry of inOrder('retry')) {
    takeNearest(errors, retry)
    if (starts.length > 1) takeNearest(starts, retry)
  }
  for (const success of successes) takeNearest(finishes, success)
  const failures = finishes
    .slice(0, errors.length)
    .map((finish) => ({ ...finish, error: takeNearest(errors, finish)?.error }))
  const ends = [...successes, ...failures].sort((one, other) => one.millis - other.millis)
  return starts.flatMap((start, at) => factsOfCall(name, start, ends[at]))
}

function factsOfCall(name: string, start: SpanPhase, end: SpanPhase | undefined): readonly Fact[] {
  const { spanId: callId, time } = start
  const started: Fact = { type: 'tool_call_started', data: { callId, tool: { name } }, time }
  if (!end) return [started]
  // An end may seem to be a hair earlier than the start.
  const endedAt = end.millis < start.millis ? time : end.time
  const data = { callId, tool: { name }, durationMs: millisBetween(time, endedAt) }
  const { error } = end
  if (error) return [started, { type: 'tool_call_failed', data: { ...data, error }, time: endedAt }]
  return [started, { type: 'tool_call_completed', data, time: endedAt }]
}

/** Removes and returns the moment that is nearest in time to another. */
function takeNearest(moments: SpanPhase[], to: SpanPhase): SpanPhase | undefined {
  let nearest = 0
  const distance = (phase: SpanPhase | undefined) =>
    phase ? Math.abs(phase.millis - to.millis) : Number.POSITIVE_INFINITY
  for (let at = 1; at < moments.length; at++) if (distance(moments[at]) < distance(moments[nearest])) nearest = at
  return moments.splice(nearest, 1)[0]
}

function momentsOf(runState: ConventionState, emitter: string, event: string): SpanPhase[] {
  const known = runState.get(EVENTS) as Map<string, MomentsByEvent> | undefined
  const byEmitter = known ?? new Map<string, MomentsByEvent>()
  if (!known) runState.set(EVENTS, byEmitter)
  const byEvent = byEmitter.get(emitter) ?? new Map<string, SpanPhase[]>()
  byEmitter.set(emitter, byEvent)
  const moments = byEvent.get(event) ?? []
  byEvent.set(event, moments)
  return moments
}
