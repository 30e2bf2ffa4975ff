import { trace } from '@opentelemetry/api'
import { JsonLogsSerializer } from '@opentelemetry/otlp-transformer'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { InMemoryLogRecordExporter, LoggerProvider, SimpleLogRecordProcessor } from '@opentelemetry/sdk-logs'
import { describe, expect, test } from 'vitest'
import { bareEvent, each, HOSTILE_TEXTS, linesOf, sampleEvent } from '../../test/export/samples.js'
import { encodeEvents } from './encode.js'
import { toOtlpLogs } from './otlp-logs.js'

describe('toOtlpLogs', () => {
  test("gives what OpenTelemetry's own exporter would send for the same log record", async () => {
    const event = sampleEvent('run_failed')
    const exporter = new InMemoryLogRecordExporter()
    const provider = new LoggerProvider({
      resource: resourceFromAttributes({ 'service.name': 'shop' }),
      processors: [new SimpleLogRecordProcessor({ exporter })],
    })
    const spanContext = { traceId: event.trace?.traceId ?? '', spanId: event.trace?.spanId ?? '', traceFlags: 0 }
    const { ROOT_CONTEXT } = await import('@opentelemetry/api')
    const seconds = Date.parse('2026-11-21T22:35:06Z') / 1000
    provider.getLogger('lib', '1.0').emit({
      eventName: 'spanledger.run_failed',
      timestamp: [seconds, 753_000_001],
      observedTimestamp: [seconds + 1, 0],
      severityNumber: 17,
      severityText: 'ERROR',
      body: event.data as never,
      attributes: {
        'log.record.uid': 'e-1',
        'spanledger.seq': 7,
        'spanledger.tenant.id': 'acme',
        'session.id': 's-1',
        'spanledger.run.id': 'r-1',
        'gen_ai.agent.id': 'a-1',
        'gen_ai.agent.name': 'planner',
        'user.id': 'ada',
        'error.type': 'Timeout',
        'spanledger.convention': 'gen_ai',
      },
      context: trace.setSpanContext(ROOT_CONTEXT, spanContext),
    })
    const sent = JSON.parse(
      Buffer.from(JsonLogsSerializer.serializeRequest(exporter.getFinishedLogRecords()) ?? []).toString(),
    )
    const ours = JSON.parse(JSON.stringify(toOtlpLogs([event])))
    const numbersAsText = (value: unknown) =>
      JSON.parse(JSON.stringify(value, (key, inner) => (key === 'intValue' ? String(inner) : inner)))
    expect(numbersAsText(sent)).toMatchObject(ours)
  })

  test('puts the records of a service and of a scope together, in their order', () => {
    const of = (seq: number, service: string | undefined, scope: string) =>
      sampleEvent('custom', { seq, source: { convention: 'c', scope, ...(service !== undefined && { service }) } })
    const { resourceLogs } = toOtlpLogs([of(0, 'a', 'x'), of(1, undefined, 'x'), of(2, 'a', 'y'), of(3, 'a', 'x')])
    const told = resourceLogs.map(({ resource, scopeLogs }) => [
      resource.attributes.map(({ value }) => value),
      scopeLogs.map(({ scope, logRecords }) => [
        scope.name,
        logRecords.map(({ attributes }) => attributes.find(({ key }) => key === 'spanledger.seq')?.value),
      ]),
    ])
    expect(told).toEqual([
      [
        [{ stringValue: 'a' }],
        [
          ['x', [{ intValue: '0' }, { intValue: '3' }]],
          ['y', [{ intValue: '2' }]],
        ],
      ],
      [[], [['x', [{ intValue: '1' }]]]],
    ])
  })

  test('has every kind of value in the form that protobuf reads', () => {
    const data = JSON.parse('{"i":9007199254740991,"d":-0.5,"n":null,"b":false,"l":[1,[]],"__proto__":{"x":""}}')
    const [record] = toOtlpLogs([sampleEvent('custom', { data })]).resourceLogs[0]?.scopeLogs[0]?.logRecords ?? []
    expect(record?.body).toEqual({
      kvlistValue: {
        values: [
          { key: 'i', value: { intValue: '9007199254740991' } },
          { key: 'd', value: { doubleValue: -0.5 } },
          { key: 'n', value: {} },
          { key: 'b', value: { boolValue: false } },
          { key: 'l', value: { arrayValue: { values: [{ intValue: '1' }, { arrayValue: { values: [] } }] } } },
          { key: '__proto__', value: { kvlistValue: { values: [{ key: 'x', value: { stringValue: '' } }] } } },
        ],
      },
    })
  })

  test.each([
    ['0001-01-01T00:00:00.000000000Z', '0'],
    ['1970-01-01T00:00:00.000000042Z', '42'],
    ['1970-01-01T00:00:01.000000000Z', '1000000000'],
    ['2554-07-21T23:34:32.999999999Z', '18446744072999999999'],
    ['9999-12-31T23:59:59.999999999Z', '0'],
  ])('counts the nanoseconds of %s', (time, nanos) => {
    const [record] = toOtlpLogs([sampleEvent('custom', { time })]).resourceLogs[0]?.scopeLogs[0]?.logRecords ?? []
    expect(record?.timeUnixNano).toBe(nanos)
  })

  test('is a request a line, of so many records', async () => {
    const events = Array.from({ length: 5 }, (_, seq) => ({
      ...bareEvent('custom'),
      seq,
      data: { name: HOSTILE_TEXTS[seq] },
    }))
    const lines = await linesOf(encodeEvents(each(events as never), { format: 'otlp', recordsPerRequest: 2 }))
    const sizes = lines.map((line) => JSON.parse(line).resourceLogs[0].scopeLogs[0].logRecords.length)
    expect(sizes).toEqual([2, 2, 1])
    expect(await linesOf(encodeEvents(each([]), { format: 'otlp' }))).toEqual([])
  })
})
