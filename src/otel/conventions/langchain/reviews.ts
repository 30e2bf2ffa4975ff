import { type Timestamp, timestampFromHrTime } from '../../../events/index.js'
import type { SpanLike } from '../../span.js'
import type { Ancestors, Fact } from '../contract.js'
import type { FromClient } from '../shared/from-client.js'
import type { SpanError } from '../shared/outcome.js'
import { type Resumption, resumptionIn } from './commands.js'
import { interruptsIn } from './interrupts.js'
import { type ToolCall, toolCallsIn } from './messages.js'
import { isNews, type RunState, WAITING_FOR } from './run-state.js'
import type { Dialect } from './serialised.js'

/* The tool calls that wait for a human: how they are asked about, and how the graph goes on. */

const REVIEWED_CALLS = 'langchain.reviewedCalls'

/** A middleware goes on from where it asked a human: told by the input of the graph, as soon as that is known. */
export function reviewed(
  span: SpanLike,
  dialect: Dialect,
  { runState, parent }: Ancestors,
  name: string | undefined,
): readonly Fact[] {
  const graph = parent?.activity.kind === 'run' ? parent.span : undefined
  const resumption = graph && resumptionIn(graph.attributes, dialect.input)
  const facts = resumption?.tells((told) => {
    if (!told?.decisions.length) return undefined
    const calls = toolCallsIn(span.attributes, dialect.input)
    return calls?.tells((asked) => (asked.length > 0 ? reviewFacts(told.decisions, asked, span, runState) : undefined))
  })
  if (facts) return facts
  if (name?.startsWith('HumanInTheLoopMiddleware') && !runState?.has(REVIEWED_CALLS)) {
    runState?.set(REVIEWED_CALLS, toolCallsIn(span.attributes, dialect.input))
  }
  return []
}

/** Returns the decisions on the calls that waited. */
function reviewFacts(
  decisions: Resumption['decisions'],
  calls: readonly ToolCall[],
  span: SpanLike,
  runState: RunState,
): readonly Fact[] {
  if (decisions.length === 0 || !isNews(runState, 'review')) return []
  const time = timestampFromHrTime(span.startTime)
  const denied = decisions.filter((decision) => decision === 'denied').length
  // Of several, those that were denied may be the only ones left.
  const left = calls.length === decisions.length ? undefined : calls.length === denied ? [...calls] : []
  return decisions.map((decision, index): Fact => {
    const call = left === undefined ? calls[index] : decision === 'denied' ? left.shift() : undefined
    const data = approvalData(call, call?.name, `${span.spanContext().spanId}.${index}`)
    return decision === 'granted'
      ? { type: 'tool_approval_granted', data, time }
      : { type: 'tool_approval_denied', data, time }
  })
}

function approvalData(call: ToolCall | undefined, name: string | undefined, fallbackId: string) {
  return { callId: call?.id ?? fallbackId, tool: { name: name ?? 'unknown' } }
}

/** Returns the decisions made when the run began, on the calls about which a node inside had asked. */
export function reviewedInside(span: SpanLike, dialect: Dialect, state: RunState): readonly Fact[] {
  const calls = state?.get(REVIEWED_CALLS) as FromClient<readonly ToolCall[]> | undefined
  const facts = resumptionIn(span.attributes, dialect.input)?.tells((told) => {
    const review = (asked: readonly ToolCall[]) => told && reviewFacts(told.decisions, asked, span, state)
    return calls ? calls.tells(review) : review([])
  })
  return facts ?? []
}

/** Tool calls that wait for a human, each told once, where the graph stopped first. */
export function requests(span: SpanLike, dialect: Dialect, error: SpanError, runState: RunState): readonly Fact[] {
  const interrupts = interruptsIn(error.message)
  const confidence = interrupts.some(({ isGuess }) => isGuess) ? 'heuristic' : undefined
  const waitsForApproval = interrupts.some(({ requested }) => requested.length > 0)
  runState?.set(WAITING_FOR, waitsForApproval ? 'approval' : 'input')
  if (!waitsForApproval) return []
  // The node has stopped at a call of that name: whose id it is stands in the state that it was given.
  const calls = toolCallsIn(span.attributes, dialect.input)?.borneOutBy('interrupt', (asked) => [...asked]) ?? []
  return interrupts
    .filter(({ id }) => isNews(runState, id))
    .flatMap(({ id, requested }) =>
      requested.map((name, index): Fact => {
        const at = calls.findIndex((call) => call.name === name)
        const [call] = at < 0 ? [] : calls.splice(at, 1)
        return { type: 'tool_approval_requested', data: approvalData(call, name, `${id}.${index}`), confidence }
      }),
    )
}

/** A graph that goes on from a checkpoint. */
export function resumedFacts(span: SpanLike, dialect: Dialect, time?: Timestamp): readonly Fact[] {
  const resumption = resumptionIn(span.attributes, dialect.input)
  return resumption?.tells((told) => told && [{ type: 'resumed', data: {}, time }]) ?? []
}
