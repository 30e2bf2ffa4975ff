import { type Attributes, ROOT_CONTEXT, type Span, SpanStatusCode, trace } from '@opentelemetry/api'
import { describe, expect, test } from 'vitest'
import { nextTurn, startRecordingSdk } from '../../../test/support/audited-sdk.js'
import type { CollectingLog } from '../../../test/support/collecting-log.js'

/* Model calls that more than one span reports. Times are milliseconds since the start of the test's clock. */

const T0 = 1_900_000_000_000
const OPENAI = '@opentelemetry/instrumentation-openai'
const TRACELOOP = '@traceloop/instrumentation-openai'
const OPENINFERENCE = '@arizeai/openinference-instrumentation-openai'

interface Times {
  readonly from: number
  readonly to: number
}

interface Started {
  readonly at: number
  readonly attributes?: Attributes
  readonly parent?: Span | undefined
}

function start(scope: string, name: string, { at, attributes = {}, parent }: Started): Span {
  const around = parent ? trace.setSpan(ROOT_CONTEXT, parent) : ROOT_CONTEXT
  return trace.getTracer(scope).startSpan(name, { attributes, startTime: T0 + at }, around)
}

function agent(at: number, parent?: Span): Span {
  const attributes = { 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': 'x' }
  return start('my-agent', 'invoke_agent x', { at, attributes, parent })
}

function tool(parent: Span, { from, to }: Times): void {
  const attributes = { 'gen_ai.operation.name': 'execute_tool', 'gen_ai.tool.name': 'add' }
  start('my-agent', 'execute_tool add', { at: from, attributes, parent }).end(T0 + to)
}

function chat(scope: string, parent: Span | undefined, { from, to }: Times, told: Attributes): void {
  const attributes = { 'gen_ai.operation.name': 'chat', 'gen_ai.request.model': 'gpt-5' }
  const span = start(scope, 'chat gpt-5', { at: from, attributes, parent })
  span.setAttributes(told).end(T0 + to)
}

function tokens(input: number, output: number, responseId?: string): Attributes {
  return {
    'gen_ai.usage.input_tokens': input,
    'gen_ai.usage.output_tokens': output,
    ...(responseId !== undefined && { 'gen_ai.response.id': responseId }),
  }
}

function openInference(parent: Span, { from, to }: Times, input: number, output: number): void {
  const span = start(OPENINFERENCE, 'OpenAI Chat Completions', {
    at: from,
    attributes: { 'openinference.span.kind': 'LLM' },
    parent,
  })
  span.setAttributes({
    'llm.model_name': 'gpt-5-2026-01-31',
    'llm.token_count.prompt': input,
    'llm.token_count.completion': output,
  })
  span.end(T0 + to)
}

/** Returns input and output of every recorded report, and of the sum of the run. */
function counted(log: CollectingLog): { readonly reports: readonly string[]; readonly sum: string | undefined } {
  const usage = log.of('token_usage_updated').map(({ data }) => `${data.inputTokens}/${data.outputTokens}`)
  const sum = log.of('run_completed').at(-1)?.data.usage
  return { reports: usage, sum: sum && `${sum.inputTokens}/${sum.outputTokens}` }
}

describe('responses of two servers with the same id', () => {
  test.each([
    ['are two, in traces that lie far apart', 3_600_000, ['50/7', '50/7']],
    ['are one, in traces of the same time', 1000, ['50/7']],
  ])('%s', (_, later, reports) => {
    const { log } = startRecordingSdk()
    chat(OPENAI, undefined, { from: 0, to: 50 }, tokens(50, 7, 'chatcmpl-1'))
    chat(TRACELOOP, undefined, { from: later, to: later + 50 }, tokens(50, 7, 'chatcmpl-1'))
    expect(counted(log).reports).toEqual(reports)
  })
})

describe('a call that two instrumentations tell of is counted once', () => {
  test('side by side, where only one of them names the response', () => {
    const { log } = startRecordingSdk()
    const run = agent(0)
    const outer = start(TRACELOOP, 'openai.chat', { at: 10, parent: run })
    chat(OPENAI, run, { from: 11, to: 50 }, tokens(50, 7, 'r1'))
    outer.setAttributes({ 'gen_ai.operation.name': 'chat', 'gen_ai.request.model': 'gpt-5', ...tokens(50, 7) })
    outer.end(T0 + 52)
    run.end(T0 + 60)
    expect(counted(log)).toEqual({ reports: ['50/7'], sum: '50/7' })
  })

  test('side by side without ids, while streaming: the outer span ends before the inner one', async () => {
    const { log } = startRecordingSdk()
    const run = agent(0)
    openInference(run, { from: 10, to: 95 }, 50, 7)
    await nextTurn()
    chat(OPENAI, run, { from: 12, to: 100 }, tokens(50, 7))
    run.end(T0 + 110)
    expect(counted(log)).toEqual({ reports: ['50/7'], sum: '50/7' })
  })

  test('by one instrumentation that names the response on one of two spans, one inside the time of the other', () => {
    const { log } = startRecordingSdk()
    const run = agent(0)
    const attributes = { 'gen_ai.operation.name': 'chat', 'gen_ai.request.model': 'gpt-5' }
    const outer = start(OPENAI, 'chat gpt-5', { at: 10, attributes, parent: run })
    chat(OPENAI, run, { from: 20, to: 30 }, tokens(50, 7))
    outer.setAttributes(tokens(50, 7, 'r1')).end(T0 + 40)
    run.end(T0 + 60)
    expect(counted(log)).toEqual({ reports: ['50/7'], sum: '50/7' })
  })

  test('in two traces, by the id of the response', () => {
    const { log } = startRecordingSdk()
    const run = agent(0)
    chat(OPENAI, undefined, { from: 11, to: 50 }, tokens(50, 7, 'chatcmpl-1'))
    chat(TRACELOOP, run, { from: 10, to: 52 }, tokens(50, 7, 'chatcmpl-1'))
    run.end(T0 + 60)
    expect(counted(log)).toEqual({ reports: ['50/7'], sum: '50/7' })
  })

  test('and two calls at once, each told in a pair, are two', () => {
    const { log } = startRecordingSdk()
    const run = agent(0)
    for (const scope of [OPENAI, TRACELOOP]) {
      chat(scope, run, { from: 10, to: 50 }, tokens(50, 7))
      chat(scope, run, { from: 10, to: 50 }, tokens(50, 7))
    }
    run.end(T0 + 60)
    expect(counted(log)).toEqual({ reports: ['50/7', '50/7'], sum: '100/14' })
  })
})

describe('calls that look alike are counted each', () => {
  test('by one instrumentation, at the same time', () => {
    const { log } = startRecordingSdk()
    const run = agent(0)
    chat(OPENAI, run, { from: 10, to: 50 }, tokens(50, 7, 'r1'))
    chat(OPENAI, run, { from: 10, to: 50 }, tokens(50, 7, 'r2'))
    chat(TRACELOOP, run, { from: 60, to: 70 }, tokens(9, 9))
    chat(TRACELOOP, run, { from: 60, to: 70 }, tokens(9, 9))
    run.end(T0 + 90)
    expect(counted(log).sum).toBe('118/32')
  })

  test('by two instrumentations, one after the other', () => {
    const { log } = startRecordingSdk()
    const run = agent(0)
    chat(OPENAI, run, { from: 10, to: 20 }, tokens(50, 7))
    chat(TRACELOOP, run, { from: 20, to: 30 }, tokens(50, 7))
    run.end(T0 + 60)
    expect(counted(log).sum).toBe('100/14')
  })

  test('of two models, or with different counts under one id', () => {
    const { log } = startRecordingSdk()
    const run = agent(0)
    chat(OPENAI, run, { from: 10, to: 50 }, { ...tokens(50, 7), 'gen_ai.response.model': 'gpt-5' })
    chat(TRACELOOP, run, { from: 10, to: 50 }, { ...tokens(50, 7), 'gen_ai.response.model': 'claude-5' })
    chat(OPENAI, run, { from: 60, to: 70 }, tokens(1, 2, 'same'))
    chat(TRACELOOP, run, { from: 80, to: 90 }, tokens(3, 4, 'same'))
    run.end(T0 + 95)
    expect(counted(log).sum).toBe('104/20')
  })
})

describe('an engine that replays a call', () => {
  test('counts it once where no tool call lies between', () => {
    const { log } = startRecordingSdk()
    const run = agent(0)
    chat(OPENAI, run, { from: 10, to: 20 }, tokens(50, 7, 'r1'))
    chat(OPENAI, run, { from: 30, to: 31 }, tokens(50, 7, 'r1'))
    run.end(T0 + 60)
    expect(counted(log)).toEqual({ reports: ['50/7'], sum: '50/7' })
  })

  test('counts it once where the run begins anew to get there', () => {
    const { log } = startRecordingSdk()
    const workflow = start('engine', 'workflow', { at: 0 })
    for (const at of [10, 50]) {
      const run = agent(at, workflow)
      chat(OPENAI, run, { from: at + 1, to: at + 5 }, tokens(50, 7, 'r1'))
      run.end(T0 + at + 10)
    }
    expect(counted(log).reports).toEqual(['50/7'])
  })

  test('is told from a server that gives an id to every answer', () => {
    const { log } = startRecordingSdk()
    const run = agent(0)
    chat(OPENAI, run, { from: 10, to: 20 }, tokens(50, 7, 'r1'))
    tool(run, { from: 21, to: 22 })
    chat(OPENAI, run, { from: 30, to: 31 }, tokens(50, 7, 'r1'))
    run.end(T0 + 60)
    expect(counted(log).sum).toBe('100/14')
  })
})

describe('a failed call that two instrumentations tell of', () => {
  test.each([true, false])('is one error, and one limit (one inside the other: %s)', (isNested) => {
    const { log } = startRecordingSdk()
    const run = agent(0)
    const attributes = { 'gen_ai.operation.name': 'chat', 'gen_ai.request.model': 'gpt-5' }
    const outer = start(TRACELOOP, 'openai.chat', { at: 10, parent: run })
    const inner = start(OPENAI, 'chat gpt-5', { at: 11, attributes, parent: isNested ? outer : run })
    outer.setAttributes(attributes)
    for (const span of [inner, outer]) {
      span.setStatus({ code: SpanStatusCode.ERROR, message: '429 You exceeded your current quota' })
      span.end(T0 + 20)
    }
    expect(log.of('error_occurred')).toHaveLength(1)
    expect(log.of('usage_limit_exceeded')).toHaveLength(1)
  })

  test('is two errors where one instrumentation tries twice', () => {
    const { log } = startRecordingSdk()
    const run = agent(0)
    for (const from of [10, 20]) {
      const span = start(OPENAI, 'chat gpt-5', {
        at: from,
        attributes: { 'gen_ai.operation.name': 'chat' },
        parent: run,
      })
      span.setStatus({ code: SpanStatusCode.ERROR, message: 'overloaded' }).end(T0 + from + 5)
    }
    expect(log.of('error_occurred')).toHaveLength(2)
  })
})

describe('an agent that tells a sum', () => {
  test('of calls beside its span counts them once, and has them in its sum', () => {
    const { log } = startRecordingSdk()
    const request = start('http', 'POST /run', { at: 0 })
    const run = agent(1, request)
    chat('my-agent', request, { from: 10, to: 20 }, tokens(100, 10, 'r1'))
    chat('my-agent', request, { from: 30, to: 40 }, tokens(200, 20, 'r2'))
    run.setAttributes(tokens(300, 30, 'r2')).end(T0 + 50)
    request.end(T0 + 60)
    expect(counted(log)).toEqual({ reports: ['100/10', '200/20'], sum: '300/30' })
  })

  test('repeats the last of the calls beside it', () => {
    const { log } = startRecordingSdk()
    const request = start('http', 'POST /run', { at: 0 })
    const run = agent(1, request)
    chat('my-agent', request, { from: 10, to: 20 }, tokens(100, 10, 'r1'))
    chat('my-agent', request, { from: 30, to: 40 }, tokens(200, 20, 'r2'))
    run.setAttributes(tokens(200, 20, 'r2')).end(T0 + 50)
    expect(counted(log)).toEqual({ reports: ['100/10', '200/20'], sum: '300/30' })
  })

  test('knows more than its calls: the rest is recorded as its own word', () => {
    const { log } = startRecordingSdk()
    const run = agent(0)
    chat(OPENAI, run, { from: 10, to: 20 }, { 'gen_ai.response.finish_reasons': ['stop'] })
    chat(OPENAI, run, { from: 30, to: 40 }, tokens(20, 2))
    run.setAttributes(tokens(120, 12)).end(T0 + 50)
    expect(counted(log)).toEqual({ reports: ['20/2', '100/10'], sum: '120/12' })
    expect(log.of('token_usage_updated').map(({ source }) => source.confidence)).toEqual([undefined, 'heuristic'])
  })

  test('of all of its life counts what it told before once', () => {
    const { log } = startRecordingSdk()
    let sum = 0
    for (const own of [20, 40, 60]) {
      sum += own
      const run = agent(own)
      chat(OPENAI, run, { from: own, to: own + 1 }, tokens(own, own / 10))
      run.setAttributes(tokens(sum, sum / 10)).end(T0 + own + 5)
    }
    expect(counted(log).reports).toEqual(['20/2', '40/4', '60/6'])
  })

  test('beside the call of somebody else counts in full', () => {
    const { log } = startRecordingSdk()
    const request = start('http', 'POST /run', { at: 0 })
    const run = agent(1, request)
    chat(OPENAI, request, { from: 10, to: 20 }, tokens(7, 1))
    run.setAttributes(tokens(300, 30)).end(T0 + 50)
    expect(counted(log)).toEqual({ reports: ['7/1', '300/30'], sum: '300/30' })
  })

  test('adds the cost that its calls do not tell', () => {
    const { log } = startRecordingSdk()
    const run = agent(0)
    chat(OPENAI, run, { from: 10, to: 20 }, tokens(20, 2))
    run.setAttributes({ ...tokens(20, 2), 'gen_ai.cost.total_cost': 0.25 }).end(T0 + 50)
    expect(counted(log).sum).toBe('20/2')
    expect(log.of('run_completed')[0]?.data.usage?.costUsd).toBe(0.25)
  })
})
