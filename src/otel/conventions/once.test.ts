import { type Attributes, ROOT_CONTEXT, type Span, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { describe, expect, test } from 'vitest'
import { nextTurn, startRecordingSdk } from '../../../test/support/audited-sdk.js'
import type { CollectingLog } from '../../../test/support/collecting-log.js'

/* Whatever the words of an instrumentation: what happened once is recorded once, and tokens mean the same. */

interface Counts {
  readonly input: number
  readonly output: number
  readonly cached?: number
}

interface Told {
  readonly name: string
  readonly attributes: Attributes
}

/** The words of one instrumentation. */
interface Dialect {
  readonly scope: string
  readonly run: Told
  readonly model: Told
  readonly tool: Told
  readonly usage: (counts: Counts) => Attributes
  /** The end of a run that has come to its own end. */
  readonly finished: Attributes
}

const genAiUsage = ({ input, output, cached }: Counts): Attributes => ({
  'gen_ai.usage.input_tokens': input,
  'gen_ai.usage.output_tokens': output,
  ...(cached !== undefined && { 'gen_ai.usage.cache_read.input_tokens': cached }),
})

const GEN_AI = {
  run: { name: 'invoke_agent x', attributes: { 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': 'x' } },
  model: { name: 'chat m', attributes: { 'gen_ai.operation.name': 'chat', 'gen_ai.request.model': 'm' } },
  tool: {
    name: 'execute_tool add',
    attributes: { 'gen_ai.operation.name': 'execute_tool', 'gen_ai.tool.name': 'add', 'gen_ai.tool.call.id': 'k1' },
  },
  usage: genAiUsage,
  finished: { 'gen_ai.response.finish_reasons': ['stop'] },
}

const DIALECTS: Readonly<Record<string, Dialect>> = {
  'gen-ai': { scope: 'my-agent', ...GEN_AI },
  'ai-sdk, version 7': { scope: 'gen_ai', ...GEN_AI },
  strands: { scope: 'strands-agents', ...GEN_AI },
  'ai-sdk, version 6': {
    scope: 'ai',
    run: {
      name: 'ai.generateText',
      attributes: { 'ai.operationId': 'ai.generateText', 'ai.telemetry.functionId': 'x' },
    },
    model: { name: 'ai.generateText.doGenerate', attributes: { 'ai.operationId': 'ai.generateText.doGenerate' } },
    tool: {
      name: 'ai.toolCall',
      attributes: { 'ai.operationId': 'ai.toolCall', 'ai.toolCall.name': 'add', 'ai.toolCall.id': 'k1' },
    },
    usage: ({ input, output, cached }) => ({
      'ai.usage.inputTokens': input,
      'ai.usage.outputTokens': output,
      ...(cached !== undefined && { 'ai.usage.inputTokenDetails.cacheReadTokens': cached }),
    }),
    finished: { 'ai.response.finishReason': 'stop' },
  },
  openinference: {
    scope: 'openinference',
    run: { name: 'x', attributes: { 'openinference.span.kind': 'AGENT', 'agent.name': 'x' } },
    model: { name: 'call', attributes: { 'openinference.span.kind': 'LLM', 'llm.model_name': 'm' } },
    tool: { name: 'add', attributes: { 'openinference.span.kind': 'TOOL', 'tool.name': 'add' } },
    usage: ({ input, output, cached }) => ({
      'llm.token_count.prompt': input,
      'llm.token_count.completion': output,
      ...(cached !== undefined && { 'llm.token_count.prompt_details.cache_read': cached }),
    }),
    finished: {},
  },
  langfuse: {
    scope: 'langfuse-sdk',
    run: { name: 'x', attributes: { 'langfuse.observation.type': 'agent' } },
    model: { name: 'call', attributes: { 'langfuse.observation.type': 'generation' } },
    tool: { name: 'add', attributes: { 'langfuse.observation.type': 'tool' } },
    usage: ({ input, output, cached }) => ({
      'langfuse.observation.usage_details': JSON.stringify({ input, output, cache_read_input_tokens: cached }),
    }),
    finished: {},
  },
}

async function start(
  scope: string,
  { name, attributes }: Told,
  parent?: Span,
  kind = SpanKind.INTERNAL,
): Promise<Span> {
  const around = parent ? trace.setSpan(ROOT_CONTEXT, parent) : ROOT_CONTEXT
  const span = trace.getTracer(scope).startSpan(name, { kind, attributes }, around)
  await nextTurn()
  return span
}

function usageOf(log: CollectingLog): unknown {
  const [{ data } = { data: undefined }] = log.of('run_completed')
  return [data?.usage?.inputTokens, data?.usage?.outputTokens, log.of('token_usage_updated').length]
}

describe.each(Object.entries(DIALECTS))('%s', (_, { scope, run, model, tool, usage, finished }) => {
  test('counts a call once that the agent repeats', async () => {
    const { log } = startRecordingSdk()
    const agent = await start(scope, run)
    const call = await start(scope, model, agent)
    call.setAttributes(usage({ input: 50, output: 7 })).end()
    agent.setAttributes({ ...usage({ input: 50, output: 7 }), ...finished }).end()
    expect(usageOf(log)).toEqual([50, 7, 1])
  })

  test('counts a call once that the client inside tells, too', async () => {
    const { log } = startRecordingSdk()
    const agent = await start(scope, run)
    const call = await start(scope, model, agent)
    const client = await start('@opentelemetry/instrumentation-openai', GEN_AI.model, call)
    client.setAttributes(genAiUsage({ input: 50, output: 7 })).end()
    call.setAttributes(usage({ input: 50, output: 7 })).end()
    agent.setAttributes(finished).end()
    expect(usageOf(log)).toEqual([50, 7, 1])
  })

  test('has the input include a cache that was counted beside it', async () => {
    const { log } = startRecordingSdk()
    const agent = await start(scope, run)
    const call = await start(scope, model, agent)
    call.setAttributes(usage({ input: 3, output: 7, cached: 900 })).end()
    agent.setAttributes(finished).end()
    expect(usageOf(log)).toEqual([903, 7, 1])
    expect(log.of('token_usage_updated')[0]?.data.cachedInputTokens).toBe(900)
  })

  test('tells a tool once that a client of MCP inside tells, too', async () => {
    const { log } = startRecordingSdk()
    const agent = await start(scope, run)
    const call = await start(scope, tool, agent)
    const request = {
      name: 'tools/call add',
      attributes: {
        'gen_ai.operation.name': 'execute_tool',
        'gen_ai.tool.name': 'add',
        'mcp.method.name': 'tools/call',
      },
    }
    const client = await start('mcp', request, call, SpanKind.CLIENT)
    client.end()
    call.setStatus({ code: SpanStatusCode.OK }).end()
    agent.setAttributes(finished).end()
    expect(log.of('tool_call_started')).toHaveLength(1)
    expect(log.of('tool_call_completed')).toHaveLength(1)
  })

  test('ends a tool once that throws', async () => {
    const { log } = startRecordingSdk()
    const agent = await start(scope, run)
    const call = await start(scope, tool, agent)
    call.recordException({ name: 'TypeError', message: 'broken' })
    call.setStatus({ code: SpanStatusCode.ERROR, message: 'broken' }).end()
    agent.setAttributes(finished).end()
    expect(log.of('tool_call_failed')).toHaveLength(1)
    expect(log.of('tool_call_completed')).toHaveLength(0)
  })

  test('tells one run inside a hosting layer', async () => {
    const { log } = startRecordingSdk()
    const host = await start('hosting', GEN_AI.run, undefined, SpanKind.SERVER)
    const agent = await start(scope, run, host)
    agent.setAttributes(finished).end()
    host.end()
    expect(log.of('run_started')).toHaveLength(1)
    expect(log.of('run_completed')).toHaveLength(1)
  })
})
