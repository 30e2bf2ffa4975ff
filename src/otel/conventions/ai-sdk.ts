import type { Attributes } from '@opentelemetry/api'
import type { SpanLike } from '../span.js'
import { text } from './attributes.js'
import type { Activity, Convention, Outcome, ScopeFacts } from './contract.js'
import { genAiConvention } from './gen-ai.js'
import { errorOf, hasErrorStatus } from './outcome.js'
import { modelFrom, providerFrom, usageFrom } from './usage.js'

/*
 * The Vercel AI SDK. Versions 5 and 6, and 7 in its legacy mode, name their spans by `ai.operationId`; version 7 with
 * `@ai-sdk/otel` speaks the GenAI conventions, and says in `ai.settings.context.*` what the user put into the context.
 */

/** `ai.generateText`, `ai.streamObject` …: one call of the SDK, with all its steps. */
const RUN_OPERATION = /^ai\.(?:generate|stream)(?:Text|Object)$/
/** `ai.generateText.doGenerate`, `ai.embed.doEmbed`: one call of the model. */
const MODEL_OPERATION = /^ai\.(\w+)(?:\.do\w+)?$/
const RUN_FINISHED = 'ai.response.finishReason'

/** AI SDK 5, 6 and 7 (legacy telemetry). */
export const aiSdkConvention: Convention = {
  name: 'ai-sdk',
  scopes: ['ai'],
  attributePrefixes: ['ai.operationId'],

  recognise(span) {
    const { attributes } = span
    const operation = text(attributes, 'ai.operationId')
    if (operation === undefined) return undefined
    const scope = scopeFromSettings(attributes)
    if (RUN_OPERATION.test(operation)) {
      const name = text(attributes, 'ai.telemetry.functionId')
      return { kind: 'run', agent: name ? { name } : {}, model: modelFrom(attributes), scope }
    }
    if (operation === 'ai.toolCall') {
      const name = text(attributes, 'ai.toolCall.name') ?? 'unknown'
      return { kind: 'tool', tool: { name }, callId: text(attributes, 'ai.toolCall.id'), scope }
    }
    const call = MODEL_OPERATION.exec(operation)
    if (!call) return undefined
    const model = modelFrom(attributes)
    return { kind: 'model', operation: call[1] as string, model, provider: providerFrom(attributes), scope }
  },

  conclude(span, activity) {
    const finishReason = text(span.attributes, RUN_FINISHED)
    const outcome = outcomeOf(span, activity, finishReason)
    return {
      outcome,
      finishReason,
      error: outcome === 'failed' ? errorOf(span) : undefined,
      reason: outcome === 'cancelled' ? 'aborted' : undefined,
      // The call as a whole repeats what its model calls consumed (5: only the last of them).
      usage: activity.kind === 'model' ? usageFrom(span.attributes) : undefined,
    }
  },
}

/** AI SDK 7 with `@ai-sdk/otel`: the GenAI conventions, and what the SDK adds. */
export const aiSdkOtelConvention: Convention = {
  ...genAiConvention,
  name: 'ai-sdk',
  scopes: ['gen_ai'],
  attributePrefixes: ['ai.settings.context.'],

  recognise(span, moment, lineage) {
    const activity = genAiConvention.recognise(span, moment, lineage)
    return typeof activity === 'object' ? { ...activity, scope: scopeFromSettings(span.attributes) } : activity
  },

  conclude(span, activity, lineage) {
    const told = genAiConvention.conclude?.(span, activity, lineage) ?? {}
    if (activity.kind !== 'run') return told
    const outcome = outcomeOf(span, activity, told.finishReason)
    // An aborted call ends without a finish reason, and nothing else tells it.
    return { ...told, usage: undefined, outcome, reason: outcome === 'cancelled' ? 'aborted' : undefined }
  },
}

/** A mid-stream error leaves no error status, an abort no finish reason. */
function outcomeOf(span: SpanLike, activity: Activity, finishReason: string | undefined): Outcome {
  if (hasErrorStatus(span) || finishReason === 'error') return 'failed'
  return activity.kind === 'run' && finishReason === undefined ? 'cancelled' : 'completed'
}

/** What the user handed to the SDK's telemetry settings, under the names people use. */
function scopeFromSettings(attributes: Attributes): ScopeFacts {
  const setting = (...names: readonly string[]) =>
    text(attributes, ...names.flatMap((name) => [`ai.telemetry.metadata.${name}`, `ai.settings.context.${name}`]))
  return {
    tenantId: setting('tenantId', 'tenant'),
    sessionId: setting('sessionId', 'session.id', 'threadId', 'conversationId', 'chatId'),
    userId: setting('userId', 'user.id'),
  }
}
