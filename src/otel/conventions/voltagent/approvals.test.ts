import { type Attributes, ROOT_CONTEXT, type Span, trace } from '@opentelemetry/api'
import { describe, expect, test } from 'vitest'
import { startRecordingSdk } from '../../../../test/support/audited-sdk.js'

function start(attributes: Attributes, parent?: Span): Span {
  const around = parent ? trace.setSpan(ROOT_CONTEXT, parent) : ROOT_CONTEXT
  const entity = { 'entity.type': 'agent', 'entity.id': 'a', 'entity.name': 'a' }
  return trace.getTracer('@voltagent/core').startSpan('span', { attributes: { ...entity, ...attributes } }, around)
}

const waiting = { type: 'tool-pay', toolCallId: 'call-1', state: 'approval-requested', input: { secret: 's' } }
const done = { type: 'tool-look_up', toolCallId: 'call-0', state: 'output-available' }

function store(run: Span, message: unknown): void {
  const write = { 'span.type': 'memory', 'memory.operation': 'write' }
  start({ ...write, input: JSON.stringify({ message }) }, run).end()
}

function end(run: Span): void {
  run.setAttributes({ 'ai.response.finish_reason': 'tool-calls' }).end()
}

describe('Approvals of VoltAgent', () => {
  test('are asked for in the message that the agent stores, which a client may have sent: they are claims', () => {
    const { log } = startRecordingSdk()
    const run = start({})
    store(run, { role: 'assistant', parts: [{ type: 'text', text: 'Hm' }, done, waiting] })
    end(run)
    expect(log.of('tool_approval_requested')[0]).toMatchObject({
      data: { callId: 'call-1', tool: { name: 'pay' } },
      source: { confidence: 'claimed' },
    })
    expect(JSON.stringify(log.of('tool_approval_requested'))).not.toContain('secret')
  })

  test('are told once, however often the message is stored', () => {
    const { log } = startRecordingSdk()
    const run = start({})
    const other = { type: 'dynamic-tool', toolName: 'refund', toolCallId: 'call-2', state: 'approval-requested' }
    store(run, { role: 'assistant', parts: [waiting] })
    store(run, { role: 'assistant', parts: [waiting, other] })
    end(run)
    expect(log.of('tool_approval_requested').map(({ data }) => data.tool.name)).toEqual(['pay', 'refund'])
  })

  test('are not what a user says', () => {
    const { log } = startRecordingSdk()
    const run = start({})
    store(run, { role: 'user', parts: [waiting] })
    store(run, { role: 'assistant', parts: [{ type: 'text', text: JSON.stringify(waiting) }, null] })
    end(run)
    expect(log.of('tool_approval_requested')).toEqual([])
  })

  test('are not told of more calls than a run may hold', () => {
    const { log } = startRecordingSdk()
    const run = start({})
    const parts = Array.from({ length: 300 }, (_, at) => ({ ...waiting, toolCallId: `call-${at}` }))
    store(run, { role: 'assistant', parts })
    store(run, { role: 'assistant', parts })
    end(run)
    expect(log.of('tool_approval_requested')).toHaveLength(256)
  })
})
