import { parentSpanIdOf, type SpanLike } from '../../span.js'
import type { Activity, Convention, RunReport } from '../contract.js'
import { callKey, word } from '../shared/agent-events.js'
import { count } from '../shared/attributes.js'
import { usageFrom } from '../shared/usage.js'
import { agentKey, type Dialect, promptKey, reportOf, slotOf } from './events.js'

/*
 * Gemini CLI's spans have operations of their own. Without a terminal no span is around the calls of one prompt: log
 * records tell of the run. A tool's span is OK whatever came of it; the log record says.
 */

const PREFIX = 'gemini_cli.'
const DIALECT: Dialect = { agent: { name: 'gemini-cli' }, provider: 'gcp.gen_ai', prefixes: [PREFIX] }
const STEP: Activity = Object.freeze({ kind: 'step' })

/** Google's Gemini CLI, as spans and as log records. */
export const geminiCliConvention: Convention = {
  name: 'gemini-cli',
  instrumentationScopes: ['gemini-cli'],
  eventPrefixes: [PREFIX],

  recognise(span) {
    const { attributes } = span
    switch (word(attributes, 'gen_ai.operation.name')) {
      case 'user_prompt':
        return { kind: 'run', agent: DIALECT.agent, keys: loggedRun(span)?.keys }
      case 'agent_call':
        return agentCall(span)
      case 'llm_call': {
        const model = word(attributes, 'gen_ai.request.model')
        return {
          kind: 'model',
          operation: 'generate_content',
          model,
          provider: DIALECT.provider,
          loggedRun: loggedRun(span),
        }
      }
      case 'tool_call':
        return toolCall(span)
      case undefined:
        return undefined
      default:
        return STEP
    }
  },

  conclude({ attributes }, activity) {
    if (activity.kind !== 'model') return {}
    const usage = usageFrom(attributes)
    const input = count(attributes, 'gen_ai.usage.input_tokens') ?? 0
    const output = count(attributes, 'gen_ai.usage.output_tokens') ?? 0
    return { usage: usage && { ...usage, callKey: callKey(undefined, input, output) } }
  },

  report: (event) => reportOf(event, DIALECT),
}

/** The run of the prompt that a span names, else the one in progress in its session. */
function loggedRun({ attributes }: SpanLike): Pick<RunReport, 'sessionId' | 'keys' | 'isOfRunInProgress'> | undefined {
  const sessionId = word(attributes, 'gen_ai.conversation.id', 'session.id')
  if (sessionId === undefined) return undefined
  const promptId = word(attributes, 'gen_ai.prompt.name')
  const keys = promptId === undefined ? [] : [promptKey(DIALECT, sessionId, promptId)]
  return { sessionId, keys, isOfRunInProgress: true }
}

function agentCall(span: SpanLike): Activity {
  const around = loggedRun(span)
  const name = word(span.attributes, 'gen_ai.agent.name') ?? 'unknown'
  const keys = around && [agentKey(DIALECT, around.sessionId, name)]
  return { kind: 'run', agent: { name }, loggedRun: around, keys }
}

function toolCall(span: SpanLike): Activity {
  const { attributes } = span
  const { traceId, spanId } = span.spanContext()
  const name = word(attributes, 'gen_ai.tool.name') ?? 'unknown'
  const callId = word(attributes, 'gen_ai.tool.call_id', 'gen_ai.tool.call.id')
  const slot = slotOf(parentSpanIdOf(span), traceId, name)
  return { kind: 'tool', tool: { name }, callId, call: { callId, spanId, slot }, loggedRun: loggedRun(span) }
}
