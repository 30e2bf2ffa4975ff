import { type Attributes, ROOT_CONTEXT, type Span, SpanStatusCode, trace } from '@opentelemetry/api'
import { describe, expect, test } from 'vitest'
import { startRecordingSdk } from '../../test/support/audited-sdk.js'

const CHAT = { 'gen_ai.operation.name': 'chat', 'gen_ai.request.model': 'm-1' }

function start(attributes: Attributes, parent?: Span): Span {
  const around = parent ? trace.setSpan(ROOT_CONTEXT, parent) : ROOT_CONTEXT
  return trace.getTracer('app').startSpan('span', { attributes }, around)
}

const agent = (name: string) => ({ 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': name })
const tokens = (input: number, output = 0) => ({
  'gen_ai.usage.input_tokens': input,
  'gen_ai.usage.output_tokens': output,
})

function end(span: Span, attributes: Attributes = {}): void {
  span.setAttributes(attributes).end()
}

/** Fails with an exception, as instrumentations report it. */
function fail(span: Span, error: Error): void {
  span.recordException(error)
  span.setStatus({ code: SpanStatusCode.ERROR, message: error.message }).end()
}

describe('tokens of a call that ends after its run', () => {
  test('are not counted again when the run has told their sum', () => {
    const { log } = startRecordingSdk()
    const run = start(agent('planner'))
    const chat = start(CHAT, run)
    end(run, tokens(53, 16))
    end(chat, tokens(53, 16))
    expect(log.of('token_usage_updated').map(({ data }) => [data.inputTokens, data.outputTokens])).toEqual([[53, 16]])
    expect(log.of('run_completed')[0]?.data.usage).toMatchObject({ inputTokens: 53, outputTokens: 16 })
  })

  test('are counted as far as they go beyond that sum, over several calls', () => {
    const { log } = startRecordingSdk()
    const run = start(agent('planner'))
    const [first, second] = [start(CHAT, run), start(CHAT, run)]
    end(run, tokens(50))
    end(first, tokens(30))
    end(second, tokens(30))
    expect(log.of('token_usage_updated').map(({ data }) => data.inputTokens)).toEqual([50, 10])
  })

  test('are counted once where runs in runs end from the outside in', () => {
    const { log } = startRecordingSdk()
    const outer = start(agent('planner'))
    const inner = start(agent('writer'), outer)
    const chat = start(CHAT, inner)
    for (const span of [outer, inner, chat]) end(span, tokens(53, 16))
    expect(log.of('token_usage_updated')).toHaveLength(1)
  })

  test('are its own when it began after the run had ended', () => {
    const { log } = startRecordingSdk()
    const run = start(agent('planner'))
    end(run, tokens(53))
    end(start(CHAT, run), tokens(20))
    expect(log.of('token_usage_updated').map(({ data }) => data.inputTokens)).toEqual([53, 20])
  })

  test('are counted when the run had told of none', () => {
    const { log } = startRecordingSdk()
    const run = start(agent('planner'))
    const chat = start(CHAT, run)
    end(run)
    end(chat, tokens(53))
    expect(log.of('token_usage_updated')).toHaveLength(1)
  })
})

test('a run that consumed nothing anybody reported tells no usage', () => {
  const { log } = startRecordingSdk()
  end(start(agent('planner')))
  expect(log.of('run_completed')[0]?.data).not.toHaveProperty('usage.inputTokens')
})

describe('whose a child is', () => {
  test('says nothing of the user of the run around it, and says the tenant, which is that of all its events', () => {
    const { log } = startRecordingSdk()
    const run = start(agent('planner'))
    end(start({ ...CHAT, 'spanledger.tenant.id': 'acme', 'user.id': 'ada' }, run), tokens(1))
    end(run)
    expect(log.of('token_usage_updated')[0]).toMatchObject({ tenantId: 'acme', actor: { id: 'ada' } })
    const [completed] = log.of('run_completed')
    expect([completed?.tenantId, completed?.actor]).toEqual(['acme', undefined])
  })

  test('that is a run of its own says nothing of the session around it', () => {
    const { log } = startRecordingSdk()
    const outer = start(agent('planner'))
    end(start({ ...agent('writer'), 'gen_ai.conversation.id': 'thread-2' }, outer))
    end(outer)
    expect(log.of('run_completed').map(({ sessionId }) => sessionId)).toEqual(['thread-2', outer.spanContext().traceId])
  })
})

describe('an error that passes through several spans', () => {
  test('has occurred once, where it was thrown', () => {
    const { log } = startRecordingSdk()
    const run = start(agent('planner'))
    const outer = start(CHAT, run)
    const inner = start(CHAT, outer)
    const error = new RangeError('too far')
    for (const span of [inner, outer, run]) fail(span, error)
    expect(log.of('error_occurred').map(({ trace }) => trace?.spanId)).toEqual([inner.spanContext().spanId])
    expect(log.of('run_failed')).toHaveLength(1)
  })

  test('has occurred once, also when the span inside ends last', () => {
    const { log } = startRecordingSdk()
    const outer = start(CHAT, start(agent('planner')))
    const inner = start(CHAT, outer)
    const error = new RangeError('too far')
    for (const span of [outer, inner]) fail(span, error)
    expect(log.of('error_occurred')).toHaveLength(1)
  })

  test('is another where it says something else, and in each attempt that failed alike', () => {
    const { log } = startRecordingSdk()
    const outer = start(CHAT, start(agent('planner')))
    for (let attempt = 0; attempt < 2; attempt++) fail(start(CHAT, outer), new Error('no answer'))
    fail(outer, new Error('gave up'))
    expect(log.of('error_occurred').map(({ data }) => data.error.message)).toEqual([
      'no answer',
      'no answer',
      'gave up',
    ])
  })

  test('is that of each run it ends in', () => {
    const { log } = startRecordingSdk()
    const outer = start(CHAT, start(agent('planner')))
    const inner = start(agent('writer'), outer)
    const error = new Error('no answer')
    for (const span of [start(CHAT, inner), inner, outer]) fail(span, error)
    expect(log.of('error_occurred')).toHaveLength(2)
  })
})
