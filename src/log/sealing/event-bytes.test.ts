import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { Draft } from './envelope.js'
import { EventBytes } from './event-bytes.js'

// Few values, so that they come again in other company; some that JSON has to escape.
const id = fc.constantFrom('a', 'b', '"', '\\', '\n', '\u0000', '\ud800', 'é', '😀', 'x'.repeat(600))
const time = '2026-11-21T22:35:06.753000000Z'
const optional = (value: fc.Arbitrary<string>) => fc.option(value, { nil: undefined })
const times = fc.constantFrom(time, '2026-11-21T22:35:06.753000001Z')

const draft = fc
  .record({
    id,
    type: id,
    times: fc.tuple(times, times),
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
    supersedes: optional(id),
    claimed: fc.option(fc.record({ tenantId: id, userId: id }, { requiredKeys: [] }), { nil: undefined }),
    source: fc.record(
      { convention: id, scope: id, scopeVersion: id, service: id, confidence: fc.constant('heuristic' as const) },
      { requiredKeys: ['convention', 'scope'] },
    ),
    statementOf: optional(id),
    salt: optional(fc.constant('00ff')),
    data: fc.oneof(fc.constant({}), fc.record({ name: id, n: fc.integer() })),
    altered: fc.option(fc.constant([{ field: 'data', reason: 'truncated' as const, originalLength: 7 }]), {
      nil: undefined,
    }),
  })
  .map(({ times: [happened, recordedAt], id, type, tenantId, sessionId, ...rest }) => {
    const fields = { v: 1, id, type, time: happened, recordedAt, tenantId, sessionId, ...rest }
    return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as unknown as Draft
  })

/** Writes events one behind the other, as an encoder does. */
class Written {
  readonly #events = new EventBytes()

  /** Returns the text that an event is written as; `undefined` where it holds a lone surrogate. */
  of(event: Draft): string | undefined {
    const parts = this.#events.partsOf(event)
    const most = this.#events.mostBytes(event, parts)
    const target = Buffer.alloc(7 + most)
    const end = this.#events.write(event, parts, target, 7)
    if (end !== undefined) expect(end - 7).toBeLessThanOrEqual(most)
    return end === undefined ? undefined : target.toString('utf8', 7, end)
  }
}

/** Returns what an event is to be written as. */
function expected(event: Draft): string | undefined {
  const text = JSON.stringify(event)
  return text.includes('\\ud') ? undefined : text
}

it('writes what JSON.stringify writes, whatever was written before', () => {
  fc.assert(
    fc.property(fc.array(draft, { maxLength: 30 }), (drafts) => {
      const written = new Written()
      for (const each of drafts) expect(written.of(each)).toBe(expected(each))
    }),
  )
})

it('goes on with more runs than it remembers', () => {
  const written = new Written()
  const event = { v: 1, id: 'i', type: 't', time, recordedAt: time, tenantId: 'c', sessionId: 'd' } as const
  for (let n = 0; n < 3000; n++) {
    const each = { ...event, runId: `run-${n % 1500}` }
    expect(written.of(each)).toBe(JSON.stringify(each))
  }
})

it('is not misled by a source that was changed after it was written', () => {
  const written = new Written()
  const event = { v: 1, id: 'i', type: 't', time, recordedAt: time, tenantId: 'c', sessionId: 'd' } as const
  const source = { convention: 'gen_ai', scope: 'before' }
  written.of({ ...event, source })
  source.scope = 'after'
  expect(written.of({ ...event, source })).toContain('"scope":"after"')
})
