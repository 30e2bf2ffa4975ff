import type { Attributes, Span } from '@opentelemetry/api'
import { type ReadableSpan, TracerProvider } from '@opentelemetry/sdk-trace'
import { expect } from 'vitest'
import type { Convention, Fact } from '../../src/otel/conventions/contract.js'
import { spanledgerConvention } from '../../src/otel/conventions/spanledger/spanledger.js'

/* Spans and span events of Spanledger's own convention, made by a real SDK. */

const { translate } = spanledgerConvention as Required<Convention>

const tracer = new TracerProvider({}).getTracer('test')

export const DIGEST = `sha256:${'0a'.repeat(32)}`

type RecordedSpan = Span & ReadableSpan

export function span(attributes: Attributes): RecordedSpan {
  return tracer.startSpan('operation', { attributes }) as RecordedSpan
}

/** Returns the fact that is read from an event after a real span has carried it. */
export function factOf(type: string, attributes: Attributes): Fact {
  const carrier = span({})
  carrier.addEvent(`spanledger.${type}`, attributes)
  const [event] = carrier.events
  const facts = translate({
    name: event?.name ?? '',
    attributes: event?.attributes ?? {},
    scope: { name: 'test' },
    activity: undefined,
  })
  expect(facts).toHaveLength(1)
  return facts[0] as Fact
}
