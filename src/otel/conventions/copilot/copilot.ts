import type { Attributes } from '@opentelemetry/api'
import { parentSpanIdOf, type SpanLike } from '../../span.js'
import type {
  Activity,
  Ancestors,
  Conclusion,
  Convention,
  Fact,
  TelemetryEvent,
  ToolCallDecision,
} from '../contract.js'
import { genAiConvention } from '../gen-ai/gen-ai.js'
import { asked, customFact, word } from '../shared/agent-events.js'
import { count, firstOf } from '../shared/attributes.js'
import { errorOf, hasErrorStatus } from '../shared/outcome.js'

/*
 * GitHub Copilot CLI and its SDK speak the GenAI conventions, and add to them: a `permission` span inside a tool's where
 * somebody was asked, a tool that ends with `denied` where a rule forbade it, an event where the user stopped it.
 */

const PREFIX = 'github.copilot.'
const STEP: Activity = Object.freeze({ kind: 'step' })
/** Kept for the life of a run: why it was stopped. */
const ABORTED = 'copilot.aborted'

/** Classes of error that say no more than that something failed. */
const VAGUE: ReadonlySet<string> = new Set(['query', 'SessionTurnError', 'ModelCallError', 'ToolError', 'Error'])

/** GitHub Copilot CLI, as spans. */
export const copilotConvention: Convention = {
  ...genAiConvention,
  name: 'copilot',
  instrumentationScopes: ['github.copilot'],
  attributePrefixes: undefined,
  namePrefixes: undefined,
  eventPrefixes: [PREFIX],

  recognise(span, phase, ancestors) {
    if (span.name === 'permission') return STEP
    const activity = genAiConvention.recognise(span, phase, ancestors)
    if (activity === 'later' || activity?.kind !== 'tool') return activity
    return { ...activity, call: { callId: activity.callId, spanId: span.spanContext().spanId } }
  },

  conclude(span, activity, ancestors) {
    const told = genAiConvention.conclude?.(span, activity, ancestors) ?? {}
    switch (activity.kind) {
      case 'run':
        return { ...told, ...endOfRun(span, told, ancestors) }
      case 'tool':
        return endOfToolCall(span, told)
      case 'step':
        return { ...told, call: permissionIn(span) }
      default:
        return { ...told, error: told.error && codeOf(span, told.error) }
    }
  },

  translate,
}

function endOfRun({ attributes, ...span }: SpanLike, told: Conclusion, { ownState }: Ancestors): Conclusion {
  const reason = ownState?.get(ABORTED)
  if (typeof reason === 'string') return { outcome: 'cancelled', reason, error: undefined }
  if (told.error) return { error: codeOf({ attributes, ...span }, told.error) }
  // A turn that failed says with what; one that was stopped does not.
  return firstOf(attributes, 'gen_ai.response.finish_reasons') === 'error'
    ? { outcome: 'cancelled', reason: 'aborted', confidence: 'heuristic' }
    : {}
}

function endOfToolCall(span: SpanLike, told: Conclusion): Conclusion {
  const { attributes } = span
  if (!told.error && !hasErrorStatus(span)) return { ...told, outcome: 'completed' }
  const isDenied = word(attributes, 'error.type') === 'denied'
  const decision: ToolCallDecision = { verdict: 'denied', asked: false, by: 'config', reason: 'denied by a rule' }
  const call = isDenied ? { spanId: span.spanContext().spanId, decision } : undefined
  return { ...told, outcome: 'failed', error: codeOf(span, told.error ?? errorOf(span)), call }
}

/** The word of a `permission` span on the call around it. */
function permissionIn(span: SpanLike): Conclusion['call'] {
  const result = word(span.attributes, 'github.copilot.permission.result')
  if (result === undefined) return undefined
  const isRule = /rule|policy|config/.test(result)
  const verdict = result.startsWith('approved') || result.startsWith('allow') ? 'granted' : 'denied'
  const by = isRule ? 'config' : (word(span.attributes, 'github.copilot.permission.decided_by') ?? 'user')
  const reason = verdict === 'denied' ? result : undefined
  // The application that brings a tool allows it: nobody else was asked.
  const isOwn = word(span.attributes, 'github.copilot.permission.kind') === 'custom-tool'
  if ((isOwn || isRule) && verdict === 'granted') return undefined
  return { spanId: parentSpanIdOf(span), decision: { ...asked(verdict, by), asked: !isRule, reason } }
}

/** The status of the response says more than a class that any error has. */
function codeOf(
  { events, attributes }: Pick<SpanLike, 'events' | 'attributes'>,
  error: NonNullable<Conclusion['error']>,
): Conclusion['error'] {
  const told = events.findLast(({ name }) => name === 'gen_ai.client.operation.exception')?.attributes ?? {}
  const named = word(attributes, 'error.type') ?? word(told, 'github.copilot.error_type', 'github.copilot.error_code')
  const status = count(told, 'github.copilot.error_status_code')
  const code = named === undefined || VAGUE.has(named) ? (status === undefined ? named : String(status)) : named
  return { code: code ?? error.code, message: error.message }
}

function translate(event: TelemetryEvent): readonly Fact[] {
  const { name, attributes, runState } = event
  switch (name) {
    case 'github.copilot.session.abort':
      runState?.set(ABORTED, word(attributes, 'github.copilot.abort_reason') ?? 'aborted')
      return []
    case 'github.copilot.session.compaction_complete':
      return word(attributes, 'github.copilot.success') === 'false' ? [] : [compaction(attributes, '')]
    case 'github.copilot.session.truncation':
      return [compaction(attributes, '_during_truncation')]
    case 'github.copilot.skill.invoked':
      return [customFact(name, attributes, ['github.copilot.skill.name'])]
    case 'github.copilot.hook.error':
      return [customFact(name, attributes, ['github.copilot.hook.type', 'github.copilot.hook.error_type'])]
    default:
      return name.startsWith(PREFIX) ? [] : (genAiConvention.translate?.(event) ?? [])
  }
}

function compaction(attributes: Attributes, suffix: string): Fact {
  const droppedTokens = count(attributes, `github.copilot.tokens_removed${suffix}`)
  const droppedMessages = count(attributes, `github.copilot.messages_removed${suffix}`)
  return { type: 'context_compacted', data: { droppedTokens, droppedMessages } }
}
