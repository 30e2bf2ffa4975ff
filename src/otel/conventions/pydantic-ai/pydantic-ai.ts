import type { Attributes } from '@opentelemetry/api'
import { timestampFromHrTime } from '../../../events/index.js'
import type { SpanLike } from '../../span.js'
import type { Activity, Ancestors, Conclusion, Convention, Fact, ToolActivity } from '../contract.js'
import { genAiConvention } from '../gen-ai/gen-ai.js'
import { amount, jsonIn, record, text } from '../shared/attributes.js'
import { endingOfError } from '../shared/error-endings.js'
import { factsOfException } from '../shared/exception-names.js'
import { errorOf, hasErrorStatus, type SpanError } from '../shared/outcome.js'

/*
 * Pydantic AI. It speaks the GenAI conventions, in versions 1 and 2 of its instrumentation only in part: a run is called
 * `agent run`, a tool `running tool`. A tool that waits for somebody ends with a deferral, which older versions mark as an
 * error; tools that wait from the outset have no span, and show in the result of the run. A run that goes on begins with
 * the tools that waited.
 */

const RUN: Word = 'run'
type Word = 'run' | 'tool' | 'step'
/** Names of spans before `invoke_agent x` and `execute_tool x`. */
const OLD_NAMES: ReadonlyMap<string, Word> = new Map<string, Word>([
  ['agent run', RUN],
  ['running tool', 'tool'],
  ['running output function', 'tool'],
  ['running tools', 'step'],
])

const DEFERRAL = 'pydantic_ai.tool.deferral.name'
const APPROVAL_REQUIRED = 'ApprovalRequired'
/** Why a run waits, by the deferral of its tool. */
const DEFERRALS: ReadonlyMap<string, string> = new Map([
  [APPROVAL_REQUIRED, 'tool_approval'],
  ['CallDeferred', 'deferred_tool'],
])
/** The class by which the application itself cancels a run. */
const RUN_CANCELLED = 'RunCancelled'

/* What is kept for the life of a run. */
const CALLED_MODEL = 'pydantic-ai.calledModel'
const RESUMED_TOLD = 'pydantic-ai.resumedTold'
const WAITING = 'pydantic-ai.waiting'

interface Waiting {
  readonly reason: string
  readonly tools: readonly Call[]
}

interface AgentTool extends ToolActivity {
  /** No model has been called yet in its run. */
  readonly goesOn: boolean
}

interface Call {
  readonly callId: string
  readonly tool: { readonly name: string }
}

/** Agents of Pydantic AI. */
export const pydanticAiConvention: Convention = {
  name: 'pydantic-ai',
  instrumentationScopes: ['pydantic-ai'],

  recognise(span, phase, ancestors) {
    switch (OLD_NAMES.get(span.name)) {
      case 'run':
        return agentRun(span)
      case 'tool':
        return toolCall(span, ancestors)
      case 'step':
        return { kind: 'step' }
    }
    const activity = genAiConvention.recognise(span, phase, ancestors)
    if (activity === undefined || activity === 'later') return activity
    if (activity.kind === 'tool') return toolCall(span, ancestors)
    if (activity.kind === 'run') return agentRun(span)
    if (activity.kind === 'model') rememberModelCall(ancestors)
    return activity
  },

  conclude(span, activity, ancestors) {
    const told = genAiConvention.conclude?.(span, activity, ancestors) ?? {}
    const usage = told.usage && {
      ...told.usage,
      costUsd: told.usage.costUsd ?? amount(span.attributes, 'operation.cost'),
    }
    const error = hasErrorStatus(span) ? errorOf(span) : undefined
    switch (activity.kind) {
      case 'run':
        return { ...told, usage, ...endOfRun(span, error, ancestors), agent: agentOf(span.attributes) }
      case 'tool':
        return { ...told, ...endOfTool(span, activity, error, ancestors) }
      default:
        return { ...told, usage }
    }
  },
}

function agentRun({ attributes }: SpanLike): Activity {
  return { kind: 'run', agent: agentOf(attributes), model: text(attributes, 'gen_ai.request.model', 'model_name') }
}

function agentOf(attributes: Attributes): { name?: string } {
  const name = text(attributes, 'gen_ai.agent.name', 'agent_name')
  return name === undefined ? {} : { name }
}

function toolCall(span: SpanLike, { runState, parent }: Ancestors): AgentTool {
  const { attributes } = span
  const name = text(attributes, 'gen_ai.tool.name') ?? span.name.replace(/^execute_tool /, '')
  const callId = text(attributes, 'gen_ai.tool.call.id')
  const goesOn = runState !== undefined && !runState.has(CALLED_MODEL) && parent?.activity.kind !== 'tool'
  return { kind: 'tool', tool: { name }, callId, goesOn }
}

/** A tool before any call of the model was asked for in an earlier run, and ran because somebody has approved it. */
function resumption(call: Call, span: SpanLike, runState: Ancestors['runState']): readonly Fact[] {
  const time = timestampFromHrTime(span.startTime)
  const granted: Fact = { type: 'tool_approval_granted', data: call, time, confidence: 'heuristic' }
  if (runState?.has(RESUMED_TOLD)) return [granted]
  runState?.set(RESUMED_TOLD, true)
  return [{ type: 'resumed', data: {}, time, confidence: 'heuristic' }, granted]
}

/** The run goes on after all: what waited has been decided on within it. */
function rememberModelCall({ runState }: Ancestors): void {
  runState?.set(CALLED_MODEL, true)
  runState?.delete(WAITING)
}

function endOfTool(
  span: SpanLike,
  activity: ToolActivity,
  error: SpanError | undefined,
  { runState }: Ancestors,
): Conclusion {
  const deferral = text(span.attributes, DEFERRAL) ?? (error && classOf(error))
  const reason = deferral === undefined ? undefined : DEFERRALS.get(deferral)
  const call = { callId: activity.callId ?? span.spanContext().spanId, tool: activity.tool }
  if (reason === undefined) {
    const facts = 'goesOn' in activity && activity.goesOn ? resumption(call, span, runState) : undefined
    return error && isCancelled(error) ? { outcome: 'cancelled', facts } : { facts }
  }
  const waiting = runState?.get(WAITING) as Waiting | undefined
  runState?.set(WAITING, { reason, tools: [...(waiting?.tools ?? []), call] } satisfies Waiting)
  const facts: readonly Fact[] = deferral === APPROVAL_REQUIRED ? [{ type: 'tool_approval_requested', data: call }] : []
  return { outcome: 'suspended', error: undefined, facts }
}

function endOfRun(span: SpanLike, error: SpanError | undefined, ancestors: Ancestors): Conclusion {
  if (error) {
    if (isCancelled(error)) return { outcome: 'cancelled', reason: 'cancelled', error: undefined }
    return { outcome: 'failed', error, facts: factsOfException(error, ancestors) }
  }
  const waiting = ancestors.ownState?.get(WAITING) as Waiting | undefined
  const requested = requestedIn(span.attributes.final_result)
  const known = new Set(waiting?.tools.map(({ callId }) => callId))
  const facts = requested?.approvals
    .filter(({ callId }) => !known.has(callId))
    .map((data): Fact => ({ type: 'tool_approval_requested', data, confidence: 'heuristic' }))
  const tools = waiting?.tools ?? requested?.all ?? []
  if (tools.length === 0) return {}
  const reason = waiting?.reason ?? (requested?.approvals.length ? 'tool_approval' : 'deferred_tool')
  const waitingFor = tools.map(({ tool }) => tool.name).join(', ')
  return { outcome: 'suspended', reason, waitingFor, confidence: waiting ? undefined : 'heuristic', facts }
}

function isCancelled(error: SpanError): boolean {
  return classOf(error) === RUN_CANCELLED || endingOfError(error).outcome === 'cancelled'
}

function classOf({ code }: SpanError): string {
  return code.slice(code.lastIndexOf('.') + 1)
}

/** Calls in a result beyond this many are not looked at. */
const MAX_CALLS = 64

/** The calls that a run ended with, and of them those that wait for an approval; `undefined` for any other result. */
function requestedIn(
  result: unknown,
): { readonly all: readonly Call[]; readonly approvals: readonly Call[] } | undefined {
  if (typeof result !== 'string' || !result.includes('"approvals"')) return undefined
  // Attacker-controlled: the result of a run, with arguments that a model wrote; at most 256 KiB are parsed.
  const { calls, approvals } = record(jsonIn(result))
  if (!Array.isArray(calls) || !Array.isArray(approvals)) return undefined
  const [external, waiting] = [callsIn(calls), callsIn(approvals)]
  return external && waiting && { all: [...external, ...waiting], approvals: waiting }
}

function callsIn(list: readonly unknown[]): readonly Call[] | undefined {
  const calls = list.slice(0, MAX_CALLS).map(record)
  const named = calls.flatMap(({ tool_name: name, tool_call_id: callId }): readonly Call[] =>
    typeof name === 'string' && typeof callId === 'string' ? [{ callId, tool: { name } }] : [],
  )
  return named.length === calls.length ? named : undefined
}
