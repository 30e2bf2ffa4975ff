import type { SpanLike } from '../../span.js'
import type { Ancestors, SpanPhase } from '../contract.js'
import { text } from '../shared/attributes.js'

/*
 * The types of the SDK's spans. Spanledger's own trace processor names them in an attribute; the bridge leaves them to be derived
 * from kind and name.
 */

/** The attribute in which Spanledger's trace processor names the type. */
export const SPAN_TYPE = 'openai.agents.span.type'
const KIND = 'openinference.span.kind'
/** The name of a hand-off, with that of the agent that takes over. */
export const HANDOFF = /^handoff to (.+)$/s
/** The names that the bridge gives a hand-off and a look-up of tools; a tool of the user's may be named so as well. */
const AMBIGUOUS_TOOL_NAMES = new Set(['handoff', 'mcp_tools'])

export type SpanType = 'trace' | 'task' | 'agent' | 'turn' | 'model' | 'tool' | 'handoff' | 'guardrail' | 'step'

const NATIVE_TYPES: Readonly<Record<string, SpanType>> = {
  trace: 'trace',
  task: 'task',
  agent: 'agent',
  turn: 'turn',
  response: 'model',
  generation: 'model',
  function: 'tool',
  handoff: 'handoff',
  guardrail: 'guardrail',
}

/** An activity with the type of its span. */
export interface Typed {
  readonly type: SpanType
}

/** Returns the type of a span; `later` where only its end tells. */
export function typeOf(span: SpanLike, phase: SpanPhase, ancestors: Ancestors): SpanType | 'later' | undefined {
  const { attributes, name } = span
  const native = text(attributes, SPAN_TYPE)
  if (native !== undefined) return NATIVE_TYPES[native] ?? 'step'
  switch (text(attributes, KIND)) {
    case 'AGENT':
      return ancestors.parent?.convention === 'openai-agents' ? 'agent' : 'trace'
    case 'LLM':
      return 'model'
    case 'TOOL':
      return bridgedToolType(span, phase)
    case 'GUARDRAIL':
      return 'guardrail'
    case 'CHAIN':
      return name === 'turn' ? 'turn' : 'task'
    default:
      return undefined
  }
}

/** Only its end tells whether a span of such a name is a hand-off, a look-up of tools, or a tool. */
function bridgedToolType({ name, attributes }: SpanLike, phase: SpanPhase): SpanType | 'later' {
  if (HANDOFF.test(name) && attributes['tool.name'] !== name) return 'handoff'
  if (!AMBIGUOUS_TOOL_NAMES.has(name)) return 'tool'
  if (phase !== 'end') return 'later'
  if (attributes['tool.name'] === name) return 'tool'
  return name === 'handoff' ? 'handoff' : 'step'
}

/** Returns the type of the nearest recognised ancestor. */
export function parentTypeOf({ parent }: Ancestors): SpanType | undefined {
  return (parent?.activity as Partial<Typed> | undefined)?.type
}
