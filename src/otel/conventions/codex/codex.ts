import type { SpanLike } from '../../span.js'
import type { Activity, Ancestors, Convention, RecognisedSpan } from '../contract.js'
import { flag, word } from '../shared/agent-events.js'
import { AGENT, PREFIX, reportOf, traceKey, usageOf } from './events.js'

/*
 * Codex traces all of its code; few of these spans say what the agent does: `session_task.*` is a turn, a span named as a
 * tool is its call, and the one around the last event of a response has what that consumed. What came of a tool is in an
 * event inside.
 */

const STEP: Activity = Object.freeze({ kind: 'step' })
const TURN = 'session_task.'
/** Inside of a turn's span, which may be lost: it is exported when the turn has ended. */
const RUN_TURN = 'run_turn'
const DISPATCH = 'dispatch'

const USAGE = {
  input: 'gen_ai.usage.input_tokens',
  output: 'gen_ai.usage.output_tokens',
  cached: 'gen_ai.usage.cache_read.input_tokens',
  created: 'gen_ai.usage.cache_write.input_tokens',
  reasoning: 'codex.usage.reasoning_output_tokens',
}

/** OpenAI's Codex, as spans and as log records. */
export const codexConvention: Convention = {
  name: 'codex',
  instrumentationScopes: ['codex*'],
  eventPrefixes: [PREFIX],

  recognise(span, phase, ancestors) {
    const { attributes, name } = span
    if ((name.startsWith(TURN) || name === RUN_TURN) && word(attributes, 'turn.id') !== undefined) {
      return turn(span, ancestors)
    }
    if (word(attributes, 'codex.tool.phase') === DISPATCH) return toolCall(span)
    if (attributes[USAGE.input] !== undefined) return modelCall(span)
    // What a span tells comes with it, or at its end.
    const sessionId = phase === 'microtask' ? undefined : word(attributes, 'conversation.id')
    return sessionId === undefined ? undefined : { ...STEP, scope: { sessionId } }
  },

  conclude(span, activity) {
    const { attributes } = span
    if (activity.kind === 'model') return { outcome: 'completed', usage: usageOf(attributes, USAGE) }
    if (activity.kind !== 'tool') return {}
    return flag(attributes, 'aborted') === true ? { outcome: 'failed', error: ABORTED } : {}
  },

  report: reportOf,
}

const ABORTED = Object.freeze({ code: 'aborted', message: '' })

function turn(span: SpanLike, { parent }: Ancestors): Activity {
  const { attributes, name } = span
  const runId = word(attributes, 'turn.id')
  const sessionId = word(attributes, 'conversation.id')
  if (isInTurn(parent, runId)) return { ...STEP, scope: { sessionId } }
  return {
    kind: 'run',
    agent: AGENT,
    model: word(attributes, 'model'),
    trigger: triggerOf(name),
    scope: { runId, sessionId },
    keys: [traceKey(span.spanContext().traceId)],
  }
}

/** The span of a turn has another inside that tells the same. */
function isInTurn(parent: RecognisedSpan | undefined, runId: string | undefined): boolean {
  for (let around = parent; around; around = around.outer) {
    if (around.activity.kind === 'run') return around.activity.scope?.runId === runId
  }
  return false
}

/** A turn that is none of a prompt's: `compact`, `review` … */
function triggerOf(name: string): string | undefined {
  return name === RUN_TURN || name === `${TURN}turn` ? undefined : name.slice(TURN.length)
}

/** The turn in whose trace a span is, where the span of the turn is lost. */
function loggedRun(span: SpanLike): Activity['loggedRun'] {
  const sessionId = word(span.attributes, 'conversation.id') ?? ''
  return { sessionId, keys: [traceKey(span.spanContext().traceId)] }
}

function toolCall(span: SpanLike): Activity {
  const { attributes, name } = span
  const callId = word(attributes, 'call_id')
  return {
    kind: 'tool',
    tool: { name: word(attributes, 'tool_name') ?? name },
    callId,
    scope: { sessionId: word(attributes, 'conversation.id') },
    loggedRun: loggedRun(span),
    call: { callId, spanId: span.spanContext().spanId },
  }
}

function modelCall(span: SpanLike): Activity {
  return { kind: 'model', operation: 'chat', model: word(span.attributes, 'model'), loggedRun: loggedRun(span) }
}
