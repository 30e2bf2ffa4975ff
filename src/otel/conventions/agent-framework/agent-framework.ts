import { type SpanLike, scopeOf } from '../../span.js'
import type { Activity, Ancestors, Conclusion, Convention } from '../contract.js'
import { genAiConvention } from '../gen-ai/gen-ai.js'
import { json, text } from '../shared/attributes.js'
import { concludeError } from '../shared/error-endings.js'
import { factsOfException } from '../shared/exception-names.js'
import { endOfHandoffTool, type HandoffStep, handoffStep, handoffsLeft, handoffTaken } from '../shared/handoff-tools.js'
import { errorOf, hasErrorStatus, type SpanError } from '../shared/outcome.js'
import { modelFrom, providerFrom } from '../shared/usage.js'

/*
 * Microsoft's Agent Framework, and what came before it: AutoGen and Semantic Kernel. Agents, tools and models speak the
 * GenAI conventions. Workflows have spans of their own: `workflow.run`, inside it `executor.process x` for each step;
 * agents hand over by a tool (`handoff_to_x`, `transfer_to_x`).
 */

/** Words before the first space of a span's name, and what they mean. */
const WORDS: ReadonlyMap<string, 'workflow' | 'step'> = new Map<string, 'workflow' | 'step'>([
  ['workflow.run', 'workflow'],
  ['workflow_invoke', 'workflow'],
  ['workflow.session', 'step'],
  ['workflow.build', 'step'],
  ['executor.process', 'step'],
  ['edge_group.process', 'step'],
  ['message.send', 'step'],
  ['autogen', 'step'],
  ['AutoFunctionInvocationLoop', 'step'],
])
/** Its agents have no run around: an agent of a swarm ends when it hands over. */
const AUTOGEN = 'autogen'
/** Semantic Kernel's names of operations. */
const COMPLETIONS = /^(chat|text)\.(?:streaming_)?completions$/
const WORKFLOW_ERROR = 'workflow.error'

/** Agents and workflows of Microsoft's frameworks. */
export const agentFrameworkConvention: Convention = {
  name: 'agent-framework',
  instrumentationScopes: [
    'agent_framework*',
    'Microsoft.Agents.AI*',
    'autogen*',
    'semantic_kernel*',
    'Microsoft.SemanticKernel*',
  ],

  recognise(span, phase, ancestors) {
    const word = WORDS.get(/^[^ ]*/.exec(span.name)?.[0] ?? '')
    if (word === 'workflow') return workflow(span)
    if (word === 'step') return { kind: 'step' }
    const activity = completion(span) ?? genAiConvention.recognise(span, phase, ancestors)
    if (activity === undefined || activity === 'later') return activity
    if (activity.kind === 'tool') {
      return handoffStep(span, activity.tool.name, ancestors, { callId: activity.callId }) ?? activity
    }
    if (activity.kind !== 'run') return activity
    const taken = handoffTaken(activity.agent.name, ancestors)
    return taken ? { ...activity, facts: [...taken, ...(activity.facts ?? [])] } : activity
  },

  conclude(span, activity, ancestors) {
    if ('handoff' in activity) {
      const error = hasErrorStatus(span) ? errorOf(span) : undefined
      const args = json(span.attributes, 'gen_ai.tool.call.arguments')
      return endOfHandoffTool(span, activity as HandoffStep, ancestors, { args, error })
    }
    if (activity.kind === 'step') return {}
    if (activity.kind !== 'run') return genAiConvention.conclude?.(span, activity, ancestors) ?? {}
    const told = activity.trigger === 'workflow' ? {} : genAiConvention.conclude?.(span, activity, ancestors)
    return { ...told, ...endOfRun(span, ancestors) }
  },
}

function completion({ attributes }: SpanLike): Activity | undefined {
  const [, type] = COMPLETIONS.exec(text(attributes, 'gen_ai.operation.name') ?? '') ?? []
  if (type === undefined) return undefined
  const operation = type === 'chat' ? 'chat' : 'text_completion'
  return { kind: 'model', operation, model: modelFrom(attributes), provider: providerFrom(attributes) }
}

function workflow({ attributes }: SpanLike): Activity {
  const [id, name] = [text(attributes, 'workflow.id'), text(attributes, 'workflow.name')]
  const agent = { ...(id !== undefined && { id }), ...(name !== undefined && { name }) }
  return { kind: 'run', agent, trigger: 'workflow' }
}

function endOfRun(span: SpanLike, ancestors: Ancestors): Conclusion {
  const error = errorAt(span)
  const facts = [
    ...factsOfException(error, ancestors),
    ...handoffsLeft(ancestors, scopeOf(span).name.startsWith(AUTOGEN)),
  ]
  return error ? { ...concludeError(error, span), facts } : { facts }
}

/** A workflow that fails adds an event, which is all there is where the status is not set. */
function errorAt(span: SpanLike): SpanError | undefined {
  if (hasErrorStatus(span)) return errorOf(span)
  const event = span.events.find(({ name }) => name === WORKFLOW_ERROR)
  if (!event) return undefined
  const { attributes = {} } = event
  return {
    code: text(attributes, 'error.type', 'exception.type') ?? 'Error',
    message: text(attributes, 'error.message', 'exception.message') ?? '',
  }
}
