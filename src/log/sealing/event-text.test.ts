import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { Draft } from './envelope.js'
import { EventText } from './event-text.js'

// Few values, so that they come again in other company; some that JSON has to escape.
const id = fc.constantFrom('a', 'b', '"', '\\', '\n', '\u0000', '\ud800', 'é', '😀', 'x'.repeat(600))
const optional = (value: fc.Arbitrary<string>) => fc.option(value, { nil: undefined })
const time = fc.constantFrom('2026-11-21T22:35:06.753000000Z', '2026-11-21T22:35:06.753000001Z')

const draft = fc
  .record({
    id,
    type: id,
    times: fc.tuple(time, time),
    tenantId: id,
    sessionId: id,
    runId: optional(id),
    parentRunId: optional(id),
    agent: fc.option(fc.record({ id, name: id }, { requiredKeys: [] }), { nil: undefined }),
    actor: fc.option(fc.record({ id }), { nil: undefined }),
    trace: fc.option(
      fc.record({ traceId: id, spanId: id, parentSpanId: id }, { requiredKeys: ['traceId', 'spanId'] }),
      {
        nil: undefined,
      },
    ),
    source: fc.record(
      { convention: id, scope: id, scopeVersion: id, service: id, confidence: fc.constant('heuristic' as const) },
      { requiredKeys: ['convention', 'scope'] },
    ),
    data: fc.oneof(fc.constant({}), fc.record({ name: id, n: fc.integer() })),
    altered: fc.option(fc.constant([{ field: 'data', reason: 'truncated' as const, originalLength: 7 }]), {
      nil: undefined,
    }),
  })
  .map(({ times: [happened, recordedAt], id, type, tenantId, sessionId, ...rest }) => {
    const fields = { v: 1, id, type, time: happened, recordedAt, tenantId, sessionId, ...rest }
    return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as unknown as Draft
  })

/** The text that an event is written as. */
function written(text: EventText, event: Draft): string {
  const { head, data, rest, isWellFormed } = text.of(event)
  const whole = head + data + rest
  expect(isWellFormed).toBe(!whole.includes('\\ud'))
  return whole
}

it('writes what JSON.stringify writes, whatever was written before', () => {
  fc.assert(
    fc.property(fc.array(draft, { maxLength: 30 }), (drafts) => {
      const text = new EventText()
      for (const each of drafts) expect(written(text, each)).toBe(JSON.stringify(each))
    }),
  )
})

it('goes on with more runs than it remembers', () => {
  const text = new EventText()
  const event = { v: 1, id: 'i', type: 't', time: 'a', recordedAt: 'b', tenantId: 'c', sessionId: 'd' } as const
  for (let n = 0; n < 3000; n++) {
    const each = { ...event, runId: `run-${n % 1500}` }
    expect(written(text, each)).toBe(JSON.stringify(each))
  }
})

it('is not misled by a source that was changed after it was written', () => {
  const text = new EventText()
  const event = { v: 1, id: 'i', type: 't', time: 'a', recordedAt: 'b', tenantId: 'c', sessionId: 'd' } as const
  const source = { convention: 'gen_ai', scope: 'before' }
  text.of({ ...event, source })
  source.scope = 'after'
  expect(written(text, { ...event, source })).toContain('"scope":"after"')
})
