import type { Attributes } from '@opentelemetry/api'
import type { SpanLike } from '../../span.js'
import type { Activity, Conclusion, Convention, Fact, Lineage, Memo, RunActivity, ScopeFacts } from '../contract.js'
import { genAiConvention } from '../gen-ai/gen-ai.js'
import { text } from '../shared/attributes.js'
import type { FromClient } from '../shared/from-client.js'
import { quotaFacts } from '../shared/limits.js'
import { errorOf, hasErrorStatus, isAbort, type SpanError } from '../shared/outcome.js'
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

/**
 * A call of the SDK. Version 7 does not tell how approvals were answered: what happens next does. That there was anything
 * to approve is the client's word all the same.
 */
interface CallActivity extends RunActivity {
  answered: FromClient<readonly AskedCall[]> | undefined
}

/** What is known of a run while it lasts. */
interface RunState {
  /** Calls that have begun since the last call of the model did. */
  readonly begun: Set<string>
  /** Calls the model asked for last that have not begun. */
  pending: readonly AskedCall[]
  /** That the quota is used up is told; every attempt says it again. */
  quotaTold: boolean
}

/** AI SDK 5, 6 and 7 (legacy telemetry). */
export const aiSdkConvention: Convention = {
  name: 'ai-sdk',
  scopes: ['ai'],
  attributePrefixes: ['ai.operationId'],

  recognise(span, _moment, lineage) {
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
      noteCall(lineage, callId)
      return { kind: 'tool', tool: { name }, callId, scope }
    }
    const call = MODEL_OPERATION.exec(operation)
    if (!call) return undefined
    noteModelCall(lineage)
    return { ...modelActivity(call[1] as string, attributes), scope }
  },

  conclude(span, activity, lineage) {
    const { attributes } = span
    const finishReason = text(attributes, 'ai.response.finishReason')
    const error = failureOf(span, finishReason)
    if (activity.kind === 'model') return concludeModel(attributes, finishReason, error, lineage)
    if (activity.kind !== 'run') return { error }
    // An object that was streamed has no finish reason.
    return concludeCall(error, finishReason, text(attributes, 'ai.response.object') !== undefined, attributes, lineage)
  },
}

/** AI SDK 7 with `@ai-sdk/otel`: the GenAI conventions, and what the SDK adds. */
export const aiSdkOtelConvention: Convention = {
  name: 'ai-sdk',
  scopes: ['gen_ai'],
  attributePrefixes: ['ai.settings.context.'],

  recognise(span, moment, lineage) {
    const { attributes } = span
    const activity = genAiConvention.recognise(span, moment, lineage) ?? audioActivity(attributes)
    if (typeof activity !== 'object') return activity
    const scoped = { ...activity, scope: scopeFromSettings(attributes) }
    const around = lineage.parent?.activity as CallActivity | undefined
    switch (scoped.kind) {
      case 'run':
        return callActivity(scoped, attributes)
      case 'tool':
        noteCall(lineage, scoped.callId)
        return { ...scoped, facts: decisionsOf(around, ({ callId }) => callId === scoped.callId, granted) }
      case 'step':
        // The loop has begun: what was approved has been run.
        return { ...scoped, facts: decisionsOf(around, () => true, denied) }
      case 'model':
        noteModelCall(lineage)
        return scoped
      default:
        return scoped
    }
  },

  conclude(span, activity, lineage) {
    const { attributes } = span
    const told = genAiConvention.conclude?.(span, activity, lineage) ?? {}
    const error = failureOf(span, told.finishReason)
    switch (activity.kind) {
      case 'run':
        return { ...told, ...concludeCall(error, told.finishReason, false, attributes, lineage), usage: undefined }
      case 'model':
        return { ...told, ...concludeModel(attributes, told.finishReason, error, lineage) }
      case 'tool':
        return wasCutOff(attributes) && !error ? { ...told, outcome: 'failed', error: CUT_OFF } : told
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

function noteModelCall({ memo }: Lineage): void {
  const state = stateOf(memo)
  state.begun.clear()
  state.pending = []
}

function noteCall({ memo }: Lineage, callId: string | undefined): void {
  if (callId === undefined) return
  const state = stateOf(memo)
  state.begun.add(callId)
  state.pending = state.pending.filter((call) => call.callId !== callId)
}

function concludeModel(
  attributes: Attributes,
  finishReason: string | undefined,
  error: SpanError | undefined,
  { memo }: Lineage,
): Conclusion {
  const state = stateOf(memo)
  if (finishReason === 'tool-calls') {
    state.pending = callsAskedFor(attributes).filter(({ callId }) => !state.begun.has(callId))
  }
  const limits = error && !state.quotaTold ? quotaFacts(error) : undefined
  state.quotaTold ||= limits !== undefined
  // The call as a whole repeats what its model calls consumed (5: only the last of them).
  return { ...endingOf(error), finishReason, usage: usageFrom(attributes), facts: limits }
}

function concludeCall(
  error: SpanError | undefined,
  finishReason: string | undefined,
  finished: boolean,
  attributes: Attributes,
  { ownMemo }: Lineage,
): Conclusion {
  if (error) return { ...endingOf(error), finishReason }
  // An aborted call ends without a finish reason, and nothing else tells it.
  if (finishReason === undefined && !finished && !usageFrom(attributes)) return ABORTED
  const { pending } = stateOf(ownMemo)
  if (finishReason !== 'tool-calls' || pending.length === 0) return { outcome: 'completed', finishReason }
  // The loop ended at a tool that has not run: it waits for approval, or is the client's to run.
  const waitingFor = pending.map(({ name }) => name).join(', ')
  return { outcome: 'suspended', reason: 'tool_result', waitingFor, confidence: 'heuristic' }
}

/** A mid-stream error leaves no error status. */
function failureOf(span: SpanLike, finishReason: string | undefined): SpanError | undefined {
  return hasErrorStatus(span) || finishReason === 'error' ? errorOf(span) : undefined
}

function endingOf(error: SpanError | undefined): Conclusion {
  if (!error) return {}
  return isAbort(error) ? ABORTED : { outcome: 'failed', error }
}

/** Every execution that comes to its end tells how long it took; one that is aborted tells nothing. */
function wasCutOff(attributes: Attributes): boolean {
  return (
    attributes['gen_ai.tool.type'] === 'function' &&
    attributes['gen_ai.execute_tool.duration'] === undefined &&
    attributes['gen_ai.tool.call.result'] === undefined
  )
}

/** What the user handed to the SDK's telemetry settings. */
function scopeFromSettings(attributes: Attributes): ScopeFacts {
  return scopeByNames(
    (name) => attributes[`ai.telemetry.metadata.${name}`] ?? attributes[`ai.settings.context.${name}`],
  )
}

function stateOf(memo: Memo | undefined): RunState {
  const known = memo?.get(STATE) as RunState | undefined
  if (known) return known
  const state: RunState = { begun: new Set(), pending: [], quotaTold: false }
  memo?.set(STATE, state)
  return state
}
