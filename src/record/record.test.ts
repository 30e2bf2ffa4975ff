import { context, createContextKey, ROOT_CONTEXT, type Span, trace } from '@opentelemetry/api'
import { AlwaysOffSampler } from '@opentelemetry/sdk-trace'
import { describe, expect, test, vi } from 'vitest'
import { FakeListener, listen, listenDirectly, startSdk, withContextManager } from '../../test/record/otel.js'
import * as record from './index.js'
import { recordListeners } from './listeners.js'
import { recordAgentHandoff } from './record.js'

function inSpan(fn: (span: Span) => void): void {
  trace.getTracer('test').startActiveSpan('operation', (span) => {
    fn(span)
    span.end()
  })
}

describe('with a recording span', () => {
  test('an event is added to the active span, at the given time', () => {
    const ended = startSdk()
    inSpan(() => recordAgentHandoff({ from: 'a', to: 'b' }, { time: [1_700_000_000, 5] }))
    expect(ended[0]?.events).toMatchObject([
      {
        name: 'spanledger.agent_handoff',
        time: [1_700_000_000, 5],
        attributes: { 'spanledger.from': 'a', 'spanledger.to': 'b' },
      },
    ])
  })

  test('a listener is told directly only of what it does not hear through the span', () => {
    const ended = startSdk()
    const hearing = listen(new FakeListener(() => true))
    const deaf = listen(new FakeListener(() => false))
    inSpan(() => recordAgentHandoff({ to: 'b' }))
    expect(hearing.names).toEqual([])
    expect(deaf.names).toEqual(['spanledger.agent_handoff'])
    expect(ended[0]?.events).toHaveLength(1)
  })

  test('a listener is asked about the span that carries the event', () => {
    startSdk()
    const asked: Span[] = []
    listen(new FakeListener((span) => asked.push(span) > 0))
    inSpan((span) => {
      recordAgentHandoff({ to: 'b' })
      expect(asked).toEqual([span])
    })
  })

  test('options.context names another span, and is active while that hears the event', () => {
    const ended = startSdk()
    const key = createContextKey('test')
    const span = trace.getTracer('test').startSpan('other')
    const there = trace.setSpan(ROOT_CONTEXT, span).setValue(key, 'there')
    const seen: unknown[] = []
    const { addEvent } = span
    span.addEvent = (...args) => {
      seen.push(context.active().getValue(key))
      return addEvent.apply(span, args)
    }
    inSpan(() => recordAgentHandoff({ to: 'b' }, { context: there }))
    span.end()
    expect(ended.map(({ name, events }) => [name, events.length])).toEqual([
      ['operation', 0],
      ['other', 1],
    ])
    expect(seen).toEqual(['there'])
  })

  test('a span that will not take the event does not keep the listeners from it', () => {
    startSdk()
    const listener = listen(new FakeListener(() => true))
    inSpan((span) => {
      span.addEvent = () => {
        throw new Error('no')
      }
      recordAgentHandoff({ to: 'b' })
    })
    expect(listener.names).toEqual(['spanledger.agent_handoff'])
  })

  test('an ended span takes no more: the listeners are told', () => {
    const ended = startSdk()
    const listener = listen(new FakeListener(() => true))
    const span = trace.getTracer('test').startSpan('operation')
    span.end()
    recordAgentHandoff({ to: 'b' }, { context: trace.setSpan(ROOT_CONTEXT, span) })
    expect(listener.names).toEqual(['spanledger.agent_handoff'])
    expect(ended[0]?.events).toEqual([])
  })

  test.each([Number.NaN, new Date(Number.NaN), [1, Number.NaN], [1], 'yesterday', {}])(
    'a time that is none (%s) counts as now',
    (time) => {
      const ended = startSdk()
      inSpan(() => recordAgentHandoff({ to: 'b' }, { time: time as never }))
      const { startTime, events } = ended[0] ?? {}
      expect(events?.[0]?.time[0]).toBeGreaterThanOrEqual(startTime?.[0] ?? Number.NaN)
    },
  )
})

describe('without a recording span', () => {
  test('without an SDK an event goes straight to the listeners', () => {
    const listener = listenDirectly()
    recordAgentHandoff({ to: 'b' }, { time: 5 })
    expect(listener.heard).toEqual([
      { name: 'spanledger.agent_handoff', attributes: { 'spanledger.to': 'b' }, time: 5, context: context.active() },
    ])
  })

  test('where the span is sampled out an event goes straight to the listeners, with its context', () => {
    const ended = startSdk(new AlwaysOffSampler())
    const listener = listen(new FakeListener(() => true))
    inSpan((span) => {
      recordAgentHandoff({ to: 'b' })
      expect(trace.getSpan(listener.heard[0]?.context as never)).toBe(span)
    })
    expect(listener.names).toEqual(['spanledger.agent_handoff'])
    expect(ended).toEqual([])
  })

  test('nobody listening, nothing is read', () => {
    const read = vi.fn(() => 'b')
    recordAgentHandoff(Object.defineProperty({ to: '' }, 'to', { enumerable: true, get: read }))
    expect(read).not.toHaveBeenCalled()
  })
})

describe('listeners', () => {
  test('one that throws reaches neither the caller nor the others', () => {
    startSdk()
    const fail = () => {
      throw new Error('no')
    }
    listen({ hears: fail, onRecord: fail })
    listen({ hears: () => false, onRecord: fail })
    const listener = listenDirectly()
    recordAgentHandoff({ to: 'a' })
    inSpan(() => recordAgentHandoff({ to: 'b' }))
    expect(listener.heard.map(({ attributes }) => attributes['spanledger.to'])).toEqual(['a', 'b'])
  })

  test('two copies of the package in a process share them', async () => {
    const listener = listenDirectly()
    vi.resetModules()
    const copy = await import('./index.js')
    expect(copy.recordAgentHandoff).not.toBe(recordAgentHandoff)
    copy.recordAgentHandoff({ to: 'b' })
    expect(listener.names).toEqual(['spanledger.agent_handoff'])
  })

  test('two copies of the package share what a context says', async () => {
    withContextManager()
    const listener = listenDirectly()
    vi.resetModules()
    const copy = await import('./index.js')
    copy.withRun({ agentName: 'outer' }, () => record.withRun({ agentName: 'inner' }, () => {}))
    const parent = listener.heard[0]?.attributes['spanledger.run.id']
    expect(listener.heard.map(({ attributes }) => attributes['spanledger.parent_run.id'])).toEqual([
      undefined,
      undefined,
      parent,
      parent,
      undefined,
    ])
  })
})

test('the registry is one per process', () => {
  expect(recordListeners()).toBe((globalThis as Record<symbol, unknown>)[Symbol.for('spanledger.listeners.v1')])
})
