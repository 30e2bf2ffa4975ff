import { type Attributes, type HrTime, type Span, SpanStatusCode, trace } from '@opentelemetry/api'
import { describe, expect, test } from 'vitest'
import { startRecordingSdk } from '../../../../test/support/audited-sdk.js'

const SCOPE = '@arizeai/openinference-instrumentation-beeai'

interface EventOptions {
  readonly kind?: string
  readonly attributes?: Attributes
  readonly error?: string
  /** Nanoseconds after the event before, where that is not a second. */
  readonly nanosLater?: number
}

/** Spans start a second after one another. */
let second = 1_800_000_000

/** The span of an event: its name is the path with a number, its attributes follow the start. */
function event<T>(path: string, options: EventOptions = {}, inside: () => T = () => undefined as T): T {
  const {
    kind = path.startsWith('tool.') ? 'TOOL' : path.startsWith('backend.') ? 'LLM' : 'AGENT',
    attributes,
    error,
    nanosLater,
  } = options
  const startTime: HrTime = nanosLater === undefined ? [++second, 0] : [second, nanosLater]
  return trace.getTracer(SCOPE).startActiveSpan(`${path}-1`, { startTime }, (span) => {
    span.setAttributes({ target: path, name: path.split('.').at(-1), 'openinference.span.kind': kind, ...attributes })
    span.setStatus(error === undefined ? { code: SpanStatusCode.OK } : { code: SpanStatusCode.ERROR, message: error })
    const result = inside()
    span.end(nanosLater === undefined ? [++second, 0] : startTime)
    return result
  })
}

function run(inside: () => void, error?: string): void {
  trace.getTracer(SCOPE).startActiveSpan('beeai-framework-main', (span: Span) => {
    span.setAttributes({ source: 'ToolCallingAgent', 'openinference.span.kind': 'AGENT' })
    span.setStatus(error === undefined ? { code: SpanStatusCode.OK } : { code: SpanStatusCode.ERROR, message: error })
    inside()
    span.end()
  })
}

describe('BeeAI', () => {
  test('tells one run, however many of its events say that they are of an agent', () => {
    const { log } = startRecordingSdk()
    run(() => {
      event('agent.toolCalling.start', {}, () => {
        event('backend.openai.chat.start')
        event('backend.openai.chat.success', {
          attributes: { 'llm.token_count.prompt': 20, 'llm.token_count.completion': 7 },
        })
      })
      event('agent.toolCalling.success')
    })
    expect(log.types).toEqual(['run_started', 'token_usage_updated', 'run_completed'])
  })

  test('tells one call of a tool from its events, also around those of an agent inside', () => {
    const { log } = startRecordingSdk()
    run(() => {
      event('tool.dynamic.ask.start', {}, () => {
        event('agent.toolCalling.start', {}, () => {
          event('tool.dynamic.weather.start')
          event('tool.dynamic.weather.success')
          event('tool.dynamic.weather.finish')
        })
      })
      event('tool.dynamic.ask.success')
      event('tool.dynamic.ask.finish')
    })
    const [ask, weather] = log.of('tool_call_started')
    expect(weather?.data.tool.name).toBe('weather')
    expect(ask?.data.tool.name).toBe('ask')
    expect(log.of('tool_call_completed').map(({ data }) => data.callId)).toEqual([
      weather?.data.callId,
      ask?.data.callId,
    ])
    expect(ask?.time.localeCompare(weather?.time ?? '')).toBe(-1)
    expect(log.of('tool_call_completed').map(({ data }) => data.durationMs)).toEqual([2000, 10000])
  })

  test('tells a call that was tried again by its last attempt', () => {
    const { log } = startRecordingSdk()
    const broken = { 'exception.type': 'ToolError', 'exception.message': 'down' }
    run(() => {
      event('tool.dynamic.a.start')
      event('tool.dynamic.a.error', { attributes: broken })
      event('tool.dynamic.a.retry')
      event('tool.dynamic.a.start')
      event('tool.dynamic.a.success')
      event('tool.dynamic.a.finish')
      event('tool.dynamic.b.start')
      event('tool.dynamic.b.error', { attributes: broken })
      event('tool.dynamic.b.finish')
    })
    expect(log.of('tool_call_completed').map(({ data }) => data.tool.name)).toEqual(['a'])
    expect(log.of('tool_call_failed').map(({ data }) => [data.tool.name, data.error])).toEqual([
      ['b', { code: 'ToolError', message: 'down' }],
    ])
  })

  test('tells the calls of a millisecond whose events seem to have come in any order', () => {
    const { log } = startRecordingSdk()
    const broken = { 'exception.type': 'ToolError', 'exception.message': 'down' }
    run(() => {
      event('tool.dynamic.a.finish', { nanosLater: 100 })
      event('tool.dynamic.a.success', { nanosLater: 200 })
      event('tool.dynamic.a.start', { nanosLater: 300 })
      event('tool.dynamic.b.finish', { nanosLater: 100 })
      event('tool.dynamic.b.retry', { nanosLater: 200 })
      event('tool.dynamic.b.error', { nanosLater: 300, attributes: broken })
      event('tool.dynamic.b.error', { nanosLater: 400, attributes: broken })
      event('tool.dynamic.b.start', { nanosLater: 500 })
      event('tool.dynamic.b.start', { nanosLater: 600 })
    })
    expect(log.of('tool_call_started').map(({ data }) => data.tool.name)).toEqual(['a', 'b'])
    expect(log.of('tool_call_completed').map(({ data }) => [data.tool.name, data.durationMs])).toEqual([['a', 0]])
    expect(log.of('tool_call_failed').map(({ data }) => [data.tool.name, data.error?.code])).toEqual([
      ['b', 'ToolError'],
    ])
  })

  test('leaves a call open that the run has left', () => {
    const { log } = startRecordingSdk()
    run(() => event('tool.dynamic.a.start'), 'FrameworkError: has encountered an error.\n    AbortError: aborted')
    expect(log.types).toEqual(['run_started', 'tool_call_started', 'run_cancelled'])
  })

  test('tells a failed call of a model and a limit of iterations', () => {
    const { log } = startRecordingSdk()
    run(() => {
      event('backend.openai.chat.start')
      event('backend.openai.chat.error', {
        attributes: { 'exception.type': 'AI_APICallError', 'exception.message': 'bad' },
      })
      event('backend.openai.chat.finish')
    }, 'AgentError: Agent was not able to resolve the task in 3 iterations.')
    expect(log.types).toEqual(['run_started', 'error_occurred', 'usage_limit_exceeded', 'run_failed'])
    expect(log.of('error_occurred')[0]?.data).toMatchObject({ error: { code: 'AI_APICallError' }, operation: 'chat' })
    expect(log.of('run_failed')[0]?.data.error.code).toBe('AgentError')
  })
})
