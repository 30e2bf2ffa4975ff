import type { Attributes } from '@opentelemetry/api'
import type { SpanLike } from '../../span.js'
import type { Activity, Ancestors, Conclusion, Convention, Fact } from '../contract.js'
import { text } from '../shared/attributes.js'
import { endingOfError } from '../shared/error-endings.js'
import { quotaFacts } from '../shared/limits.js'
import type { SpanError } from '../shared/outcome.js'
import { modelFrom, providerFrom, usageFrom } from '../shared/usage.js'
import { errorIn } from './errors.js'
import { rememberToolEvent, toolFacts } from './tools.js'

/*
 * BeeAI through OpenInference. Its instrumentation listens to the framework's emitter, and tells a run when it is over: one
 * span for the run, and inside of it one for each event, named by the event's path (`tool.dynamic.weather.start`). A span
 * says AGENT or TOOL when its event comes from an agent or a tool: only the outermost span, which has no path, is a run.
 */

/** The path of the event that a span is of. */
const TARGET = 'target'
const KIND = 'openinference.span.kind'
const STEP: Activity = Object.freeze({ kind: 'step' })

const ITERATION_LIMIT = /not able to resolve the task in \d+ iterations/

/** BeeAI through `@arizeai/openinference-instrumentation-beeai`. */
export const beeAiConvention: Convention = {
  name: 'beeai',
  instrumentationScopes: ['@arizeai/openinference-instrumentation-beeai'],

  recognise(span, phase, ancestors) {
    const { attributes } = span
    const kind = text(attributes, KIND)?.toUpperCase()
    const path = text(attributes, TARGET)
    if (path !== undefined) return eventActivity(path, kind, span, ancestors)
    // Attributes come right after the start.
    if (kind === undefined) return phase === 'end' ? STEP : 'later'
    if (kind === 'AGENT') return { kind: 'run', agent: {} }
    return kind === 'TOOL' ? { kind: 'tool', tool: { name: text(attributes, 'source') ?? span.name } } : STEP
  },

  conclude(span, activity, { ownState }) {
    const error = errorIn(span)
    switch (activity.kind) {
      case 'run':
        return runConclusion(error, toolFacts(ownState))
      case 'model':
        return {
          outcome: error && 'failed',
          error,
          usage: usageFrom(span.attributes),
          facts: error && quotaFacts(error),
        }
      case 'tool':
        return { outcome: error && 'failed', error }
      default:
        return { outcome: 'completed' }
    }
  },
}

function eventActivity(
  path: string,
  kind: string | undefined,
  span: SpanLike,
  { runState, parent }: Ancestors,
): Activity {
  const event = path.slice(path.lastIndexOf('.') + 1)
  switch (kind) {
    case 'LLM':
    case 'EMBEDDING':
      return event === 'success' || event === 'error' ? modelCall(kind, span.attributes) : STEP
    case 'TOOL':
      // A tool that was called by itself is told by the span of its run.
      if (runState && parent?.activity.kind !== 'tool') rememberToolEvent(path, event, span, runState)
      return STEP
    default:
      return STEP
  }
}

function modelCall(kind: string, attributes: Attributes): Activity {
  return {
    kind: 'model',
    operation: kind === 'LLM' ? 'chat' : 'embeddings',
    model: modelFrom(attributes),
    provider: providerFrom(attributes),
  }
}

function runConclusion(error: SpanError | undefined, calls: readonly Fact[]): Conclusion {
  if (!error) return { facts: calls }
  // The message lists the errors that caused this one, a line each.
  if (causesOf(error).some((code) => endingOfError({ code, message: '' }).outcome === 'cancelled')) {
    return { outcome: 'cancelled', reason: 'aborted', facts: calls }
  }
  const limit: Fact = { type: 'usage_limit_exceeded', data: { axis: 'turns' }, confidence: 'heuristic' }
  const limits = ITERATION_LIMIT.test(error.message) ? [limit] : []
  return { outcome: 'failed', error, facts: [...calls, ...limits] }
}

/** A message may be of any length. */
const MAX_CAUSES_LENGTH = 4096

function causesOf({ code, message }: SpanError): readonly string[] {
  const causes = message.slice(0, MAX_CAUSES_LENGTH).matchAll(/^\s*([A-Za-z_]\w*):/gm)
  return [code, ...Array.from(causes, ([, name]) => String(name))]
}
