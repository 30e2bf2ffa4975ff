import type { Attributes } from '@opentelemetry/api'
import { timestampFromHrTime } from '../../../events/index.js'
import { hasDropped, parentSpanIdOf, type SpanLike } from '../../span.js'
import type { Activity, Ancestors, Conclusion, Convention, Fact } from '../contract.js'
import { firstOf, idIn, readRecord, record, text } from '../shared/attributes.js'
import { readJson } from '../shared/cut-json.js'
import { fromClient } from '../shared/from-client.js'
import { quotaFacts } from '../shared/limits.js'
import { errorOf, hasErrorStatus, type SpanError } from '../shared/outcome.js'
import { modelFrom, providerFrom, usageFrom } from '../shared/usage.js'
import { scopeByNames } from '../shared/user-scope.js'

/*
 * Mastra with `@mastra/otel-bridge`. A span has no attributes until it ends; what it is shows in the name it starts with
 * (`agent run: 'x' (resumed)`), which the bridge replaces at the end. A suspended run that goes on is a span below the
 * one that was suspended, in the same trace.
 */

const SPAN_TYPE = 'mastra.span.type'
const METADATA = 'mastra.metadata.'
const ERROR_WITHOUT_ID = 'unknown'

/* What is kept for the life of a run. */
const SUSPENDED = 'mastra.suspended'
const FINISH_REASON = 'mastra.finishReason'
const LAST_STEP_OUTPUT = 'mastra.lastStepOutput'
/** The workflow went on after a step without output: its steps return nothing, or outputs are hidden. */
const NEEDS_NO_OUTPUT = 'mastra.needsNoOutput'

/** Steps of a workflow: where the last one has no output, the workflow did not get past it. */
const WORKFLOW_PARTS = new Set(['workflow_step', 'workflow_parallel', 'workflow_conditional', 'workflow_loop'])

/** Agents and workflows of Mastra. */
export const mastraConvention: Convention = {
  name: 'mastra',
  instrumentationScopes: ['@mastra/otel-bridge'],
  attributePrefixes: [SPAN_TYPE],
  decisive: {
    run: ['mastra.agent_run.output', 'mastra.workflow_run.output'],
    tool: ['gen_ai.tool.call.result'],
  },

  recognise(span, _phase, { runState }) {
    const type = text(span.attributes, SPAN_TYPE)
    if (runState?.get(LAST_STEP_OUTPUT) === false && span.name.startsWith('workflow step: '))
      runState.set(NEEDS_NO_OUTPUT, true)
    return type === undefined ? byStartName(span.name) : byType(span, type)
  },

  conclude(span, activity, ancestors) {
    // Metadata that the caller or the agent's request context gave the run, on each of its spans; else its memory thread.
    const named = scopeByNames((name) => span.attributes[METADATA + name])
    const conclusion: Conclusion = {
      scope: { ...named, sessionId: named.sessionId ?? idIn(span.attributes, 'gen_ai.conversation.id') },
      runScope: named,
      error: hasErrorStatus(span) ? mastraError(span) : undefined,
    }
    switch (activity.kind) {
      case 'run':
        return activity.trigger === 'workflow'
          ? endOfWorkflow(span, conclusion, ancestors)
          : endOfAgent(span, conclusion, ancestors)
      case 'tool':
        return endOfTool(span, conclusion, ancestors)
      case 'model':
        return endOfModel(span, conclusion, ancestors)
      default:
        rememberStep(span, ancestors)
        return conclusion
    }
  },
}

/** `<kind>: '<name>'`, and `(resumed)` behind it where it goes on. */
function byStartName(startName: string): Activity {
  const colon = startName.indexOf(': ')
  const rest = startName.slice(colon + 2)
  const name = quotedIn(rest)
  switch (startName.slice(0, Math.max(0, colon))) {
    case 'agent run':
      return { kind: 'run', agent: name === undefined ? {} : { id: name }, facts: goesOn(rest) }
    case 'workflow run':
      return { kind: 'run', agent: name === undefined ? {} : { name }, trigger: 'workflow', facts: goesOn(rest) }
    case 'llm':
      return { kind: 'model', operation: 'chat', model: name }
    case 'tool':
    case 'mcp_tool':
    case 'provider_tool':
      return { kind: 'tool', tool: { name: name ?? 'unknown' } }
    case 'memory':
      return rest === 'recall' ? { kind: 'recall', tier: 'memory' } : STEP
    default:
      return STEP
  }
}

/** `'name'`, `'name' (resumed)`, `'name' on 'server'`. */
function quotedIn(rest: string): string | undefined {
  const onServer = rest.indexOf("' on '")
  const name = rest.startsWith("'") ? rest.slice(1, onServer > 0 ? onServer : rest.lastIndexOf("'")) : ''
  return name === '' ? undefined : name
}

function goesOn(rest: string): readonly Fact[] | undefined {
  return rest.endsWith(' (resumed)') || rest.endsWith(' (recovered)') ? RESUMED : undefined
}

/** Likewise where nobody has seen the name at the start. What is inside of the span that goes on says the same. */
function goesOnFrom(span: SpanLike): readonly Fact[] | undefined {
  if (span.attributes[`${METADATA}resumed`] !== true) return undefined
  const from = text(span.attributes, `${METADATA}resumedFromSpanId`)
  return from === undefined || from === parentSpanIdOf(span) ? RESUMED : undefined
}

const RESUMED: readonly Fact[] = Object.freeze([{ type: 'resumed', data: Object.freeze({}) }])
const STEP: Activity = Object.freeze({ kind: 'step' })

/** A span whose start nobody has seen. */
function byType(span: SpanLike, type: string): Activity {
  const { attributes } = span
  switch (type) {
    case 'agent_run':
      return { kind: 'run', agent: agentOf(attributes), facts: goesOnFrom(span) }
    case 'workflow_run':
      return {
        kind: 'run',
        agent: { name: span.name.replace(/^invoke_workflow /, '') },
        trigger: 'workflow',
        facts: goesOnFrom(span),
      }
    case 'model_generation':
      return { kind: 'model', operation: 'chat', model: modelFrom(attributes), provider: providerFrom(attributes) }
    case 'rag_embedding':
      return { kind: 'model', operation: 'embeddings', model: modelFrom(attributes) }
    case 'tool_call':
    case 'mcp_tool_call':
    case 'provider_tool_call':
      return { kind: 'tool', tool: toolOf(attributes) ?? { name: 'unknown' }, callId: callIdOf(attributes) }
    default:
      return STEP
  }
}

function endOfAgent(span: SpanLike, told: Conclusion, { ownState }: Ancestors): Conclusion {
  const { attributes } = span
  const { status, reason, toolName, toolCallId, tripwire } = readRecord(attributes, 'mastra.agent_run.output')
  const decided = decision(span)
  const conclusion = { ...told, agent: agentOf(attributes), facts: decided }
  if (status === 'suspended') {
    ownState?.set(SUSPENDED, true)
    const requested = reason === 'tool-call-approval' ? approvalRequest(toolName, toolCallId) : []
    return {
      ...conclusion,
      outcome: 'suspended',
      reason: string(reason) ?? 'suspended',
      waitingFor: string(toolName),
      facts: [...decided, ...requested],
    }
  }
  if (status === 'aborted') return { ...conclusion, outcome: 'cancelled', reason: 'aborted' }
  if (tripwire !== undefined) {
    const rule = string(record(tripwire).processorId) ?? 'tripwire'
    const violation: Fact = { type: 'policy_violation', data: { rule, action: 'block' } }
    return { ...conclusion, finishReason: 'tripwire', facts: [...decided, violation] }
  }
  return { ...conclusion, finishReason: string(ownState?.get(FINISH_REASON)) }
}

/** A workflow span says neither that it was suspended nor that it was cancelled: it only lacks an output. */
function endOfWorkflow(span: SpanLike, told: Conclusion, { ownState }: Ancestors): Conclusion {
  if (told.error || span.attributes['mastra.workflow_run.output'] !== undefined || hasDropped(span)) return told
  if (ownState?.get(NEEDS_NO_OUTPUT) === true) return told
  const betweenSteps = ownState?.get(LAST_STEP_OUTPUT) === true
  return { ...told, outcome: betweenSteps ? 'cancelled' : 'suspended', reason: 'no_output', confidence: 'heuristic' }
}

function endOfTool({ attributes }: SpanLike, told: Conclusion, { runState }: Ancestors): Conclusion {
  const conclusion = { ...told, tool: toolOf(attributes) }
  const result = attributes['gen_ai.tool.call.result']
  if (told.error) return conclusion
  // A tool that suspends its run has no result, and its span ends after that of the run.
  if (result === undefined)
    return runState?.get(SUSPENDED) === true ? { ...conclusion, outcome: 'suspended' } : conclusion
  const { error, message, validationErrors } = readRecord(attributes, 'gen_ai.tool.call.result')
  if (error !== true || validationErrors === undefined) return conclusion
  return { ...conclusion, outcome: 'failed', error: { code: 'ValidationError', message: string(message) ?? '' } }
}

/** One span for all steps of an agent, with the sum of what they consumed; sub-agents inside have spans of their own. */
function endOfModel({ attributes }: SpanLike, told: Conclusion, { runState }: Ancestors): Conclusion {
  const finishReason = firstOf(attributes, 'gen_ai.response.finish_reasons')
  if (finishReason !== undefined) runState?.set(FINISH_REASON, finishReason)
  const usage = usageFrom(attributes)
  const conclusion = { ...told, finishReason, usage: usage && { ...usage, authoritative: true } }
  if (told.error) return { ...conclusion, facts: quotaFacts(told.error) }
  if (finishReason !== 'error') return conclusion
  return {
    ...conclusion,
    outcome: 'failed',
    error: { code: 'Error', message: 'The model call finished with an error' },
  }
}

function rememberStep({ attributes }: SpanLike, { runState }: Ancestors): void {
  const type = text(attributes, SPAN_TYPE)
  if (type === undefined || !WORKFLOW_PARTS.has(type)) return
  runState?.set(LAST_STEP_OUTPUT, attributes[`mastra.${type}.output`] !== undefined)
}

/**
 * Returns the decision with which a run goes on after it waited for an approval. It is the word of whoever resumes the
 * run.
 */
function decision({ attributes, startTime }: SpanLike): readonly Fact[] {
  if (attributes[`${METADATA}resumed`] !== true) return []
  const time = timestampFromHrTime(startTime)
  const facts = fromClient(attributes, 'mastra.agent_run.input')?.tells((input): readonly Fact[] => {
    // Attacker-controlled: the input of a run, which a client can make up; at most 256 KiB and, where it is cut, 512
    // levels are read, and facts from it are claims.
    const { approved, toolName, toolCallId, reason } = record(readJson(input).value)
    if (typeof approved !== 'boolean') return []
    const call = { callId: string(toolCallId) ?? 'unknown', tool: { name: string(toolName) ?? 'unknown' } }
    return approved
      ? [{ type: 'tool_approval_granted', data: call, time }]
      : [{ type: 'tool_approval_denied', data: { ...call, reason: string(reason) }, time }]
  })
  return facts ?? []
}

function approvalRequest(toolName: unknown, toolCallId: unknown): readonly Fact[] {
  const data = { callId: string(toolCallId) ?? 'unknown', tool: { name: string(toolName) ?? 'unknown' } }
  return [{ type: 'tool_approval_requested', data }]
}

/** The bridge gives every exception the class `Error`; Mastra's own id tells more. */
function mastraError(span: SpanLike): SpanError {
  const id = text(span.attributes, 'error.type')
  const error = errorOf(span)
  return id === undefined || id === ERROR_WITHOUT_ID ? error : { ...error, code: id }
}

function agentOf(attributes: Attributes): { id?: string; name?: string } {
  const id = text(attributes, 'gen_ai.agent.id')
  const name = text(attributes, 'gen_ai.agent.name')
  return { ...(id !== undefined && { id }), ...(name !== undefined && { name }) }
}

function toolOf(attributes: Attributes): { name: string; type?: string } | undefined {
  const name = text(attributes, 'gen_ai.tool.name')
  const type = text(attributes, 'gen_ai.tool.type')
  return name === undefined ? undefined : { name, ...(type !== undefined && { type }) }
}

function callIdOf(attributes: Attributes): string | undefined {
  return text(attributes, 'gen_ai.tool.call.id')
}

function string(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
