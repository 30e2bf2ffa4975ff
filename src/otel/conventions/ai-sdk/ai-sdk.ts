import type { Attributes } from '@opentelemetry/api'
import { type Timestamp, timestampFromHrTime } from '../../../events/index.js'
import { hasDropped, type SpanLike } from '../../span.js'
import type {
  Activity,
  Ancestors,
  Conclusion,
  Convention,
  ConventionState,
  Fact,
  RunActivity,
  ScopeIds,
} from '../contract.js'
import { genAiConvention } from '../gen-ai/gen-ai.js'
import { text } from '../shared/attributes.js'
import { concludeError } from '../shared/error-endings.js'
import type { FromClient } from '../shared/from-client.js'
import { quotaFacts } from '../shared/limits.js'
import { errorOf, hasErrorStatus, type SpanError } from '../shared/outcome.js'
import { modelFrom, providerFrom, usageFrom } from '../shared/usage.js'
import { scopeByNames } from '../shared/user-scope.js'
import { type AskedCall, callsAskedFor, continuationIn, denied, granted } from './prompt.js'

/*
 * The Vercel AI SDK. Versions 5 and 6, and 7 in its legacy mode, name their spans by `ai.operationId`; version 7 with
 * `@ai-sdk/otel` speaks the GenAI conventions, and says in `ai.settings.context.*` what the user put into the context.
 */

/** `ai.generateText`, `ai.streamObject` …: one call of the SDK, with all its steps. */
const RUN_OPERATION = /^ai\.(?:generate|stream)(?:Text|Object)$/
/** `ai.generateText.doGenerate`, `ai.embed.doEmbed`: one call of the model. */
const MODEL_OPERATION = /^ai\.(\w+)(?:\.do\w+)?$/
const ABORTED: Conclusion = { outcome: 'cancelled', reason: 'aborted' }
const CUT_OFF: SpanError = { code: 'AbortError', message: '' }
const STATE = 'ai-sdk'
/** Calls of tools that are remembered for a run. */
const MAX_CALLS = 1024

/**
 * A call of the SDK. Version 7 does not tell how approvals were answered: what happens next does. That there was anything
 * to approve is the client's word all the same.
 */
interface CallActivity extends RunActivity {
  answered: FromClient<readonly AskedCall[]> | undefined
}

/** The state of a run while it lasts. */
interface RunState {
  /** The calls of tools that have begun, each with the time at which it began last. */
  readonly begun: Map<string, Timestamp>
  /** The last call of the model, by the time at which it began, and the calls that it asked for. */
  lastModelCall: { readonly startedAt: Timestamp; readonly asked: readonly AskedCall[] } | undefined
  /** That the quota is used up is told; every attempt says it again. */
  quotaTold: boolean
}

/** AI SDK 5, 6 and 7 (legacy telemetry). */
export const aiSdkConvention: Convention = {
  name: 'ai-sdk',
  instrumentationScopes: ['ai'],
  attributePrefixes: ['ai.operationId'],
  decisive: { run: ['ai.response.finishReason'], model: ['ai.response.toolCalls'] },

  recognise(span, _phase, ancestors) {
    const { attributes } = span
    const operation = text(attributes, 'ai.operationId')
    if (operation === undefined) return undefined
    const scope = scopeFromSettings(attributes)
    if (RUN_OPERATION.test(operation)) {
      const name = text(attributes, 'ai.telemetry.functionId')
      return callActivity({ kind: 'run', agent: name ? { name } : {}, model: modelFrom(attributes), scope }, attributes)
    }
    if (operation === 'ai.toolCall') {
      // Sentry renames these two at the start of the span.
      const name = text(attributes, 'ai.toolCall.name', 'gen_ai.tool.name') ?? 'unknown'
      const callId = text(attributes, 'ai.toolCall.id', 'gen_ai.tool.call.id')
      rememberCall(span, ancestors, callId)
      return { kind: 'tool', tool: { name }, callId, scope }
    }
    const call = MODEL_OPERATION.exec(operation)
    if (!call) return undefined
    rememberModelCall(span, ancestors)
    return { ...modelActivity(call[1] as string, attributes), scope }
  },

  conclude(span, activity, ancestors) {
    const { attributes } = span
    const finishReason = text(attributes, 'ai.response.finishReason')
    const error = failureOf(span, finishReason)
    const scope = scopeFromSettings(attributes)
    if (activity.kind === 'model') return { ...concludeModel(span, finishReason, error, ancestors), scope }
    if (activity.kind !== 'run') return { error, scope }
    // An object that was streamed has no finish reason.
    const finished = text(attributes, 'ai.response.object') !== undefined
    const end = { error, finishReason, isFinished: finished || hasDropped(span) }
    return { ...concludeCall(end, span, ancestors), scope }
  },
}

/** AI SDK 7 with `@ai-sdk/otel`: the GenAI conventions, and what the SDK adds. */
export const aiSdkOtelConvention: Convention = {
  name: 'ai-sdk',
  instrumentationScopes: ['gen_ai'],
  attributePrefixes: ['ai.settings.context.'],
  decisive: { run: ['gen_ai.response.finish_reasons'], model: ['gen_ai.output.messages'] },

  recognise(span, phase, ancestors) {
    const { attributes } = span
    const activity = genAiConvention.recognise(span, phase, ancestors) ?? audioActivity(attributes)
    if (typeof activity !== 'object') return activity
    const scoped = { ...activity, scope: scopeFromSettings(attributes) }
    const around = ancestors.parent?.activity as CallActivity | undefined
    switch (scoped.kind) {
      case 'run':
        return callActivity(scoped, attributes)
      case 'tool':
        rememberCall(span, ancestors, scoped.callId)
        return { ...scoped, facts: decisionsOf(around, ({ callId }) => callId === scoped.callId, granted) }
      case 'step':
        // The loop has begun: what was approved has been run.
        return { ...scoped, facts: decisionsOf(around, () => true, denied) }
      case 'model':
        rememberModelCall(span, ancestors)
        return scoped
      default:
        return scoped
    }
  },

  conclude(span, activity, ancestors) {
    const known = genAiConvention.conclude?.(span, activity, ancestors)
    const told = { ...known, scope: { ...known?.scope, ...scopeFromSettings(span.attributes) } }
    const error = failureOf(span, told.finishReason)
    switch (activity.kind) {
      case 'run':
        return {
          ...told,
          ...concludeCall({ error, finishReason: told.finishReason, isFinished: hasDropped(span) }, span, ancestors),
          usage: undefined,
        }
      case 'model':
        return { ...told, ...concludeModel(span, told.finishReason, error, ancestors) }
      case 'tool':
        return wasCutOff(span) && !error ? { ...told, outcome: 'failed', error: CUT_OFF } : told
      default:
        return told
    }
  },
}

function callActivity(run: RunActivity, attributes: Attributes): CallActivity {
  const { facts, answered } = continuationIn(attributes) ?? {}
  return { ...run, facts, answered }
}

function modelActivity(operation: string, attributes: Attributes): Activity {
  return { kind: 'model', operation, model: modelFrom(attributes), provider: providerFrom(attributes) }
}

/** Speech and transcription have operations of their own. */
function audioActivity(attributes: Attributes): Activity | undefined {
  const operation = /^ai\.(\w+)$/.exec(text(attributes, 'gen_ai.operation.name') ?? '')?.[1]
  return operation === undefined ? undefined : modelActivity(operation, attributes)
}

function decisionsOf(
  call: CallActivity | undefined,
  concerns: (asked: AskedCall) => boolean,
  decision: (asked: AskedCall) => Fact,
): readonly Fact[] | undefined {
  const answered = call?.answered
  if (!answered) return undefined
  call.answered = answered.map((calls) => calls.filter((asked) => !concerns(asked)))
  return answered.tells((calls) => calls.filter(concerns).map(decision))
}

/** Coarse clocks may let spans begin at the same moment, and a delivery may tell them in any order. */
function rememberModelCall({ startTime }: SpanLike, { runState }: Ancestors, asked: readonly AskedCall[] = []): void {
  const state = stateOf(runState)
  const startedAt = timestampFromHrTime(startTime)
  if (state.lastModelCall && state.lastModelCall.startedAt > startedAt) return
  state.lastModelCall = { startedAt, asked }
}

function rememberCall({ startTime }: SpanLike, { runState }: Ancestors, callId: string | undefined): void {
  if (callId === undefined) return
  const { begun } = stateOf(runState)
  begun.delete(callId)
  begun.set(callId, timestampFromHrTime(startTime))
  for (const oldest of begun.size > MAX_CALLS ? begun.keys() : []) {
    begun.delete(oldest)
    break
  }
}

/** Returns the calls that the model asked for last and that have not begun since. */
function pendingCalls({ lastModelCall, begun }: RunState): readonly AskedCall[] {
  if (!lastModelCall) return []
  return lastModelCall.asked.filter(({ callId }) => !((begun.get(callId) ?? '') >= lastModelCall.startedAt))
}

function concludeModel(
  span: SpanLike,
  finishReason: string | undefined,
  error: SpanError | undefined,
  ancestors: Ancestors,
): Conclusion {
  const state = stateOf(ancestors.runState)
  if (finishReason === 'tool-calls') rememberModelCall(span, ancestors, callsAskedFor(span))
  const limits = error && !state.quotaTold ? quotaFacts(error) : undefined
  state.quotaTold ||= limits !== undefined
  // The call as a whole repeats what its model calls consumed (5: only the last of them).
  return { ...endingOf(error, span), finishReason, usage: usageFrom(span.attributes), facts: limits }
}

/** The end of a call of the SDK, as its span shows it. */
interface CallEnd {
  readonly error: SpanError | undefined
  readonly finishReason: string | undefined
  /** The call came to its end, or may have: the span has an answer, or has lost attributes. */
  readonly isFinished: boolean
}

function concludeCall(end: CallEnd, span: SpanLike, { ownState }: Ancestors): Conclusion {
  const { error, finishReason, isFinished } = end
  if (error) return { ...endingOf(error, span), finishReason }
  // An aborted call ends without a finish reason, and nothing else tells it.
  if (finishReason === undefined && !isFinished && !usageFrom(span.attributes)) return ABORTED
  const pending = pendingCalls(stateOf(ownState))
  if (finishReason !== 'tool-calls' || pending.length === 0) return { outcome: 'completed', finishReason }
  // The loop ended at a tool that has not run: it waits for approval, or is the client's to run.
  const waitingFor = pending.map(({ name }) => name).join(', ')
  return { outcome: 'suspended', reason: 'tool_result', waitingFor, confidence: 'heuristic' }
}

/** A mid-stream error leaves no error status. */
function failureOf(span: SpanLike, finishReason: string | undefined): SpanError | undefined {
  return hasErrorStatus(span) || finishReason === 'error' ? errorOf(span) : undefined
}

function endingOf(error: SpanError | undefined, span: SpanLike): Conclusion {
  return error ? concludeError(error, span) : {}
}

/** Every execution that comes to its end tells how long it took; one that is aborted tells nothing. */
function wasCutOff(span: SpanLike): boolean {
  const { attributes } = span
  return (
    !hasDropped(span) &&
    attributes['gen_ai.tool.type'] === 'function' &&
    attributes['gen_ai.execute_tool.duration'] === undefined &&
    attributes['gen_ai.tool.call.result'] === undefined
  )
}

/** Returns the scope that the user handed to the SDK's telemetry settings. */
function scopeFromSettings(attributes: Attributes): ScopeIds {
  return scopeByNames(
    (name) => attributes[`ai.telemetry.metadata.${name}`] ?? attributes[`ai.settings.context.${name}`],
  )
}

function stateOf(runState: ConventionState | undefined): RunState {
  const known = runState?.get(STATE) as RunState | undefined
  if (known) return known
  const state: RunState = { begun: new Map(), lastModelCall: undefined, quotaTold: false }
  runState?.set(STATE, state)
  return state
}
