import type { Attributes } from '@opentelemetry/api'
import type { SpanLike } from '../../span.js'
import type { Activity, Ancestors, Conclusion, Convention, Fact, StepActivity, ToolActivity } from '../contract.js'
import { scopeOfSpan, withResponseId } from '../openinference/openinference.js'
import { concludeError } from '../shared/error-endings.js'
import { quotaFacts } from '../shared/limits.js'
import type { SpanError } from '../shared/outcome.js'
import { modelFrom, providerFrom, usageFrom } from '../shared/usage.js'
import { approvalRequested, callsAskedFor, isDenial } from './approvals.js'
import { agentsErrorOf, limitFacts, tripwireIn } from './errors.js'
import { type Ending, type RunState, stateOf } from './run-state.js'
import { HANDOFF, parentTypeOf, type SpanType, type Typed, typeOf } from './span-types.js'

/*
 * The OpenAI Agents SDK, bridged to OpenTelemetry by OpenInference, or told by Spanledger's own trace processor, which says
 * in `openai.agents.span.type` what the bridge leaves to be guessed from kind and name:
 *
 *     trace (AGENT, named after the workflow)
 *       task (CHAIN: one call of the runner) ─ agent (AGENT) ─ turn (CHAIN) ┬ response, generation (LLM)
 *                                                                           └ function, handoff, mcp_tools (TOOL)
 *
 * The trace of a run that throws never ends; that of a streamed run ends without an error, as every trace does in Python,
 * where agents are right below it.
 */

/** Set where a trace goes on that had come to its end. */
export const RESUMED = 'openai.agents.trace.resumed'

const CLIENT_ABORT = 'Request was aborted.'

type AgentsTool = ToolActivity & Typed & { readonly beforeModel: boolean; readonly nestedBefore: number }

/** The OpenAI Agents SDK, through OpenInference's bridges or Spanledger's trace processor. */
export const openAiAgentsConvention: Convention = {
  name: 'openai-agents',
  instrumentationScopes: [
    '@arizeai/openinference-instrumentation-openai-agents',
    '@openai/agents',
    'openinference.instrumentation.openai_agents*',
  ],
  decisive: { model: ['llm.output_messages.*'] },

  recognise(span, phase, ancestors) {
    const type = typeOf(span, phase, ancestors)
    return type === undefined || type === 'later' ? type : activityOf(type, span, ancestors)
  },

  conclude(span, activity, ancestors) {
    const { type, kind } = activity as Activity & Typed
    const error = agentsErrorOf(span)
    if (kind === 'run') return concludeRun(type, span, ancestors, error)
    switch (type) {
      case 'task':
        return concludeTask(span, ancestors, error)
      case 'model':
        return concludeModel(span, ancestors, error)
      case 'tool':
        return concludeTool(span, activity as AgentsTool, ancestors, error)
      case 'handoff':
        return concludeHandoff(span, ancestors)
      case 'guardrail':
        return { error, facts: guardrailFacts(span, ancestors) }
      default:
        return { error, usage: inclusiveUsage(span) }
    }
  },
}

function activityOf(type: SpanType, span: SpanLike, ancestors: Ancestors): Activity & Typed {
  const { attributes, name } = span
  const scope = scopeOfSpan(attributes)
  switch (type) {
    case 'trace':
      return { type, kind: 'run', agent: { name }, trigger: 'workflow', scope, facts: resumption(attributes) }
    case 'task':
      // Around it there is a trace, unless that has ended: the run goes on after an approval.
      if (ancestors.run) return { type, kind: 'step', scope }
      return { type, kind: 'run', agent: { name }, trigger: 'workflow', scope, facts: resumption(attributes) }
    case 'agent':
      stateOf(ancestors.runState).nested++
      return { type, kind: 'run', agent: { name }, scope }
    case 'model':
      return modelActivity(type, attributes, ancestors)
    case 'tool':
      return toolActivity(type, span, ancestors)
    case 'handoff':
      stateOf(ancestors.runState).pending = []
      return { type, kind: 'step', scope }
    default:
      return { type, kind: 'step', scope } satisfies StepActivity & Typed
  }
}

function resumption(attributes: Attributes): readonly Fact[] | undefined {
  return attributes[RESUMED] === true ? [{ type: 'resumed', data: {} }] : undefined
}

function modelActivity(type: 'model', attributes: Attributes, { runState }: Ancestors): Activity & Typed {
  const state = stateOf(runState)
  state.models++
  state.pending = []
  state.paused = false
  return { type, kind: 'model', operation: 'chat', model: modelFrom(attributes), provider: providerFrom(attributes) }
}

function toolActivity(type: 'tool', { name, attributes }: SpanLike, ancestors: Ancestors): AgentsTool {
  const state = stateOf(ancestors.runState)
  const asked = state.pending.findIndex((call) => call.name === name)
  if (asked >= 0) state.pending = state.pending.toSpliced(asked, 1)
  // An agent begins with its model: a call before that was asked for earlier, and waited for an approval.
  const parentType = parentTypeOf(ancestors)
  const beforeModel = state.models === 0 && (parentType === 'turn' || parentType === 'agent')
  const first = beforeModel && state.resumed.length === 0 && attributes[RESUMED] === undefined
  return {
    type,
    kind: 'tool',
    tool: { name },
    beforeModel,
    nestedBefore: state.nested,
    facts: first ? [{ type: 'resumed', data: {}, confidence: 'heuristic' }] : undefined,
  }
}

function concludeTask(span: SpanLike, ancestors: Ancestors, error: SpanError | undefined): Conclusion {
  const ending = endingOf(error)
  // A trace that the runner opened for this call has its name, and never ends when the call throws.
  const endsRun = parentTypeOf(ancestors) === 'trace' && ancestors.run?.agent.name === span.name
  stateOf(ancestors.runState).lastTask = endsRun && ending.outcome ? ending : undefined
  return { ...ending, endsRun, usage: inclusiveUsage(span) }
}

function concludeRun(type: SpanType, span: SpanLike, ancestors: Ancestors, error: SpanError | undefined): Conclusion {
  const { runState, ownState, run } = ancestors
  const own = stateOf(ownState)
  const pending = type === 'agent' && error === undefined ? own.pending : []
  const waiting = error === undefined && (pending.length > 0 || own.paused)
  if (run) stateOf(runState).paused = waiting
  const facts = [
    ...pending.map((call) => approvalRequested(call)),
    // Where answers are not traced, that an approval was asked for shows in the call that follows it only.
    ...(own.hasAnswers ? [] : own.resumed.map((call) => approvalRequested(call, 'heuristic'))),
    ...(type === 'agent' ? [...limitFacts(error), ...tripwireFacts(error, own)] : []),
  ]
  const usage = inclusiveUsage(span)
  if (waiting) {
    const waitingFor = pending.map((call) => call.name).join(', ') || undefined
    return { outcome: 'suspended', reason: 'tool_approval', waitingFor, usage, facts }
  }
  // A streamed run fails after its trace was left without an error.
  const ending = type === 'trace' && error === undefined && own.lastTask ? own.lastTask : endingOf(error)
  if (type === 'agent' && parentTypeOf(ancestors) === 'trace') {
    stateOf(runState).lastTask = ending.outcome ? ending : undefined
  }
  return { ...ending, usage, facts }
}

function tripwireFacts(error: SpanError | undefined, own: RunState): readonly Fact[] {
  const rule = own.hasViolation ? undefined : tripwireIn(error)
  return rule === undefined ? [] : [{ type: 'policy_violation', data: { rule, action: 'blocked' } }]
}

function endingOf(error: SpanError | undefined): Ending {
  if (error === undefined) return {}
  // The OpenAI client's abort reaches the trace as its text only, behind other words.
  if (error.message.endsWith(CLIENT_ABORT)) return { outcome: 'cancelled', reason: 'aborted', confidence: 'heuristic' }
  return concludeError(error)
}

function concludeModel({ attributes }: SpanLike, { runState }: Ancestors, error: SpanError | undefined): Conclusion {
  const state = stateOf(runState)
  const calls = callsAskedFor(attributes)
  state.hasAnswers ||= calls !== undefined
  state.pending = calls ?? []
  const usage = usageFrom(attributes)
  return {
    ...endingOf(error),
    usage: usage && withResponseId(usage, attributes),
    facts: error && quotaFacts(error),
  }
}

function concludeTool(
  span: SpanLike,
  { tool, beforeModel, nestedBefore }: AgentsTool,
  { runState }: Ancestors,
  error: SpanError | undefined,
): Conclusion {
  const state = stateOf(runState)
  const { spanId } = span.spanContext()
  const denied = error !== undefined && isDenial(error)
  // An agent that is a tool goes on because something inside it was approved.
  const granted = beforeModel && !denied && state.nested === nestedBefore
  if (!denied && !granted) return { error }
  if (beforeModel) state.resumed.push({ callId: spanId, name: tool.name })
  const type = denied ? 'tool_approval_denied' : 'tool_approval_granted'
  return { error, facts: [{ type, data: { callId: spanId, tool }, confidence: 'heuristic' }] }
}

function concludeHandoff({ name }: SpanLike, { run }: Ancestors): Conclusion {
  const to = HANDOFF.exec(name)?.[1]
  if (to === undefined) return {}
  return { outcome: 'completed', facts: [{ type: 'agent_handoff', data: { from: run?.agent.name, to } }] }
}

function guardrailFacts({ name, attributes }: SpanLike, { runState }: Ancestors): readonly Fact[] | undefined {
  if (attributes['guardrail.triggered'] !== true) return undefined
  stateOf(runState).hasViolation = true
  return [{ type: 'policy_violation', data: { rule: name, action: 'blocked' } }]
}

/** Turns and tasks tell the sum of what happened in them. */
function inclusiveUsage({ attributes }: SpanLike): Conclusion['usage'] {
  const usage = usageFrom(attributes)
  return usage && { ...usage, inclusive: true }
}
