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
]
const OUTPUT = [
  'gen_ai.usage.output_tokens',
  'gen_ai.usage.completion_tokens',
  'llm.token_count.completion',
  'ai.usage.outputTokens',
  'ai.usage.completionTokens',
  'llm.usage.completion_tokens',
]
const TOTAL = ['gen_ai.usage.total_tokens', 'llm.usage.total_tokens', 'llm.token_count.total', 'ai.usage.totalTokens']
const CACHED_INPUT = [
  'gen_ai.usage.cache_read.input_tokens',
  'gen_ai.usage.cache_read_input_tokens',
  'llm.token_count.prompt_details.cache_read',
  'ai.usage.cachedInputTokens',
]
const CACHE_CREATION = [
  'gen_ai.usage.cache_creation.input_tokens',
  'gen_ai.usage.cache_creation_input_tokens',
  'gen_ai.usage.cache_write_input_tokens',
  'llm.token_count.prompt_details.cache_write',
]
const REASONING = [
  'gen_ai.usage.reasoning.output_tokens',
  'gen_ai.usage.reasoning_tokens',
  'llm.token_count.completion_details.reasoning',
  'ai.usage.reasoningTokens',
]
const COST = ['llm.cost.total', 'gen_ai.usage.cost']
const USAGE: ReadonlySet<string> = new Set([...INPUT, ...OUTPUT, ...TOTAL, ...COST])
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

/** What the attributes of a span say it consumed; `undefined` when they say nothing. */
export function usageFrom(attributes: Attributes): UsageReport | undefined {
  if (!tellsUsage(attributes)) return undefined
  const inputTokens = count(attributes, ...INPUT)
  const outputTokens = count(attributes, ...OUTPUT)
  const totalTokens = count(attributes, ...TOTAL)
  const costUsd = amount(attributes, ...COST)
  if (inputTokens === undefined && outputTokens === undefined && totalTokens === undefined && costUsd === undefined) {
    return undefined
  }
  return {
    inputTokens,
    outputTokens,
    totalTokens,
    cachedInputTokens: count(attributes, ...CACHED_INPUT),
    cacheCreationInputTokens: count(attributes, ...CACHE_CREATION),
    reasoningTokens: count(attributes, ...REASONING),
    costUsd,
    model: modelFrom(attributes),
    provider: providerFrom(attributes),
    responseId: text(attributes, 'gen_ai.response.id', 'ai.response.id'),
  }
}

/** Quicker than to look for each of so many names: most spans have few attributes. */
function tellsUsage(attributes: Attributes): boolean {
  for (const key in attributes) if (USAGE.has(key)) return true
  return false
}

export function modelFrom(attributes: Attributes): string | undefined {
  return text(attributes, ...MODEL)
}

export function providerFrom(attributes: Attributes): string | undefined {
  return text(attributes, ...PROVIDER)
}
