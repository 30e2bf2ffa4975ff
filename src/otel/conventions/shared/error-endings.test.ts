import { type Attributes, ROOT_CONTEXT, type Span, SpanStatusCode, type Tracer, trace } from '@opentelemetry/api'
import { describe, expect, test } from 'vitest'
import { startRecordingSdk } from '../../../../test/support/audited-sdk.js'
import { endingOfError } from './error-endings.js'

function start(tracer: Tracer, name: string, attributes: Attributes, parent?: Span): Span {
  return tracer.startSpan(name, { attributes }, parent ? trace.setSpan(ROOT_CONTEXT, parent) : ROOT_CONTEXT)
}

function fail(span: Span, exception: Attributes, message = ''): void {
  span.addEvent('exception', exception)
  span.setStatus({ code: SpanStatusCode.ERROR, message })
  span.end()
}

describe('an error', () => {
  test.each([
    ['AbortError', ''],
    ['20', 'The user aborted a request'],
    ['ERR_CANCELED', 'canceled'],
    ['CanceledError', 'canceled'],
    ['UND_ERR_ABORTED', 'Request aborted'],
    ['ABORT_ERR', 'The operation was aborted'],
    ['APIUserAbortError', 'Request was aborted.'],
    ['ResponseAborted', ''],
    ['asyncio.exceptions.CancelledError', ''],
    ['concurrent.futures._base.CancelledError', ''],
    ['trio.Cancelled', ''],
    ['GeneratorExit', ''],
    ['KeyboardInterrupt', ''],
    ['StatusCode.CANCELLED', ''],
    ['499', ''],
  ])('cancels by its class or code: %s', (code, message) => {
    expect(endingOfError({ code, message })).toEqual({ outcome: 'cancelled' })
  })

  test.each([
    'Request was aborted.',
    'This operation was aborted',
    'canceled',
    '1 CANCELLED: Cancelled on client',
    'AbortError: stop',
    'asyncio.exceptions.CancelledError: ',
    'trio.Cancelled: by the nursery',
    'CancelledError',
  ])('cancels by a text that stands for itself, which is a guess: %s', (message) => {
    expect(endingOfError({ code: 'Error', message })).toEqual({ outcome: 'cancelled', confidence: 'heuristic' })
  })

  test.each([
    ['TimeoutError', 'The operation was aborted due to timeout'],
    ['23', 'The operation was aborted due to timeout'],
    ['AbortError', 'The operation was aborted due to timeout'],
    ['APIConnectionTimeoutError', 'Request was aborted.'],
    ['ETIMEDOUT', ''],
    ['httpx.ReadTimeout', ''],
    ['Error', 'the order was cancelled'],
    ['Error', 'Abort mission: nothing left to try'],
    ['Error', 'Cancelled: no seats left'],
    ['Error', 'CANCELLED: the order'],
    ['Error', 'Cancel: the booking is over'],
    ['OrderCancelledError', 'cancelled'],
    ['ValidationError', 'AbortError: quoted'],
    ['Error', 'AbortErrors are not expected here'],
    ['1', 'one'],
    ['constructor', ''],
  ])('is a failure otherwise, timeouts before all: %s %s', (code, message) => {
    expect(endingOfError({ code, message })).toEqual({ outcome: 'failed' })
  })

  test.each([
    ['GraphInterrupt', 'input'],
    ['ToolInterruptError', 'input'],
    ['pydantic_ai.exceptions.ApprovalRequired', 'approval'],
    ['pydantic_ai.exceptions.CallDeferred', 'result'],
    ['HumanInputRequired', 'input'],
  ])('pauses by its class: %s', (code, waitsFor) => {
    expect(endingOfError({ code, message: '' })).toEqual({ outcome: 'suspended', waitsFor })
  })

  test.each([
    ['Node', 'Error: fetch failed\n    at fetch {\n  [cause]: AbortError: stop\n      at abort', 'run_cancelled'],
    [
      'the JVM',
      'RuntimeException: x\n\tat a.b\nCaused by: java.util.concurrent.CancellationException',
      'run_cancelled',
    ],
    [
      'Python',
      'Traceback\nasyncio.exceptions.CancelledError\n\nThe above exception was the direct cause of the following exception:\n\nTraceback\nAPIError',
      'run_cancelled',
    ],
    ['a timeout', 'AbortError: This operation was aborted\n  [cause]: TimeoutError: too slow', 'run_failed'],
    ['another', 'Error: fetch failed\n  [cause]: SocketError: other side closed', 'run_failed'],
  ])('means what its cause means, as %s shows it', (_, stack, type) => {
    const { log, tracer } = startRecordingSdk()
    const run = start(tracer, 'x', { 'openinference.span.kind': 'AGENT' })
    fail(run, { 'exception.type': 'APIError', 'exception.message': 'failed', 'exception.stacktrace': stack }, 'failed')
    expect(log.types.at(-1)).toBe(type)
  })
})

test('an error that a convention calls by a name of its own means what its class means', () => {
  const { log, tracer } = startRecordingSdk()
  const attributes = { 'mastra.span.type': 'agent_run', 'error.type': 'AGENT_STREAM_FAILED' }
  const run = start(tracer, "agent run: 'x'", attributes)
  fail(run, { 'exception.type': 'AbortError', 'exception.message': 'stop' }, 'stop')
  expect(log.types).toEqual(['run_started', 'run_cancelled'])
})

describe.each([
  ['GenAI', (kind: string) => ({ 'gen_ai.operation.name': GEN_AI[kind], 'gen_ai.tool.name': 'delete' })],
  ['OpenInference', (kind: string) => ({ 'openinference.span.kind': kind, 'tool.name': 'delete' })],
])('a run in spans of %s', (_, attributes) => {
  const approvalRequired = { 'exception.type': 'pydantic_ai.exceptions.ApprovalRequired' }

  test('is suspended by a tool that asks for an approval, and not if it goes on', () => {
    for (const goesOn of [false, true]) {
      const { log, tracer } = startRecordingSdk()
      const run = start(tracer, 'x', attributes('AGENT') as Attributes)
      fail(start(tracer, 'delete', attributes('TOOL') as Attributes, run), approvalRequired)
      if (goesOn) start(tracer, 'chat', attributes('LLM') as Attributes, run).end()
      run.end()
      expect(log.of('tool_approval_requested')[0]?.data.tool.name).toBe('delete')
      expect(log.of('tool_call_failed')).toEqual([])
      expect(log.types.at(-1)).toBe(goesOn ? 'run_completed' : 'run_suspended')
      if (!goesOn) expect(log.of('run_suspended')[0]?.data).toMatchObject({ waitingFor: 'delete' })
    }
  })

  test('is cancelled, and its call of a model no error, by whoever called it', () => {
    const { log, tracer } = startRecordingSdk()
    const cancelled = { 'exception.type': 'asyncio.exceptions.CancelledError' }
    const run = start(tracer, 'x', attributes('AGENT') as Attributes)
    fail(start(tracer, 'chat', attributes('LLM') as Attributes, run), cancelled)
    fail(run, cancelled)
    expect(log.types).toEqual(['run_started', 'run_cancelled'])
  })
})

const GEN_AI: Readonly<Record<string, string>> = { AGENT: 'invoke_agent', TOOL: 'execute_tool', LLM: 'chat' }

test('a look-up in memory that is cancelled has found nothing, not even no records', () => {
  const { log, tracer } = startRecordingSdk()
  const lookup = start(tracer, 'search_memory', { 'gen_ai.operation.name': 'search_memory' })
  fail(lookup, { 'exception.type': 'AbortError', 'exception.message': '' })
  expect(log.of('memory_recall')).toEqual([])
})
