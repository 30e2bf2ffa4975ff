import { type Attributes, ROOT_CONTEXT, type Span, trace } from '@opentelemetry/api'
import { TracerProvider } from '@opentelemetry/sdk-trace'
import fc from 'fast-check'
import { describe, expect, onTestFinished, test } from 'vitest'
import { startRecordingSdk } from '../../../test/support/audited-sdk.js'
import { CollectingLog } from '../../../test/support/collecting-log.js'
import { recordAgentHandoff } from '../../record/record.js'
import { AuditSpanProcessor } from '../processor.js'

type Events = Pick<Span, 'addEvent'>
const HANDOFF = 'spanledger.agent_handoff'
const add = (span: Events, to: string) => span.addEvent(HANDOFF, { 'spanledger.to': to })
const handoffs = (log: CollectingLog) => log.of('agent_handoff').map(({ data }) => data.to)
const classOf = (span: Span) => Object.getPrototypeOf(span) as Events

/** Wraps the method that an object has or inherits, as instrumentations do. */
function wrap(target: Events): void {
  const { addEvent } = target
  const value = function (this: Span, ...args: Parameters<Span['addEvent']>) {
    return addEvent.apply(this, args)
  }
  Object.defineProperty(target, 'addEvent', { value, writable: true, configurable: true })
}

/** Acts of others on a span, or on what they take for it. */
const acts: Record<string, (span: Span) => void> = {
  'wrap its method': (span) => wrap(span),
  'wrap it bound': (span) => {
    const addEvent = span.addEvent.bind(span)
    span.addEvent = (...args) => addEvent(...args)
  },
  'take away what it has of its own': (span) => {
    delete (span as Partial<Span>).addEvent
  },
  'put the method of its class back': (span) => {
    span.addEvent = classOf(span).addEvent as Span['addEvent']
  },
  'wrap the method of its class': (span) => wrap(classOf(span)),
  'put its own method into its class': (span) => {
    classOf(span).addEvent = span.addEvent
  },
  'wrap its own method into its class': (span) => {
    const { addEvent } = span
    classOf(span).addEvent = function (this: Span, ...args) {
      return addEvent.apply(this, args)
    }
  },
  'freeze its method': (span) => {
    Object.defineProperty(span, 'addEvent', { value: span.addEvent, writable: false, configurable: false })
  },
}
const views: Record<string, (span: Span) => Events> = {
  itself: (span) => span,
  'an heir': (span) => Object.create(span) as Span,
  'an heir of an heir, wrapped': (span) => {
    const heir = Object.create(Object.create(span)) as Span
    wrap(heir)
    return heir
  },
  'a proxy': (span) => new Proxy(span, {}),
  'a wrapper': (span) => ({ addEvent: (...args: Parameters<Span['addEvent']>) => span.addEvent(...args) as Span }),
}

/** A class of spans of its own, so that it can be patched without a trace. */
function startOwnClass(): { log: CollectingLog; span: Span } {
  const log = new CollectingLog()
  const audit = new AuditSpanProcessor({ log })
  onTestFinished(() => audit.shutdown())
  const span = new TracerProvider({
    spanProcessors: [
      {
        onStart: (started) => Object.setPrototypeOf(started, Object.create(Object.getPrototypeOf(started))),
        onEnd: () => {},
        forceFlush: async () => {},
        shutdown: async () => {},
      },
      audit,
    ],
  })
    .getTracer('test')
    .startSpan('x', {}, ROOT_CONTEXT)
  Object.assign(classOf(span), { addEvent: classOf(span).addEvent })
  return { log, span }
}

describe('events are heard once, in order, and without end to nothing', () => {
  test.each(Object.keys(acts).flatMap((act) => Object.keys(views).map((view) => [act, view])))(
    'when others %s and add to %s',
    (act, view) => {
      const { log, span } = startOwnClass()
      add(span, 'first')
      attempt(() => acts[act]?.(span))
      add((views[view] as (span: Span) => Events)(span), 'second')
      add(span, 'third')
      span.end()
      expect(handoffs(log)).toEqual(['first', 'second', 'third'])
    },
  )

  test('in any order of all of these', () => {
    const step = fc.oneof(
      fc.constantFrom(...Object.keys(acts)).map((act) => ({ act })),
      fc.constantFrom(...Object.keys(views)).map((view) => ({ view })),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
        const { log, span } = startOwnClass()
        const told: string[] = []
        for (const one of steps) {
          if ('act' in one) attempt(() => acts[one.act]?.(span))
          else {
            add((views[one.view] as (span: Span) => Events)(span), String(told.length))
            told.push(String(told.length))
          }
        }
        span.end()
        expect(handoffs(log)).toEqual(told)
      }),
      { numRuns: 300 },
    )
  })
})

describe('what went past', () => {
  test('is recorded when the next is heard, or the span ends, as the span kept it', () => {
    const { tracer, log } = startRecordingSdk()
    const span = tracer.startSpan('x')
    delete (span as Partial<Span>).addEvent
    span.addEvent(HANDOFF, { 'spanledger.to': 'late' }, [1_800_000_000, 5])
    expect(handoffs(log)).toEqual([])
    span.end()
    expect(log.of('agent_handoff')[0]?.time).toBe('2027-01-15T08:00:00.000000005Z')
  })

  test('is recorded at once when it was recorded by hand, and while the run goes on in any case', async () => {
    const { audit, tracer, log } = startRecordingSdk()
    const agent = { attributes: { 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': 'planner' } }
    const span = tracer.startSpan('agent', agent)
    delete (span as Partial<Span>).addEvent
    recordAgentHandoff({ to: 'by hand' }, { context: trace.setSpan(ROOT_CONTEXT, span) })
    expect(handoffs(log)).toEqual(['by hand'])
    add(span, 'b')
    await audit.forceFlush()
    expect(handoffs(log)).toEqual(['by hand', 'b'])
    span.end()
    expect(handoffs(log)).toEqual(['by hand', 'b'])
  })

  test('is counted where the span has dropped it', () => {
    const { tracer, log } = startRecordingSdk({}, { spanLimits: { eventCountLimit: 2 } })
    const span = tracer.startSpan('x')
    delete (span as Partial<Span>).addEvent
    for (const to of ['a', 'b', 'c', 'd', 'e']) add(span, to)
    span.end()
    expect(handoffs(log)).toEqual(['d', 'e'])
    expect(log.of('events_dropped').map(({ data }) => [data.count, data.reason])).toEqual([[3, 'span_limit']])
  })

  test('is none of what a span had dropped before anybody listened', () => {
    const { audit, tracer } = startRecordingSdk({}, { spanLimits: { eventCountLimit: 1 } })
    const [first] = audit.attachments
    const log = first?.log as CollectingLog
    void first?.detach()
    const span = tracer.startSpan('x')
    add(span, 'a')
    add(span, 'b')
    audit.attach(log)
    span.end()
    expect(log.of('events_dropped')).toEqual([])
  })
})

describe('spans that are not as others', () => {
  test.each([0, 1, 2])('that keep %i events have every one recorded', (eventCountLimit) => {
    const { tracer, log } = startRecordingSdk({}, { spanLimits: { eventCountLimit } })
    const span = tracer.startSpan('x')
    for (const to of ['a', 'b', 'c', 'd']) add(span, to)
    span.end()
    expect(handoffs(log)).toEqual(['a', 'b', 'c', 'd'])
    expect(log.of('events_dropped')).toEqual([])
  })

  const closings: Record<string, (span: object) => void> = {
    freeze: (span) => Object.freeze(span),
    seal: (span) => Object.seal(span),
    preventExtensions: (span) => Object.preventExtensions(span),
  }
  test.each(Object.keys(closings))('Object.%s: are recorded all the same', (how) => {
    const closing = { onStart: (span: object) => closings[how]?.(span), onEnd: () => {} }
    const rest = { forceFlush: async () => {}, shutdown: async () => {} }
    const { tracer, log } = startRecordingSdk({}, { before: [{ ...closing, ...rest }] })
    const agent = { attributes: { 'spanledger.run.kind': 'agent' } }
    const span = tracer.startSpan('agent', agent, ROOT_CONTEXT)
    add(span, 'b')
    attempt(() => span.end())
    expect(log.types.slice(0, 1)).toEqual(['run_started'])
    if (how !== 'freeze') expect(log.types).toEqual(['run_started', 'agent_handoff', 'run_completed'])
  })

  test('in private fields: their own method gets the span, and an heir fails as it did', () => {
    const { audit, log } = startRecordingSdk()
    class PrivateSpan {
      readonly #events: { name: string; attributes: Attributes; time: [number, number] }[] = []
      readonly name = 'x'
      readonly kind = 0
      readonly attributes = {}
      readonly status = { code: 0 }
      readonly startTime: [number, number] = [1_800_000_000, 0]
      readonly endTime: [number, number] = [0, 0]
      get events() {
        return this.#events
      }
      spanContext = () => ({ traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: 1 })
      isRecording = () => true
      addEvent(name: string, attributes: Attributes = {}) {
        this.#events.push({ name, attributes, time: [1_800_000_000, 0] })
        return this
      }
    }
    const span = new PrivateSpan()
    audit.onStart(span as never, ROOT_CONTEXT)
    add(span as never, 'b')
    expect(() => add(Object.create(span), 'c')).toThrow(TypeError)
    audit.onEnd(span as never)
    expect(handoffs(log)).toEqual(['b'])
  })

  test('two processors hear each event once each', () => {
    const other = new CollectingLog()
    const second = new AuditSpanProcessor({ log: other })
    onTestFinished(() => second.shutdown())
    const { tracer, log } = startRecordingSdk({}, { after: [second] })
    const span = tracer.startSpan('x')
    add(span, 'a')
    wrap(span)
    add(Object.create(span), 'b')
    recordAgentHandoff({ to: 'c' }, { context: trace.setSpan(ROOT_CONTEXT, span) })
    span.end()
    expect([handoffs(log), handoffs(other)]).toEqual([
      ['a', 'b', 'c'],
      ['a', 'b', 'c'],
    ])
  })

  test('an event that is recorded by hand on a wrapper is recorded once', () => {
    const { tracer, log } = startRecordingSdk()
    const inner = tracer.startSpan('x')
    const wrapper = {
      spanContext: () => ({ ...inner.spanContext() }),
      isRecording: () => true,
      addEvent: (...args: Parameters<Span['addEvent']>) => inner.addEvent(...args),
    } as unknown as Span
    recordAgentHandoff({ to: 'b' }, { context: trace.setSpan(ROOT_CONTEXT, wrapper) })
    expect(handoffs(log)).toEqual(['b'])
  })

  test('a method that adds an event of its own, and one that throws, cost nobody anything', () => {
    const { tracer, log } = startRecordingSdk()
    const span = tracer.startSpan('x')
    const { addEvent } = span
    span.addEvent = function (this: Span, name: string, ...rest) {
      addEvent.call(this, HANDOFF, { 'spanledger.to': 'extra' })
      return addEvent.call(this, name, ...rest)
    }
    add(span, 'a')
    span.addEvent = () => {
      throw new Error('no more')
    }
    expect(() => add(span, 'b')).toThrow('no more')
    span.end()
    expect(handoffs(log)).toEqual(['extra', 'a'])
  })
})

function attempt(action: () => void): void {
  try {
    action()
  } catch {
    // A forbidden act has no effect.
  }
}
