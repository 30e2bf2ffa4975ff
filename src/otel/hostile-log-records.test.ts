import { ROOT_CONTEXT } from '@opentelemetry/api'
import { describe, expect, test, vi } from 'vitest'
import { startRecordingSdk } from '../../test/support/audited-sdk.js'
import { AuditLogRecordProcessor, type LogRecordLike } from './log-records.js'
import { SPANLESS_EVENTS, type SpanlessEventSink } from './spanless-events.js'

const HANDOFF: LogRecordLike = { eventName: 'spanledger.agent_handoff', attributes: { 'spanledger.to': 'writer' } }

function throwing(): never {
  throw new Error('a getter that throws')
}

/** A handoff of which reading one field throws. */
function unreadable(field: string): LogRecordLike {
  return Object.defineProperty({ ...HANDOFF }, field, { get: throwing })
}

function sink(parts: { receive?: () => void; forceFlush?: () => Promise<void> } = {}): SpanlessEventSink {
  const { receive = () => {}, forceFlush = async () => {} } = parts
  return { [SPANLESS_EVENTS]: { receive }, forceFlush }
}

describe('a log record', () => {
  test.each(['eventName', 'attributes', 'spanContext', 'hrTime', 'resource', 'instrumentationScope'])(
    'whose %s cannot be read costs no more than itself',
    (field) => {
      const { audit, log } = startRecordingSdk()
      const processor = new AuditLogRecordProcessor(audit)
      expect(() => processor.onEmit(unreadable(field), ROOT_CONTEXT)).not.toThrow()
      processor.onEmit({ ...HANDOFF }, ROOT_CONTEXT)
      expect(log.of('agent_handoff')).toHaveLength(1)
    },
  )

  test.each<[string, object]>([
    [
      'attribute throws',
      { attributes: Object.defineProperty({}, 'spanledger.to', { get: throwing, enumerable: true }) },
    ],
    ['attributes are a list', { attributes: ['spanledger.to'] }],
    ['attributes are a text', { attributes: 'spanledger.to' }],
    ['attributes cannot be enumerated', { attributes: new Proxy({}, { ownKeys: throwing, get: throwing }) }],
    ['name is a number', { eventName: 5 }],
    ['name is endless', { eventName: `spanledger.agent_handoff${'x'.repeat(1 << 20)}` }],
    ['time is none', { hrTime: [Number.NaN, 'soon'] }],
    ['time is a text', { hrTime: 'now' }],
    ['scope has no name', { instrumentationScope: {} }],
    ['scope is called by a number', { instrumentationScope: { name: 42 } }],
    ['span ids are numbers', { spanContext: { traceId: 1, spanId: 2, traceFlags: 1 } }],
    ['span ids throw', { spanContext: Object.defineProperty({}, 'traceId', { get: throwing }) }],
    ['resource is a text', { resource: 'here' }],
  ])('whose %s never throws, and leaves no event that cannot be stored', (_, fields) => {
    const { audit, log } = startRecordingSdk()
    const processor = new AuditLogRecordProcessor(audit)
    expect(() => processor.onEmit({ ...HANDOFF, ...fields } as LogRecordLike, ROOT_CONTEXT)).not.toThrow()
    processor.onEmit({ ...HANDOFF }, ROOT_CONTEXT)
    expect(log.of('agent_handoff').at(-1)?.data).toEqual({ to: 'writer' })
    for (const event of log.of('agent_handoff')) expect(event.source.scope).toBeTypeOf('string')
  })
})

describe('the processor of log records', () => {
  test.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['a text', 'audit'],
    ['an object without a receiver', {}],
    ['one whose receiver receives nothing', { [SPANLESS_EVENTS]: {}, forceFlush: async () => {} }],
    ['one that cannot be flushed', { [SPANLESS_EVENTS]: { receive: () => {} } }],
    ['one that cannot be read', new Proxy({}, { get: throwing })],
  ])('refuses %s', (_, audit) => {
    expect(() => new AuditLogRecordProcessor(audit as SpanlessEventSink)).toThrow(
      new TypeError('AuditLogRecordProcessor: expected an AuditSpanProcessor'),
    )
  })

  test('hands its records to a span processor of another copy of the package', async () => {
    vi.resetModules()
    const other = await import('./log-records.js')
    expect(other.AuditLogRecordProcessor).not.toBe(AuditLogRecordProcessor)
    const { audit, log } = startRecordingSdk()
    const record = { ...HANDOFF }
    new other.AuditLogRecordProcessor(audit).onEmit(record, ROOT_CONTEXT)
    new AuditLogRecordProcessor(audit).onEmit(record, ROOT_CONTEXT)
    expect(log.of('agent_handoff')).toHaveLength(1)
  })

  test.each<[string, SpanlessEventSink]>([
    ['throws', sink({ receive: throwing, forceFlush: throwing })],
    ['fails later', sink({ forceFlush: () => Promise.reject(new Error('late')) })],
  ])('harms no application when the span processor %s', async (_, audit) => {
    const processor = new AuditLogRecordProcessor(audit)
    expect(() => processor.onEmit({ ...HANDOFF }, ROOT_CONTEXT)).not.toThrow()
    await expect(processor.forceFlush()).resolves.toBeUndefined()
    await expect(processor.shutdown()).resolves.toBeUndefined()
  })
})
