import { type Attributes, ROOT_CONTEXT, type Span, trace } from '@opentelemetry/api'
import { describe, expect, test } from 'vitest'
import { nextTurn, startRecordingSdk } from '../../../test/support/audited-sdk.js'

/* Each pair of instrumentations of one client, one inside the other or beside it. */

const T0 = 1_900_000_000_000

interface Teller {
  readonly scope: string
  readonly name: string
  /** Attributes that are there from the start. */
  readonly first?: Attributes
  readonly last: Attributes
}

const GEN_AI = { 'gen_ai.operation.name': 'chat', 'gen_ai.request.model': 'm' }
const COUNTS = { 'gen_ai.usage.input_tokens': 50, 'gen_ai.usage.output_tokens': 7 }

const TELLERS: Readonly<Record<string, Teller>> = {
  OpenTelemetry: {
    scope: '@opentelemetry/instrumentation-openai',
    name: 'chat m',
    first: GEN_AI,
    last: { ...COUNTS, 'gen_ai.response.id': 'r1', 'gen_ai.response.model': 'm-2026-01-31' },
  },
  'OpenTelemetry, while streaming': {
    scope: '@opentelemetry/instrumentation-openai',
    name: 'chat m',
    first: GEN_AI,
    last: COUNTS,
  },
  OpenInference: {
    scope: '@arizeai/openinference-instrumentation-openai',
    name: 'OpenAI Chat Completions',
    last: {
      'openinference.span.kind': 'LLM',
      'llm.model_name': 'm',
      'llm.token_count.prompt': 50,
      'llm.token_count.completion': 7,
      'output.value': '{"id":"r1","object":"chat.completion"}',
    },
  },
  Langfuse: {
    scope: 'langfuse-sdk',
    name: 'OpenAI-generation',
    last: {
      'langfuse.observation.type': 'generation',
      'langfuse.observation.usage_details': '{"input":50,"output":7,"total":57}',
      'langfuse.observation.model.name': 'm',
    },
  },
  Traceloop: {
    scope: '@traceloop/instrumentation-openai',
    name: 'openai.chat',
    first: GEN_AI,
    last: { ...COUNTS, 'gen_ai.usage.total_tokens': 57 },
  },
}

const pairs = Object.keys(TELLERS).flatMap((outer) =>
  Object.keys(TELLERS)
    .filter((inner) => inner !== outer)
    .map((inner) => [outer, inner] as const),
)

function start({ scope, name, first = {} }: Teller, at: number, parent: Span): Span {
  const options = { attributes: first, startTime: T0 + at }
  return trace.getTracer(scope).startSpan(name, options, trace.setSpan(ROOT_CONTEXT, parent))
}

async function play(outer: Teller, inner: Teller, nested: boolean): Promise<unknown> {
  const { log } = startRecordingSdk()
  const attributes = { 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': 'x' }
  const run = trace.getTracer('my-agent').startSpan('invoke_agent x', { attributes, startTime: T0 })
  const around = start(outer, 10, run)
  await nextTurn()
  const inside = start(inner, 20, nested ? around : run)
  await nextTurn()
  inside.setAttributes(inner.last).end(T0 + 30)
  around.setAttributes(outer.last).end(T0 + 40)
  run.end(T0 + 50)
  const sum = log.of('run_completed')[0]?.data.usage
  return { reports: log.of('token_usage_updated').length, input: sum?.inputTokens, output: sum?.outputTokens }
}

const ONCE = { reports: 1, input: 50, output: 7 }

describe('one call that two instrumentations tell of is counted once', () => {
  test.each(pairs)('%s around %s', async (outer, inner) => {
    expect(await play(TELLERS[outer] as Teller, TELLERS[inner] as Teller, true)).toEqual(ONCE)
  })

  test.each(pairs)('%s beside %s', async (outer, inner) => {
    expect(await play(TELLERS[outer] as Teller, TELLERS[inner] as Teller, false)).toEqual(ONCE)
  })
})
