import { type Span, trace } from '@opentelemetry/api'
import { describe, expect, test } from 'vitest'
import { listenDirectly, startSdk } from '../../test/record/otel.js'
import { heardWarnings } from '../../test/support/warnings.js'
import type { RecordOptions } from './emit.js'
import * as record from './index.js'
import {
  recordAgentHandoff,
  recordCustom,
  recordErrorOccurred,
  recordEvent,
  recordRunFailed,
  recordTokenUsageUpdated,
} from './record.js'

function inSpan(fn: (span: Span) => void): void {
  trace.getTracer('test').startActiveSpan('operation', (span) => {
    fn(span)
    span.end()
  })
}

describe('the functions', () => {
  test('scope options become attributes; what cannot be an id does not', () => {
    const listener = listenDirectly()
    const ids = { tenantId: 't', sessionId: 's', userId: 'u', runId: 'r', parentRunId: 'p' }
    recordAgentHandoff({ to: 'b' }, { ...ids, agent: { id: 'a', name: 'n' } })
    recordAgentHandoff({ to: 'b' }, { tenantId: '', sessionId: 7, userId: {} } as never)
    expect(listener.heard.map(({ attributes }) => attributes)).toEqual([
      {
        'spanledger.tenant.id': 't',
        'spanledger.session.id': 's',
        'spanledger.user.id': 'u',
        'spanledger.run.id': 'r',
        'spanledger.parent_run.id': 'p',
        'spanledger.agent.id': 'a',
        'spanledger.agent.name': 'n',
        'spanledger.to': 'b',
      },
      { 'spanledger.session.id': '7', 'spanledger.to': 'b' },
    ])
  })

  test('failures take any thrown value', () => {
    const listener = listenDirectly()
    recordErrorOccurred(new RangeError('too far'), { operation: 'chat' })
    recordRunFailed('oh no')
    record.recordToolCallFailed(Object.assign(new Error('gone'), { code: 'ENOENT' }), {
      callId: 'c',
      tool: { name: 't' },
    })
    expect(listener.heard.map(({ name, attributes }) => [name, attributes])).toEqual([
      [
        'spanledger.error_occurred',
        {
          'spanledger.error.code': 'RangeError',
          'spanledger.error.message': 'too far',
          'spanledger.error.stack_trace': expect.stringMatching(/^RangeError: too far\n +at /),
          'spanledger.operation': 'chat',
        },
      ],
      ['spanledger.run_failed', { 'spanledger.error.code': 'Error', 'spanledger.error.message': 'oh no' }],
      [
        'spanledger.tool_call_failed',
        {
          'spanledger.error.code': 'ENOENT',
          'spanledger.error.message': 'gone',
          'spanledger.error.stack_trace': expect.stringMatching(/^Error: gone\n +at /),
          'spanledger.call_id': 'c',
          'spanledger.tool.name': 't',
        },
      ],
    ])
  })

  test('failures that are handed in as one object with what belongs to them lose nothing', () => {
    const listener = listenDirectly()
    const error = new RangeError('too far')
    const untyped = record as unknown as Record<
      'recordErrorOccurred' | 'recordToolCallFailed',
      (thrown: unknown) => void
    >
    untyped.recordErrorOccurred({ error, operation: 'chat', headers: { authorization: 'secret' } })
    untyped.recordToolCallFailed({ error, callId: 'c', tool: { name: 't' } })
    recordEvent('error_occurred', { error, operation: 'chat' } as never)
    const told = { 'spanledger.error.code': 'RangeError', 'spanledger.error.message': 'too far' }
    expect(listener.heard.map(({ attributes }) => attributes)).toMatchObject([
      { ...told, 'spanledger.operation': 'chat' },
      { ...told, 'spanledger.call_id': 'c', 'spanledger.tool.name': 't' },
      told,
    ])
    expect(JSON.stringify(listener.heard)).not.toContain('secret')
  })

  test('an event whose type is no name is recorded as what was handed in, and that is reported once', () => {
    const warnings = heardWarnings()
    const listener = listenDirectly()
    for (let n = 0; n < 2; n++) recordEvent({ type: 'invoice_sent', data: { id: 1 } } as never, undefined as never)
    recordEvent('' as never, { id: 2 } as never)
    expect(listener.heard.map(({ name, attributes }) => [name, attributes['spanledger.data']])).toEqual([
      ['spanledger.custom', '{"type":"invoice_sent","data":{"id":1}}'],
      ['spanledger.custom', '{"type":"invoice_sent","data":{"id":1}}'],
      ['spanledger.custom', '{"type":"","data":{"id":2}}'],
    ])
    expect(warnings).toEqual([expect.stringContaining('recordEvent: the type must be a text')])
  })

  test('custom events and own types travel as JSON, with the names of their fields', () => {
    const listener = listenDirectly()
    recordCustom('invoice sent', { invoice_id: 1, amountUsd: 2 })
    recordCustom('nothing more')
    recordEvent('invoice_sent' as 'custom', { name: 'n', invoice_id: 1 })
    expect(listener.heard.map(({ name, attributes }) => [name, attributes])).toEqual([
      ['spanledger.custom', { 'spanledger.name': 'invoice sent', 'spanledger.data': '{"invoice_id":1,"amountUsd":2}' }],
      ['spanledger.custom', { 'spanledger.name': 'nothing more', 'spanledger.data': '{}' }],
      ['spanledger.invoice_sent', { 'spanledger.data': '{"name":"n","invoice_id":1}' }],
    ])
  })

  test.each<[string, (data: never, options: RecordOptions) => void]>([
    ['tool_approval_denied', record.recordToolApprovalDenied],
    ['tool_approval_granted', record.recordToolApprovalGranted],
    ['tool_approval_requested', record.recordToolApprovalRequested],
    ['context_compacted', record.recordContextCompacted],
    ['agent_handoff', record.recordAgentHandoff],
    ['memory_recall', record.recordMemoryRecall],
    ['policy_violation', record.recordPolicyViolation],
    ['policy_decision', record.recordPolicyDecision],
    ['guardrail_evaluated', record.recordGuardrailEvaluated],
    ['memory_written', record.recordMemoryWritten],
    ['memory_deleted', record.recordMemoryDeleted],
    ['intervention', record.recordIntervention],
    ['resumed', record.recordResumed],
    ['run_cancelled', record.recordRunCancelled],
    ['run_completed', record.recordRunCompleted],
    ['run_started', record.recordRunStarted],
    ['run_suspended', record.recordRunSuspended],
    ['sub_agent_invoked', record.recordSubAgentInvoked],
    ['tool_call_completed', record.recordToolCallCompleted],
    ['tool_call_started', record.recordToolCallStarted],
    ['token_usage_updated', record.recordTokenUsageUpdated],
    ['usage_limit_exceeded', record.recordUsageLimitExceeded],
  ])('%s has a function', (type, recordIt) => {
    const listener = listenDirectly()
    recordIt({ reason: 'why' } as never, { runId: 'r' })
    expect(listener.heard).toMatchObject([
      { name: `spanledger.${type}`, attributes: { 'spanledger.reason': 'why', 'spanledger.run.id': 'r' } },
    ])
  })

  test('none of them throws, whatever it is given', () => {
    startSdk()
    const listener = listenDirectly()
    const refuse = () => {
      throw new Error('no')
    }
    const hostile = new Proxy({}, { get: refuse, ownKeys: refuse, getOwnPropertyDescriptor: refuse }) as never
    const functions = Object.entries(record).filter(([name]) => name.startsWith('record'))
    expect(functions.length).toBeGreaterThan(20)
    for (const [name, fn] of functions as [string, (...args: unknown[]) => void][]) {
      for (const value of [hostile, null, undefined, 1n, Symbol('s')]) {
        expect(() => fn(value, value, value), name).not.toThrow()
        expect(() => fn(value, {}), name).not.toThrow()
      }
    }
    expect(listener.heard.length).toBeGreaterThan(0)
  })

  test('attributes are such as an SDK takes', () => {
    const ended = startSdk()
    inSpan(() => {
      recordTokenUsageUpdated({ inputTokens: 1, outputTokens: 2, costUsd: 0.5, model: 'm' })
      recordEvent('custom', { name: 'n', list: [1, 'a', { b: [] }] })
    })
    expect(ended[0]?.events.map(({ attributes }) => attributes)).toEqual([
      {
        'spanledger.input_tokens': 1,
        'spanledger.output_tokens': 2,
        'spanledger.cost_usd': 0.5,
        'spanledger.model': 'm',
      },
      { 'spanledger.data': '{"name":"n","list":[1,"a",{"b":[]}]}' },
    ])
  })
})
