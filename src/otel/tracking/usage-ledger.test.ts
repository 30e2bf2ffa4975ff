import { type Attributes, ROOT_CONTEXT, type Span, trace } from '@opentelemetry/api'
import { expect, test } from 'vitest'
import { startRecordingSdk } from '../../../test/support/audited-sdk.js'
import type { TokenUsage } from '../../events/index.js'

/* What holds of every recorded report and every sum, whatever a tree of spans reports. */

/** A generator of numbers that gives the same ones in every run of the tests. */
function* numbers(seed: number): Generator<number, never> {
  let state = seed
  for (;;) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    yield state / 2 ** 32
  }
}

const KEYS = [
  'gen_ai.usage.input_tokens',
  'gen_ai.usage.output_tokens',
  'gen_ai.usage.total_tokens',
  'gen_ai.usage.cache_read.input_tokens',
  'gen_ai.usage.cache_creation.input_tokens',
  'gen_ai.usage.reasoning.output_tokens',
  'gen_ai.usage.cost',
]
const SCOPES = ['my-agent', '@traceloop/instrumentation-anthropic', '@opentelemetry/instrumentation-openai']
const OPERATIONS = ['invoke_agent', 'chat', 'agent_step']

function isSound(usage: TokenUsage): boolean {
  const { inputTokens, outputTokens, totalTokens, cachedInputTokens = 0, cacheCreationInputTokens = 0 } = usage
  return (
    [inputTokens, outputTokens, totalTokens, cachedInputTokens, cacheCreationInputTokens].every((n) => n >= 0) &&
    totalTokens === inputTokens + outputTokens &&
    cachedInputTokens + cacheCreationInputTokens <= inputTokens &&
    (usage.reasoningTokens ?? 0) <= outputTokens
  )
}

test('every report and every sum is sound', () => {
  const { log } = startRecordingSdk()
  const random = numbers(11)
  const next = () => random.next().value
  const oneOf = <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)] as T
  const usage = (): Attributes =>
    Object.fromEntries(KEYS.filter(() => next() < 0.6).map((key) => [key, Math.floor(next() * 100)]))
  const grow = (parent: Span | undefined, depth: number): void => {
    const around = parent ? trace.setSpan(ROOT_CONTEXT, parent) : ROOT_CONTEXT
    const operation = depth === 0 ? 'invoke_agent' : oneOf(OPERATIONS)
    const attributes = {
      'gen_ai.operation.name': operation,
      'gen_ai.request.model': oneOf(['gemini', 'claude', 'gpt']),
    }
    const span = trace.getTracer(oneOf(SCOPES)).startSpan(`${operation} ${depth}`, { attributes }, around)
    const [isEarly, told] = [next() < 0.2, usage()]
    // Some end before what is inside of them.
    if (isEarly) span.setAttributes(told).end()
    for (let child = Math.floor(next() * (4 - depth)); child > 0; child--) grow(span, depth + 1)
    if (!isEarly) span.setAttributes(told).end()
  }
  for (let tree = 0; tree < 400; tree++) grow(undefined, 0)

  const reports = log.of('token_usage_updated').map(({ data }) => data)
  const sums = log.of('run_completed').flatMap(({ data }) => data.usage ?? [])
  expect(reports.length).toBeGreaterThan(400)
  expect(sums.length).toBeGreaterThan(200)
  expect([...reports, ...sums].filter((told) => !isSound(told))).toEqual([])
})
