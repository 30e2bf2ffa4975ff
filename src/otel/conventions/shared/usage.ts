import type { Attributes } from '@opentelemetry/api'
import type { UsageReport } from '../contract.js'
import { amount, count, text } from './attributes.js'

/*
 * The names under which instrumentations report what a model call consumed, current ones first. One table for all:
 * they are mixed in practice (AI SDK sets `ai.usage.*` beside `gen_ai.usage.*`).
 */
const INPUT = [
  'gen_ai.usage.input_tokens',
  'gen_ai.usage.prompt_tokens',
  'llm.token_count.prompt',
  'ai.usage.inputTokens',
  'ai.usage.promptTokens',
  'ai.usage.tokens',
  'llm.usage.prompt_tokens',
  'gen_ai.usage.input',
  'gen_ai.response.prompt_tokens',
]
/** Input tokens that none of the names above includes. */
const FURTHER_INPUT = ['anthropic.usage.compaction.input_tokens']
const OUTPUT = [
  'gen_ai.usage.output_tokens',
  'gen_ai.usage.completion_tokens',
  'llm.token_count.completion',
  'ai.usage.outputTokens',
  'ai.usage.completionTokens',
  'llm.usage.completion_tokens',
  'gen_ai.usage.output',
  'gen_ai.response.completion_tokens',
]
/** Output tokens that none of the names above includes. */
const FURTHER_OUTPUT = ['anthropic.usage.compaction.output_tokens']
const TOTAL = ['gen_ai.usage.total_tokens', 'llm.usage.total_tokens', 'llm.token_count.total', 'ai.usage.totalTokens']
const CACHED_INPUT = [
  'gen_ai.usage.cache_read.input_tokens',
  'gen_ai.usage.cache_read_input_tokens',
  'gen_ai.usage.input_tokens.cached',
  'gen_ai.usage.input_cached_tokens',
  'gen_ai.usage.cached_input_tokens',
  'gen_ai.usage.cached_tokens',
  'gen_ai.usage.prompt_tokens_details.cached_tokens',
  'gen_ai.usage.details.cache_read_tokens',
  'gen_ai.usage.details.cache_read_input_tokens',
  'gen_ai.usage.details.cached_content_tokens',
  'gen_ai.usage.details.cached_tokens',
  'llm.token_count.prompt_details.cache_read',
  'llm.token_count.prompt_details.cache_input',
  'llm.usage.cache_read_input_tokens',
  'ai.usage.inputTokenDetails.cacheReadTokens',
  'ai.usage.cachedInputTokens',
]
const CACHE_CREATION = [
  'gen_ai.usage.cache_creation.input_tokens',
  'gen_ai.usage.cache_creation_input_tokens',
  'gen_ai.usage.cache_write.input_tokens',
  'gen_ai.usage.cache_write_input_tokens',
  'gen_ai.usage.input_tokens.cache_write',
  'gen_ai.usage.details.cache_write_tokens',
  'gen_ai.usage.details.cache_creation_input_tokens',
  'llm.token_count.prompt_details.cache_write',
  'llm.usage.cache_creation_input_tokens',
  'ai.usage.inputTokenDetails.cacheWriteTokens',
]
const REASONING = [
  'gen_ai.usage.reasoning.output_tokens',
  'gen_ai.usage.reasoning_tokens',
  'gen_ai.usage.output_tokens.reasoning',
  'gen_ai.usage.reasoning_output_tokens',
  'gen_ai.usage.completion_tokens_details.reasoning_tokens',
  'gen_ai.usage.details.reasoning_tokens',
  'gen_ai.usage.details.thoughts_tokens',
  'llm.usage.reasoning_tokens',
  'llm.token_count.completion_details.reasoning',
  'ai.usage.outputTokenDetails.reasoningTokens',
  'ai.usage.reasoningTokens',
]
/** In US dollars. */
const COST = [
  'llm.cost.total',
  'gen_ai.usage.cost',
  'gen_ai.usage.cost_usd',
  'gen_ai.usage.total_cost',
  'gen_ai.cost.total_cost',
  'gen_ai.cost.total',
  'litellm.cost.total',
  'llm.usage.total_cost',
  'llm.usage.cost',
  'operation.cost',
]
/** The fields of a report, each with its names. */
const NAMES = [
  INPUT,
  FURTHER_INPUT,
  OUTPUT,
  FURTHER_OUTPUT,
  TOTAL,
  CACHED_INPUT,
  CACHE_CREATION,
  REASONING,
  COST,
] as const
const COST_FIELD = NAMES.indexOf(COST)

/** By name: the field, and how many names of it come before. */
const PLACES: ReadonlyMap<string, readonly [field: number, rank: number]> = new Map(
  NAMES.flatMap((names, field) => names.map((name, rank) => [name, [field, rank]] as const)),
)
const AI_SDK_CACHED = 'ai.usage.cachedInputTokens'
/** The providers whose own `input_tokens` leave the cache out, in the names of the AI SDK. */
const CLAUDE_PROVIDER = /^(?:anthropic|amazon-bedrock|bedrock|google-vertex-anthropic|vertex\.anthropic)/
const MODEL = [
  'gen_ai.response.model',
  'gen_ai.request.model',
  'llm.response.model_name',
  'llm.request.model_name',
  'llm.model_name',
  'ai.response.model',
  'ai.model.id',
  'embedding.model_name',
]
const PROVIDER = ['gen_ai.provider.name', 'gen_ai.system', 'llm.provider', 'llm.system', 'ai.model.provider']

/** Reads what the attributes of a span say it consumed; `undefined` when they say nothing. */
export function usageFrom(attributes: Attributes): UsageReport | undefined {
  const found = numbersIn(attributes)
  if (!found) return undefined
  const [input, furtherInput, output, furtherOutput, total, cached, created, reasoning, cost] = found
  if (input === undefined && output === undefined && total === undefined && cost === undefined) return undefined
  return {
    inputTokens: plus(input, furtherInput),
    outputTokens: plus(output, furtherOutput),
    totalTokens: total,
    cachedInputTokens: cached,
    cacheCreationInputTokens: created,
    reasoningTokens: reasoning,
    costUsd: cost,
    cache: tellsOldAiSdk(attributes) ? 'beside' : undefined,
    model: modelFrom(attributes),
    provider: providerFrom(attributes),
    responseId: text(attributes, 'gen_ai.response.id', 'ai.response.id'),
  }
}

/**
 * Reads the number of each field of {@link NAMES}: of the first of its names that holds one. A look at each attribute is
 * quicker than one at each of so many names.
 */
function numbersIn(attributes: Attributes): (number | undefined)[] | undefined {
  let found: (number | undefined)[] | undefined
  let ranks: number[] | undefined
  for (const key in attributes) {
    const place = PLACES.get(key)
    if (!place) continue
    const [field, rank] = place
    if (ranks && rank > (ranks[field] as number)) continue
    const number = field === COST_FIELD ? amount(attributes, key) : count(attributes, key)
    if (number === undefined) continue
    found ??= NAMES.map(() => undefined)
    ranks ??= NAMES.map(() => Number.POSITIVE_INFINITY)
    found[field] = number
    ranks[field] = rank
  }
  return found
}

/** AI SDK 5 passes on what the provider counts. Version 6, which tells details, has Claude's input include its cache. */
function tellsOldAiSdk(attributes: Attributes): boolean {
  if (attributes[AI_SDK_CACHED] === undefined) return false
  if (attributes['ai.usage.inputTokenDetails.cacheReadTokens'] !== undefined) return false
  if (attributes['ai.usage.inputTokenDetails.noCacheTokens'] !== undefined) return false
  return CLAUDE_PROVIDER.test(text(attributes, 'ai.model.provider') ?? '')
}

function plus(count: number | undefined, further: number | undefined): number | undefined {
  return count === undefined || further === undefined ? count : count + further
}

export function modelFrom(attributes: Attributes): string | undefined {
  return text(attributes, ...MODEL)
}

export function providerFrom(attributes: Attributes): string | undefined {
  return text(attributes, ...PROVIDER)
}
