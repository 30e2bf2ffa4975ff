import { ROOT_CONTEXT } from '@opentelemetry/api'
import { expect, test, vi } from 'vitest'
import { startRecordingSdk } from '../../../test/support/audited-sdk.js'
import type { LogRecordLike } from '../log-record.js'
import type { OpenSpan, SpanLike } from '../span.js'

vi.mock(import('../../timers/real-timers.js'), async (actual) => ({
  ...(await actual()),
  ...(await import('../../../test/support/replaceable-timers.js')),
}))

const BEGIN_SECONDS = 1_790_000_000

function spanWith(fields: Readonly<Record<string, unknown>>): SpanLike {
  return {
    name: 'agent',
    kind: 0,
    spanContext: () => ({ traceId: 'a1', spanId: 'b1', traceFlags: 1 }),
    startTime: [BEGIN_SECONDS, 0],
    endTime: [BEGIN_SECONDS + 10, 0],
    status: { code: 0 },
    attributes: { 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': 'planner' },
    events: [],
    ...fields,
  }
}

function throwing(): never {
  throw new Error('a getter that throws')
}

const cyclic: unknown[] = []
cyclic.push(cyclic)

const hostile: readonly (readonly [string, unknown])[] = [
  ['null', null],
  ['a number', 5],
  ['a span without members', {}],
  ['a name that is a symbol', spanWith({ name: Symbol('x') })],
  ['a name that is a number', spanWith({ name: 5 })],
  ['no end', spanWith({ endTime: null })],
  ['times of infinity', spanWith({ startTime: [Number.NaN, 0], endTime: [Number.POSITIVE_INFINITY, 0] })],
  ['times of big integers', spanWith({ startTime: [1n, 1n], endTime: [2n, 2n] })],
  [
    'attributes that throw',
    spanWith({ attributes: Object.defineProperty({}, 'a', { get: throwing, enumerable: true }) }),
  ],
  ['attributes in a circle', spanWith({ attributes: { cyclic } })],
  ['a resource that throws', spanWith({ resource: Object.defineProperty({}, 'attributes', { get: throwing }) })],
  ['events that are none', spanWith({ events: [null, 5, { name: 5 }] })],
  ['links that are none', spanWith({ links: [null, 5] })],
  ['ids that throw', spanWith({ spanContext: throwing })],
  ['ids of a prototype', spanWith({ spanContext: () => ({ traceId: '__proto__', spanId: 'constructor' }) })],
]

test.each(hostile)('%s: no hook and no delivery throws, with auditing on and off', async (_, given) => {
  const { audit } = startRecordingSdk()
  for (const isOn of [true, false]) {
    audit.setEnabled(isOn)
    audit.deliver({ spans: [given as SpanLike], logRecords: [given as LogRecordLike] })
    audit.onStart(given as OpenSpan, ROOT_CONTEXT)
    audit.onEnd(given as SpanLike)
    await audit.forceFlush()
  }
})

test('a span whose name is no text does not make the traces of others be translated before they are whole', () => {
  vi.useFakeTimers({ toFake: ['Date', 'setInterval', 'clearInterval'] })
  try {
    const { audit, log } = startRecordingSdk()
    audit.deliver({ spans: [spanWith({ name: 5 })] })
    audit.deliver({ spans: [spanWith({ spanContext: () => ({ traceId: 'a2', spanId: 'b2' }) })] })
    expect(log.types).toEqual([])
    vi.advanceTimersByTime(120_000)
    expect(log.of('run_completed')).toHaveLength(2)
  } finally {
    vi.useRealTimers()
  }
})

test.each([
  ['milliseconds', (BEGIN_SECONDS + 4) * 1000, '2026-09-21T14:13:24.000000000Z'],
  ['nothing', undefined, '2026-09-21T14:13:20.000000000Z'],
])('an event whose time is given as %s is recorded', async (_, time, recorded) => {
  const { audit, log } = startRecordingSdk()
  const event = { name: 'spanledger.agent_handoff', time, attributes: { 'spanledger.to': 'writer' } }
  audit.deliver({ spans: [spanWith({ events: [event] })] })
  await audit.forceFlush()
  expect(log.of('agent_handoff')[0]?.time).toBe(recorded)
})

test('a chain of ten thousand spans and a circle of them come to an end', async () => {
  const { audit, log } = startRecordingSdk()
  const plain = (spanId: string, parent: string, attributes = {}): SpanLike =>
    spanWith({
      attributes,
      spanContext: () => ({ traceId: 'a1', spanId }),
      parentSpanContext: { traceId: 'a1', spanId: parent, traceFlags: 1 },
    })
  const chain = Array.from({ length: 10_000 }, (_, n) => plain(`c${n}`, `c${n - 1}`))
  const circle = ['x', 'y', 'z'].map((id, n, ids) => plain(id, ids[(n + 1) % 3] as string))
  audit.deliver({ spans: [spanWith({ spanContext: () => ({ traceId: 'a1', spanId: 'c-1' }) }), ...chain, ...circle] })
  await audit.forceFlush()
  expect(log.of('run_completed')).toHaveLength(1)
})
