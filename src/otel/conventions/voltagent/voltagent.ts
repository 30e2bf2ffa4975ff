import type { Attributes } from '@opentelemetry/api'
import type { SpanLike } from '../../span.js'
import type { Activity, Ancestors, Conclusion, Convention, Fact, ScopeIds, UsageReport } from '../contract.js'
import { amount, count, idIn, record, text } from '../shared/attributes.js'
import { readJson } from '../shared/cut-json.js'
import { quotaFacts } from '../shared/limits.js'
import { errorOf, hasErrorStatus } from '../shared/outcome.js'
import { scopeByNames } from '../shared/user-scope.js'
import { requestsIn } from './approvals.js'

/*
 * VoltAgent. `entity.type` says whose a span is, an agent's or a workflow's, and every span of it repeats that; the run
 * is the one without a `span.type`. The agent's span has the sum of what its model calls consumed, an `llm` span only
 * what its last step did.
 */

/* What is kept for the life of a run. */
/** Usage that only the model spans told, for an agent whose own span tells none. */
const TOLD_BY_CALLS = 'voltagent.toldByCalls'
const TOOL_RAN = 'voltagent.toolRan'

const STEP: Activity = Object.freeze({ kind: 'step' })

/** Agents and workflows of VoltAgent. */
export const voltAgentConvention: Convention = {
  name: 'voltagent',
  instrumentationScopes: ['@voltagent/core'],

  recognise(span) {
    const { attributes } = span
    const scope = scopeOfSpan(attributes)
    const type = text(attributes, 'span.type')
    if (type !== undefined) return { ...inside(type, attributes), scope }
    switch (text(attributes, 'entity.type')) {
      case 'agent':
        return { kind: 'run', agent: agentOf(attributes), model: text(attributes, 'ai.model.name'), scope }
      case 'workflow':
        return { kind: 'run', agent: entity(attributes, 'entity'), trigger: 'workflow', scope }
      default:
        return undefined
    }
  },

  conclude(span, activity, ancestors) {
    const told: Conclusion = {
      scope: scopeOfSpan(span.attributes),
      error: hasErrorStatus(span) ? errorOf(span) : undefined,
    }
    switch (activity.kind) {
      case 'run':
        return activity.trigger === 'workflow' ? endOfWorkflow(span, told) : endOfAgent(span, told, ancestors)
      case 'tool':
        ancestors.runState?.set(TOOL_RAN, true)
        return told
      case 'model':
        return endOfCall(span, told, ancestors)
      case 'recall':
        return { ...told, hits: count(span.attributes, 'memory.message_count', 'retriever.document_count') }
      default:
        return { ...told, facts: requestsIn(span, ancestors) ?? endOfStep(span) }
    }
  },

  translate({ name, attributes }) {
    if (name !== 'workflow.resumed') return []
    const step = count(attributes, 'resume.step_index')
    return [{ type: 'resumed', data: step === undefined ? {} : { fromCheckpoint: `step ${step}` } }]
  },
}

function inside(type: string, attributes: Attributes): Activity {
  switch (type) {
    case 'llm': {
      const model = text(attributes, 'llm.model')
      return { kind: 'model', operation: 'chat', model, provider: text(attributes, 'llm.provider') }
    }
    case 'embedding':
      return { kind: 'model', operation: 'embeddings' }
    case 'tool': {
      // The search among tools is a step of the tool that searches.
      if (attributes['tool.search.name'] !== undefined) return STEP
      const name = text(attributes, 'tool.name') ?? 'unknown'
      return { kind: 'tool', tool: { name }, callId: text(attributes, 'tool.call.id') }
    }
    case 'memory':
      return attributes['memory.operation'] === 'read' ? { kind: 'recall', tier: 'memory' } : STEP
    case 'retriever':
      return { kind: 'recall', tier: 'retriever', namespaceKey: text(attributes, 'retriever.name') }
    default:
      return STEP
  }
}

function endOfAgent({ attributes }: SpanLike, told: Conclusion, { ownState }: Ancestors): Conclusion {
  const finishReason = text(attributes, 'ai.response.finish_reason')
  const conclusion = { ...told, agent: agentOf(attributes), finishReason, usage: usageOf(attributes, ownState) }
  if (text(attributes, 'agent.state') === 'cancelled') {
    return { ...conclusion, outcome: 'cancelled', reason: text(attributes, 'cancellation.reason') ?? 'cancelled' }
  }
  if (attributes['voltagent.stopped_by_max_steps'] === true) return { ...conclusion, facts: limitReached(attributes) }
  // Calls that nobody has run: they wait for an approval, or for a tool on the client.
  if (!told.error && finishReason === 'tool-calls' && ownState?.get(TOOL_RAN) !== true) {
    return { ...conclusion, outcome: 'suspended', reason: 'tool_calls' }
  }
  return conclusion
}

/** The mark is set whenever the last step was the last allowed: only a model that wanted to go on was stopped. */
function limitReached(attributes: Attributes): readonly Fact[] | undefined {
  if (text(attributes, 'ai.response.finish_reason') !== 'tool-calls') return undefined
  const limit = count(attributes, 'voltagent.max_steps')
  return [
    {
      type: 'usage_limit_exceeded',
      data: { axis: 'turns', limit, observed: count(attributes, 'voltagent.step_count') },
    },
  ]
}

function endOfWorkflow({ attributes, events }: SpanLike, told: Conclusion): Conclusion {
  switch (text(attributes, 'workflow.state')) {
    case 'suspended':
      return { ...told, outcome: 'suspended', reason: reasonIn(events, 'suspended') ?? 'suspended' }
    case 'cancelled':
      return { ...told, outcome: 'cancelled', reason: reasonIn(events, 'cancelled') ?? 'cancelled' }
    case 'error':
      return { ...told, outcome: 'failed' }
    default:
      return told
  }
}

function reasonIn(events: SpanLike['events'], what: 'suspended' | 'cancelled'): string | undefined {
  const event = events.findLast(({ name }) => name === `workflow.${what}`)
  return text(event?.attributes ?? {}, what === 'suspended' ? 'suspension.reason' : 'cancellation.reason')
}

function endOfCall({ attributes }: SpanLike, told: Conclusion, { runState }: Ancestors): Conclusion {
  const usage = callUsage(attributes)
  const conclusion = {
    ...told,
    finishReason: text(attributes, 'llm.finish_reason'),
    facts: told.error && quotaFacts(told.error),
  }
  // Calls of the agent's own loop count the attempts; any other, such as one for a title, is not in the agent's sum.
  if (!runState || attributes['llm.attempt'] === undefined) return { ...conclusion, usage }
  if (usage) runState.set(TOLD_BY_CALLS, plus(runState.get(TOLD_BY_CALLS) as UsageReport | undefined, usage))
  return conclusion
}

/** Beside recalls, what a summary or a guardrail did. */
function endOfStep({ attributes }: SpanLike): readonly Fact[] | undefined {
  if (attributes['agent.summary.action'] === 'generate' && attributes['agent.summary.updated'] === true) {
    const candidates = count(attributes, 'agent.summary.candidates') ?? 0
    const droppedMessages = candidates - (count(attributes, 'agent.summary.previous_count') ?? 0)
    return [{ type: 'context_compacted', data: { droppedMessages: droppedMessages > 0 ? droppedMessages : undefined } }]
  }
  const action = text(attributes, 'guardrail.action')
  if (action === undefined || action === 'allow') return undefined
  const rule = text(attributes, 'guardrail.name', 'guardrail.id') ?? 'guardrail'
  return [{ type: 'policy_violation', data: { rule, action } }]
}

function usageOf(attributes: Attributes, ownState: Ancestors['ownState']): UsageReport | undefined {
  const inputTokens = count(attributes, 'usage.prompt_tokens')
  const outputTokens = count(attributes, 'usage.completion_tokens')
  const totalTokens = count(attributes, 'usage.total_tokens')
  const told = inputTokens ?? outputTokens ?? totalTokens
  if (told === undefined) return ownState?.get(TOLD_BY_CALLS) as UsageReport | undefined
  return {
    inputTokens,
    outputTokens,
    totalTokens,
    cachedInputTokens: count(attributes, 'usage.cached_tokens'),
    reasoningTokens: count(attributes, 'usage.reasoning_tokens'),
    costUsd: amount(attributes, 'usage.cost'),
    model: text(attributes, 'ai.model.name'),
    provider: text(attributes, 'ai.model.provider'),
    authoritative: true,
  }
}

function callUsage(attributes: Attributes): UsageReport | undefined {
  const inputTokens = count(attributes, 'llm.usage.prompt_tokens')
  const outputTokens = count(attributes, 'llm.usage.completion_tokens')
  if (inputTokens === undefined && outputTokens === undefined) return undefined
  return {
    inputTokens,
    outputTokens,
    totalTokens: count(attributes, 'llm.usage.total_tokens'),
    cachedInputTokens: count(attributes, 'llm.usage.cached_tokens'),
    reasoningTokens: count(attributes, 'llm.usage.reasoning_tokens'),
    costUsd: amount(attributes, 'usage.cost'),
    model: text(attributes, 'llm.model'),
    provider: text(attributes, 'llm.provider'),
  }
}

const SUMMED = [
  'inputTokens',
  'outputTokens',
  'totalTokens',
  'cachedInputTokens',
  'reasoningTokens',
  'costUsd',
] as const

function plus(sum: UsageReport | undefined, usage: UsageReport): UsageReport {
  const total = SUMMED.map((field) => [field, added(sum?.[field], usage[field])])
  return { ...Object.fromEntries(total), model: usage.model, provider: usage.provider, authoritative: true }
}

function added(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined ? b : a + (b ?? 0)
}

/** A sub-agent's span has its caller under `entity.*`. */
function agentOf(attributes: Attributes): { id?: string; name?: string } {
  return entity(attributes, attributes['voltagent.is_subagent'] === true ? 'subagent' : 'entity')
}

function entity(attributes: Attributes, whose: 'entity' | 'subagent'): { id?: string; name?: string } {
  const id = text(attributes, `${whose}.id`)
  const name = text(attributes, `${whose}.name`)
  return { ...(id !== undefined && { id }), ...(name !== undefined && { name }) }
}

function scopeOfSpan(attributes: Attributes): ScopeIds {
  const sessionId = idIn(attributes, 'conversation.id', 'voltagent.conversation_id')
  const context = text(attributes, 'agent.context', 'workflow.context')
  if (context === undefined) return { sessionId }
  // Attacker-controlled: the context of a request, which the application may fill from it; at most 256 KiB and, where
  // it is cut, 512 levels are read, and ids alone are kept.
  const given = record(readJson(context).value)
  const named = scopeByNames((name) => given[name])
  return { ...named, sessionId: sessionId ?? named.sessionId, userId: idIn(attributes, 'user.id') ?? named.userId }
}
