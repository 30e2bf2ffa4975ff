import type { Attributes } from '@opentelemetry/api'
import { describe, expect, test } from 'vitest'
import { usageFrom } from './usage.js'
import { meaningOf } from './usage-meaning.js'

/** Returns what the attributes of a span of this instrumentation are recorded as, without what it does not tell. */
function recorded(attributes: Attributes, scope = 'my-agent'): Attributes | undefined {
  const report = usageFrom(attributes)
  const usage = report && meaningOf(report, scope)?.usage
  return usage && Object.fromEntries(Object.entries(usage).filter(([, value]) => value !== undefined))
}

const SAME_CALL = {
  inputTokens: 1300,
  outputTokens: 40,
  totalTokens: 1340,
  cachedInputTokens: 1000,
  cacheCreationInputTokens: 200,
  reasoningTokens: 30,
}

describe('one call is recorded alike, whoever tells of it', () => {
  const tellers: readonly (readonly [string, string, Attributes])[] = [
    [
      'OpenTelemetry',
      '@opentelemetry/instrumentation-openai',
      {
        'gen_ai.usage.input_tokens': 1300,
        'gen_ai.usage.output_tokens': 40,
        'gen_ai.usage.cache_read.input_tokens': 1000,
        'gen_ai.usage.cache_creation.input_tokens': 200,
        'gen_ai.usage.reasoning.output_tokens': 30,
      },
    ],
    [
      'the SDK of Anthropic',
      'com.anthropic.sdk.typescript',
      {
        'gen_ai.provider.name': 'anthropic',
        'gen_ai.usage.input_tokens': 1300,
        'gen_ai.usage.output_tokens': 40,
        'gen_ai.usage.cache_read.input_tokens': 1000,
        'gen_ai.usage.cache_write.input_tokens': 200,
        'gen_ai.usage.reasoning.output_tokens': 30,
      },
    ],
    [
      'OpenInference',
      '@arizeai/openinference-instrumentation-anthropic',
      {
        'llm.provider': 'anthropic',
        'llm.token_count.prompt': 1300,
        'llm.token_count.completion': 40,
        'llm.token_count.total': 1340,
        'llm.token_count.prompt_details.cache_read': 1000,
        'llm.token_count.prompt_details.cache_write': 200,
        'llm.token_count.completion_details.reasoning': 30,
      },
    ],
    [
      "Traceloop's instrumentation of Anthropic, which leaves the cache out of input and total",
      '@traceloop/instrumentation-anthropic',
      {
        'gen_ai.provider.name': 'anthropic',
        'gen_ai.usage.input_tokens': 100,
        'gen_ai.usage.output_tokens': 40,
        'gen_ai.usage.total_tokens': 140,
        'gen_ai.usage.cache_read.input_tokens': 1000,
        'gen_ai.usage.cache_creation.input_tokens': 200,
        'gen_ai.usage.reasoning_tokens': 30,
      },
    ],
    [
      'AI SDK 6',
      'ai',
      {
        'ai.model.provider': 'anthropic.messages',
        'ai.usage.inputTokens': 1300,
        'ai.usage.outputTokens': 40,
        'ai.usage.totalTokens': 1340,
        'ai.usage.cachedInputTokens': 1000,
        'ai.usage.inputTokenDetails.noCacheTokens': 100,
        'ai.usage.inputTokenDetails.cacheReadTokens': 1000,
        'ai.usage.inputTokenDetails.cacheWriteTokens': 200,
        'ai.usage.outputTokenDetails.reasoningTokens': 30,
      },
    ],
    [
      'Sentry',
      '@sentry/node',
      {
        'gen_ai.usage.input_tokens': 1300,
        'gen_ai.usage.output_tokens': 40,
        'gen_ai.usage.total_tokens': 1340,
        'gen_ai.usage.input_tokens.cached': 1000,
        'gen_ai.usage.input_tokens.cache_write': 200,
        'gen_ai.usage.output_tokens.reasoning': 30,
      },
    ],
    [
      'Pydantic AI',
      'pydantic-ai',
      {
        'gen_ai.usage.input_tokens': 1300,
        'gen_ai.usage.output_tokens': 40,
        'gen_ai.usage.details.cache_read_tokens': 1000,
        'gen_ai.usage.details.cache_write_tokens': 200,
        'gen_ai.usage.details.reasoning_tokens': 30,
      },
    ],
  ]
  test.each(tellers)('%s', (_, scope, attributes) => {
    expect(recorded(attributes, scope)).toEqual(SAME_CALL)
  })
})

test('AI SDK 5 passes on the input of Anthropic without its cache, and that of others with it', () => {
  const attributes = { 'ai.usage.inputTokens': 500, 'ai.usage.outputTokens': 10, 'ai.usage.cachedInputTokens': 300 }
  const anthropic = { ...attributes, 'ai.model.provider': 'anthropic.messages' }
  expect(recorded(anthropic, 'ai')).toMatchObject({ inputTokens: 800, cachedInputTokens: 300, totalTokens: 810 })
  const openai = { ...attributes, 'ai.model.provider': 'openai.responses' }
  expect(recorded(openai, 'ai')).toMatchObject({ inputTokens: 500, cachedInputTokens: 300, totalTokens: 510 })
})

test('tokens of compactions inside a call of Anthropic are its own', () => {
  const attributes = {
    'gen_ai.usage.input_tokens': 100,
    'gen_ai.usage.output_tokens': 10,
    'anthropic.usage.compaction.input_tokens': 5000,
    'anthropic.usage.compaction.output_tokens': 300,
  }
  expect(recorded(attributes)).toMatchObject({ inputTokens: 5100, outputTokens: 310 })
})

test.each([
  'gen_ai.cost.total_cost',
  'gen_ai.usage.cost',
  'llm.cost.total',
  'gen_ai.usage.total_cost',
  'operation.cost',
])('the cost is read from %s', (key) => {
  expect(recorded({ [key]: 0.5 })).toMatchObject({ costUsd: 0.5 })
  expect(recorded({ [key]: '0.5' })).toMatchObject({ costUsd: 0.5 })
})
