import type { Attributes } from '@opentelemetry/api'
import type { SpanLike } from '../../span.js'
import type { Activity, Ancestors, Conclusion, Convention, Fact, ScopeIds, UsageReport } from '../contract.js'
import { count, idIn, jsonMember, readRecord, record, text } from '../shared/attributes.js'
import { readJson } from '../shared/cut-json.js'
import { fromClient } from '../shared/from-client.js'
import { quotaFacts } from '../shared/limits.js'
import { errorOf, hasErrorStatus } from '../shared/outcome.js'
import { scopeByNames } from '../shared/user-scope.js'

/*
 * Genkit. `genkit:type` and `genkit:metadata:subtype` say what a span is, from its start; all else comes before the end,
 * input and output as JSON. A flow, an agent or a prompt is a run; so is a call of `generate` that is not inside of one.
 * Each turn of its tool loop is another `generate` span below the last. Genkit brings an SDK of its own (1.25).
 */

const TYPE = 'genkit:type'
const SUBTYPE = 'genkit:metadata:subtype'
const OUTPUT = 'genkit:output'

/** Kept for the life of a run: the last call of `generate` inside waits for somebody. */
const INTERRUPTED = 'genkit.interrupted'

/** The span on which an error came up first; those around it repeat it. */
const FAILURE_SOURCE = 'genkit:isFailureSource'

const STEP: Activity = Object.freeze({ kind: 'step' })

/** Flows, agents, prompts and calls of Genkit. */
export const genkitConvention: Convention = {
  name: 'genkit',
  instrumentationScopes: ['genkit-tracer'],
  attributePrefixes: [TYPE],
  decisive: { run: [OUTPUT], step: [OUTPUT], usage: [OUTPUT] },

  recognise(span, _phase, { run }) {
    const { attributes, name } = span
    const type = text(attributes, TYPE)
    if (type === undefined) return undefined
    if (type === 'action') return action(attributes, name, run !== undefined)
    if (run) return STEP
    if (type === 'util') return { kind: 'run', agent: name === 'generate' ? {} : { name } }
    return type === 'dotprompt' ? { kind: 'run', agent: { name } } : STEP
  },

  conclude(span, activity, ancestors) {
    const told: Conclusion = { error: hasErrorStatus(span) ? errorOf(span) : undefined }
    switch (activity.kind) {
      case 'run':
        return endOfRun(span, told, ancestors)
      case 'tool':
        return { ...told, outcome: told.error?.code === 'ToolInterruptError' ? 'suspended' : undefined }
      case 'model':
        return endOfModel(span, told)
      case 'recall':
        return { ...told, hits: lengthOf(jsonMember(span.attributes[OUTPUT], 'documents')) }
      default:
        return { ...told, facts: endOfGenerate(span, ancestors.runState) }
    }
  },
}

function action(attributes: Attributes, name: string, inside: boolean): Activity {
  switch (text(attributes, SUBTYPE)) {
    case 'flow':
    case 'agent':
      return { kind: 'run', agent: { name } }
    case 'executable-prompt':
      return inside ? STEP : { kind: 'run', agent: { name } }
    case 'util':
      return inside || name !== 'generate' ? STEP : { kind: 'run', agent: {} }
    case 'model':
    case 'background-model':
      return { kind: 'model', operation: 'generate', model: name }
    case 'embedder':
      return { kind: 'model', operation: 'embeddings', model: name }
    case 'reranker':
      return { kind: 'model', operation: 'rerank', model: name }
    case 'tool':
    case 'tool.v2':
      return { kind: 'tool', tool: { name } }
    case 'retriever':
      return { kind: 'recall', tier: 'retriever', namespaceKey: name }
    default:
      return STEP
  }
}

function endOfRun(span: SpanLike, told: Conclusion, { ownState }: Ancestors): Conclusion {
  const { attributes } = span
  const resumed = isGenerate(span) ? resumption(span) : undefined
  const conclusion = { ...told, scope: scopeOfSpan(attributes), facts: resumed ?? turnLimit(span) }
  if (told.error) return conclusion
  // A flow returns what it likes; whether it waits for somebody shows in its calls.
  const isFlow = text(attributes, SUBTYPE) === 'flow'
  const finishReason = isFlow
    ? ownState?.get(INTERRUPTED) && 'interrupted'
    : jsonMember(attributes[OUTPUT], 'finishReason')
  switch (finishReason) {
    case 'interrupted':
      return { ...conclusion, outcome: 'suspended', reason: 'interrupted' }
    case 'aborted':
      return { ...conclusion, outcome: 'cancelled', reason: 'aborted' }
    case 'failed': {
      const { status, message } = record(jsonMember(attributes[OUTPUT], 'error'))
      return {
        ...conclusion,
        outcome: 'failed',
        error: { code: string(status) ?? 'Error', message: string(message) ?? '' },
      }
    }
    default:
      return { ...conclusion, finishReason: string(finishReason) }
  }
}

/** A call inside the run, or the next turn of its loop. */
function endOfGenerate(span: SpanLike, runState: Ancestors['runState']): readonly Fact[] | undefined {
  if (!isGenerate(span)) return undefined
  const output = span.attributes[OUTPUT]
  // Most are not, and the whole conversation need not be parsed to know that.
  const maybe = typeof output === 'string' && output.includes('"finishReason":"interrupted"')
  runState?.set(INTERRUPTED, maybe && jsonMember(output, 'finishReason') === 'interrupted')
  return resumption(span) ?? turnLimit(span)
}

function isGenerate({ attributes, name }: SpanLike): boolean {
  return text(attributes, TYPE) === 'util' || (text(attributes, SUBTYPE) === 'util' && name === 'generate')
}

/** Answers to interrupts, or calls to start over, with which an earlier call goes on: by the word of who calls. */
function resumption({ attributes }: SpanLike): readonly Fact[] | undefined {
  return fromClient(attributes, 'genkit:input')?.tells((input) => {
    if (!input.includes('"resume":{')) return undefined
    // Attacker-controlled: the input of a run, which a client can make up; at most 256 KiB and, where it is cut, 512
    // levels are read, and facts from it are claims.
    const { respond, restart } = record(record(readJson(input).value).resume)
    return lengthOf(respond) || lengthOf(restart) ? [{ type: 'resumed', data: {} }] : undefined
  })
}

/** `maxTurns`, which is told in the message only. */
function turnLimit(span: SpanLike): readonly Fact[] | undefined {
  if (span.attributes[FAILURE_SOURCE] !== true) return undefined
  const [, limit] = /Exceeded maximum tool call iterations \((\d+)\)/.exec(errorOf(span).message) ?? []
  if (limit === undefined) return undefined
  return [{ type: 'usage_limit_exceeded', data: { axis: 'turns', limit: Number(limit) }, confidence: 'heuristic' }]
}

function endOfModel({ attributes, name }: SpanLike, told: Conclusion): Conclusion {
  if (told.error) return { ...told, facts: quotaFacts(told.error) }
  const finishReason = string(jsonMember(attributes[OUTPUT], 'finishReason'))
  return { ...told, finishReason, usage: usageIn(jsonMember(attributes[OUTPUT], 'usage'), name) }
}

function usageIn(output: unknown, model: string): UsageReport | undefined {
  if (output === undefined) return undefined
  const usage = record(output)
  const tokens = (name: string) => (typeof usage[name] === 'number' ? count(usage as Attributes, name) : undefined)
  return {
    inputTokens: tokens('inputTokens'),
    outputTokens: tokens('outputTokens'),
    totalTokens: tokens('totalTokens'),
    cachedInputTokens: tokens('cachedContentTokens'),
    reasoningTokens: tokens('thoughtsTokens'),
    model,
  }
}

/** The session of an agent; else what the caller put into the context that Genkit hands down. */
function scopeOfSpan(attributes: Attributes): ScopeIds {
  const context = readRecord(attributes, 'genkit:metadata:context')
  const named = scopeByNames((name) => context[name])
  return { ...named, sessionId: idIn(attributes, 'genkit:metadata:agent:sessionId') ?? named.sessionId }
}

function lengthOf(list: unknown): number | undefined {
  return Array.isArray(list) ? list.length : undefined
}

function string(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
