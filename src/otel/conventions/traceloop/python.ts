import type { Attributes } from '@opentelemetry/api'
import type { AgentRef } from '../../../events/index.js'
import { type SpanLike, scopeOf } from '../../span.js'
import type { Activity, Ancestors, Conclusion, Convention, Fact, RunActivity, SpanPhase } from '../contract.js'
import * as langchain from '../langchain/langchain.js'
import { isClassName } from '../langchain/names.js'
import type { Dialect } from '../langchain/serialised.js'
import { limitFacts, tripwireIn, writtenErrorOf } from '../openai-agents/errors.js'
import { text } from '../shared/attributes.js'
import { concludeError } from '../shared/error-endings.js'
import { factsOfException } from '../shared/exception-names.js'
import { endOfHandoffTool, type HandoffStep, handoffStep, handoffsLeft, handoffTaken } from '../shared/handoff-tools.js'
import { errorOf, hasErrorStatus, type SpanError } from '../shared/outcome.js'
import { usageFrom } from '../shared/usage.js'
import { concludeEntity, recogniseClient, recogniseEntity, scopeFromTraceloop } from './traceloop.js'

/*
 * OpenLLMetry: Traceloop's SDK and instrumentations for Python. Its spans nest, and say what they are in
 * `traceloop.span.kind`, whatever `gen_ai.operation.name` is beside it: CrewAI's tasks are tasks though they say
 * `invoke_agent`, and calls of models are tasks to LlamaIndex.
 */

const PREFIX = 'opentelemetry.instrumentation.'
const LANGCHAIN_SCOPE = `${PREFIX}langchain`
const OPENAI_AGENTS_SCOPE = `${PREFIX}openai_agents`
const FRAMEWORKS = ['agno', 'crewai', 'haystack', 'langchain', 'llamaindex', 'mcp', 'openai_agents']

const KIND = 'traceloop.span.kind'
/** Recognises a crew, by the name of its span alone. */
const CREW = 'crewai.workflow'
/** `FunctionAgent.workflow`: names of entities may end with their kind. */
const KIND_SUFFIX = /\.(?:workflow|agent|task|tool)$/
const RETRIEVER = /Retriever(?:\.task)?$/
const DIALECT: Dialect = { input: 'traceloop.entity.input', output: 'traceloop.entity.output' }
const NODE = 'traceloop.association.properties.langgraph_node'
const NODE_PLACE = 'traceloop.association.properties.langgraph_checkpoint_ns'

/** The end of the last agent of a workflow, if it did not end well. */
const LAST_AGENT = 'traceloop.lastAgent'

/** Traceloop's SDK for Python and its instrumentations of frameworks. */
export const traceloopPythonConvention: Convention = {
  name: 'traceloop-python',
  instrumentationScopes: [...FRAMEWORKS.map((framework) => `${PREFIX}${framework}*`), 'traceloop.*'],

  recognise(span, phase, ancestors) {
    const scope = scopeFromTraceloop(span.attributes)
    const activity = activityOf(span, phase, ancestors)
    return activity && { ...activity, scope }
  },

  conclude(span, activity, ancestors) {
    const told = isOf(span, LANGCHAIN_SCOPE)
      ? concludeLangChain(span, activity, ancestors)
      : conclude(span, activity, ancestors)
    return { ...told, scope: scopeFromTraceloop(span.attributes) }
  },
}

function isOf(span: SpanLike, scope: string): boolean {
  return scopeOf(span).name.startsWith(scope)
}

function activityOf(span: SpanLike, phase: SpanPhase, ancestors: Ancestors): Activity | undefined {
  const { attributes, name } = span
  if (name === CREW) return run(span, ancestors, 'workflow')
  if (text(attributes, 'llm.request.type') !== undefined) return recogniseClient(span, phase, ancestors)
  switch (text(attributes, KIND)) {
    case 'agent':
      return run(span, ancestors, undefined)
    case 'workflow':
      return run(span, ancestors, 'workflow')
    case 'tool':
      return toolCall(span, ancestors)
    case 'task':
      return task(span, ancestors)
    case 'handoff':
      return { kind: 'step' }
    default:
      return recogniseEntity(span) ?? recogniseOther(span, phase, ancestors)
  }
}

/** Graphs have a span of their own around what LangChain calls with: one run. */
function recogniseOther(span: SpanLike, phase: SpanPhase, ancestors: Ancestors): Activity | undefined {
  switch (text(span.attributes, 'gen_ai.operation.name')) {
    case 'invoke_agent':
      return run(span, ancestors, undefined)
    case 'execute_task':
    case 'goto':
      return { kind: 'step' }
    default:
      return recogniseClient(span, phase, ancestors)
  }
}

/** A run inside itself, with no tool between, is told at two levels. */
function run(span: SpanLike, ancestors: Ancestors, trigger: string | undefined): Activity {
  const agent = agentOf(span)
  const { parent, run: around } = ancestors
  const isInside = parent?.activity.kind === 'run' && around !== undefined && agent.name === around.agent.name
  if (isInside && agent.name !== undefined) return { kind: 'step' }
  const facts = trigger === undefined ? handoffTaken(agent.name, ancestors) : undefined
  return { kind: 'run', agent, trigger, model: text(span.attributes, 'gen_ai.request.model'), facts }
}

function agentOf({ attributes, name: spanName }: SpanLike): AgentRef {
  const id = text(attributes, 'gen_ai.agent.id')
  const entity = text(attributes, 'traceloop.entity.name', 'traceloop.workflow.name', 'gen_ai.workflow.name')
  const named =
    text(attributes, 'gen_ai.agent.name', 'crewai.agent.role', 'crewai.crew.name') ??
    entity?.replace(KIND_SUFFIX, '') ??
    (spanName.endsWith('.agent') ? spanName.replace(KIND_SUFFIX, '') : undefined)
  return { ...(id !== undefined && { id }), ...(named !== undefined && { name: named }) }
}

function toolCall(span: SpanLike, ancestors: Ancestors): Activity {
  const { attributes } = span
  const name = toolName(span)
  const around = ancestors.parent?.activity
  // The framework's own span of this call has told of it already.
  if (around?.kind === 'tool' && around.tool.name === name) return { kind: 'step' }
  const callId = text(attributes, 'gen_ai.tool.call.id')
  return handoffStep(span, name, ancestors, { callId }) ?? { kind: 'tool', tool: { name }, callId }
}

function toolName({ attributes, name }: SpanLike): string {
  return (
    text(attributes, 'gen_ai.tool.name') ?? (text(attributes, 'traceloop.entity.name') ?? name).replace(KIND_SUFFIX, '')
  )
}

function task(span: SpanLike, ancestors: Ancestors): Activity {
  const name = text(span.attributes, 'traceloop.entity.name') ?? ''
  if (isOf(span, LANGCHAIN_SCOPE)) {
    const enclosingRun = isInnerNode(span.attributes, name) ? graphAround(ancestors) : undefined
    return { kind: 'step', enclosingRun, facts: langchain.handoffTo(name, ancestors) }
  }
  if (!RETRIEVER.test(name)) return { kind: 'step' }
  // One retriever asks others: what it returns is what was recalled.
  return ancestors.parent?.activity.kind === 'recall' ? { kind: 'step' } : { kind: 'recall', tier: 'retriever' }
}

/** The place of a node in the state of a graph that is a node itself: `billing:…|agent:…`. */
function isInnerNode(attributes: Attributes, name: string): boolean {
  return attributes[NODE] === name && text(attributes, NODE_PLACE)?.includes('|') === true
}

/** Whoever has nodes is a graph. */
function graphAround({ parent }: Ancestors): RunActivity | undefined {
  if (parent?.activity.kind !== 'step' || !parent.span) return undefined
  const name = text(parent.span.attributes, 'traceloop.entity.name')
  return { kind: 'run', agent: name === undefined || isClassName(name) ? {} : { name } }
}

function conclude(span: SpanLike, activity: Activity, ancestors: Ancestors): Conclusion {
  const { attributes } = span
  const error = errorAt(span)
  switch (activity.kind) {
    case 'run':
      return endOfRun(span, activity, ancestors, error)
    case 'tool':
      return { error }
    case 'step':
      if ('handoff' in activity) return endOfHandoffTool(span, activity as HandoffStep, ancestors, { error })
      return { error, facts: handoffIn(attributes) ?? concludeEntity(span, activity, ancestors).facts }
    default:
      return concludeEntity(span, activity, ancestors)
  }
}

function errorAt(span: SpanLike): SpanError | undefined {
  if (!hasErrorStatus(span)) return undefined
  return isOf(span, OPENAI_AGENTS_SCOPE) ? writtenErrorOf(span) : errorOf(span)
}

/** The Agents SDK hands over by a span of its own. */
function handoffIn(attributes: Attributes): readonly Fact[] | undefined {
  const to = text(attributes, 'gen_ai.handoff.to_agent')
  if (to === undefined) return undefined
  return [{ type: 'agent_handoff', data: { from: text(attributes, 'gen_ai.handoff.from_agent'), to } }]
}

function endOfRun(
  span: SpanLike,
  { trigger }: RunActivity,
  ancestors: Ancestors,
  error: SpanError | undefined,
): Conclusion {
  const ending = error ? concludeError(error, span) : {}
  // The root of the Agents SDK's trace always ends well.
  const told = error ? ending : ((ancestors.ownState?.get(LAST_AGENT) as Conclusion | undefined) ?? ending)
  if (trigger === undefined && isOf(span, OPENAI_AGENTS_SCOPE)) rememberAgent(ending, ancestors)
  const rule = tripwireIn(error)
  const violation: readonly Fact[] =
    rule === undefined ? [] : [{ type: 'policy_violation', data: { rule, action: 'blocked' } }]
  const limits = limitFacts(error)
  const facts = [...(limits.length > 0 ? limits : factsOfException(error, ancestors)), ...violation]
  return { ...told, usage: usageFrom(span.attributes), facts: [...facts, ...handoffsLeft(ancestors)] }
}

function rememberAgent(ending: Conclusion, { runState }: Ancestors): void {
  if (ending.outcome) runState?.set(LAST_AGENT, ending)
  else runState?.delete(LAST_AGENT)
}

function concludeLangChain(span: SpanLike, activity: Activity, ancestors: Ancestors): Conclusion {
  const name = text(span.attributes, 'traceloop.entity.name')
  const caller = ancestors.run?.agent.name
  switch (activity.kind) {
    case 'run':
      return langchain.concludeRun(span, DIALECT, ancestors, activity.agent.name)
    case 'model':
      return { ...concludeEntity(span, activity, ancestors), ...langchain.concludeModel(span, ancestors, undefined) }
    case 'tool':
      return langchain.concludeTool(span, DIALECT, ancestors, { name: activity.tool.name, caller })
    case 'step': {
      if (!('handoff' in activity)) return langchain.concludeStep(span, DIALECT, ancestors, name)
      const step = activity as HandoffStep
      const told = langchain.concludeTool(span, DIALECT, ancestors, { name: step.handoff.tool.name, caller })
      return langchain.withPendingHandoff(told, span, step, ancestors)
    }
    default:
      return concludeEntity(span, activity, ancestors)
  }
}
