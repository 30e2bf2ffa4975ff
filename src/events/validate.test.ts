import * as v from 'valibot'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { normaliseDataTimes } from './data-times.js'
import { AuditLogError } from './errors.js'
import { type DataSchema, EventSchemas } from './validate.js'

const schemas = new EventSchemas({
  batch_sent: v.strictObject({ items: v.array(v.strictObject({ id: v.string(), at: v.optional(v.string()) })) }),
})
const handoff = { type: 'agent_handoff', data: { to: 'writer' } }

function failureOf(act: () => unknown): unknown {
  try {
    act()
  } catch (failure) {
    return failure
  }
  return undefined
}

function invalid(event: unknown, by = schemas): string {
  const failure = failureOf(() => by.parse(event))
  expect(failure).toBeInstanceOf(AuditLogError)
  expect(failure).toMatchObject({ code: 'AUDIT_EVENT_INVALID' })
  return (failure as AuditLogError).message
}

describe('an invalid event', () => {
  it.each<[unknown, string]>([
    [undefined, 'event'],
    [null, 'event'],
    ['run_started', 'event'],
    [[], 'type'],
    [{ data: {} }, 'type'],
    [{ type: 5, data: {} }, 'type'],
    [{ type: 'agent_handoff' }, 'data'],
    [{ type: 'agent_handoff', data: null }, 'data'],
    [{ type: 'agent_handoff', data: {} }, 'data.to'],
    [{ type: 'agent_handoff', data: { to: '' } }, 'data.to'],
    [{ type: 'agent_handoff', data: { to: 'a', form: 'b' } }, 'data.form'],
    [{ type: 'tool_call_started', data: { callId: 'c', tool: { name: 7 } } }, 'data.tool.name'],
    [{ type: 'memory_recall', data: { tier: 't', hits: -1 } }, 'data.hits'],
    [{ type: 'memory_recall', data: { tier: 't', hits: 1.5 } }, 'data.hits'],
    [{ type: 'usage_limit_exceeded', data: { axis: 'cost_usd', limit: Number.NaN } }, 'data.limit'],
    [{ type: 'batch_sent', data: { items: [{ id: 'i', at: 5 }] } }, 'data.items.0.at'],
    [{ ...handoff, time: 'yesterday' }, 'time'],
    [{ ...handoff, time: '2026-02-30T00:00:00Z' }, 'time'],
    [{ ...handoff, tenantId: '' }, 'tenantId'],
    [{ ...handoff, sessionId: 5 }, 'sessionId'],
    [{ ...handoff, agent: { nickname: 'x' } }, 'agent.nickname'],
    [{ ...handoff, trace: { traceId: 'xyz', spanId: '0123456789abcdef' } }, 'trace.traceId'],
    [{ ...handoff, v: 2 }, 'v'],
    [{ ...handoff, recordedAt: '2026-01-01T00:00:00Z' }, 'recordedAt'],
    [{ ...handoff, seq: 1 }, 'seq'],
  ])('%j is refused by naming %s', (event, field) => {
    expect(invalid(event)).toMatch(new RegExp(`^Invalid audit event: ${field.replaceAll('.', '\\.')}: .`))
  })

  it('of an unknown type is told the nearest, or the known ones, and where to declare its own', () => {
    const message = invalid({ type: 'run_startled', data: {} })
    expect(message).toContain("type: 'run_startled' is no event type; did you mean 'run_started'?")
    expect(message).toContain('eventTypes')
    expect(invalid({ type: 'invoice', data: {} })).toMatch(
      /'invoice' is none of run_started, run_completed.*eventTypes/,
    )
    expect(invalid({ type: 'x'.repeat(5e6), data: {} }).length).toBeLessThan(2000)
  })

  it.each<[unknown, string]>([
    [{ ...handoff, sesionId: 's' }, "sesionId: unknown field; did you mean 'sessionId'?"],
    [{ ...handoff, agent: { nmae: 'a' } }, "agent.nmae: unknown field; did you mean 'name'?"],
    [{ ...handoff, something: 1 }, 'something: unknown field'],
    [{ type: 'agent_handoff', data: { to: 'a', form: 'b' } }, "data.form: unknown field; did you mean 'from'?"],
    [
      { type: 'tool_call_started', data: { callId: 'c', tool: { name: 't', typ: 'x' } } },
      "data.tool.typ: unknown field; did you mean 'type'?",
    ],
    [{ type: 'batch_sent', data: { items: [{ ident: 'i' }] } }, 'data.items.0.id: it is missing'],
    [{ type: 'agent_handoff', data: {} }, 'data.to: it is missing'],
  ])('%j is told %s', (event, what) => {
    expect(invalid(event)).toBe(`Invalid audit event: ${what}`)
  })

  it('that is a Promise, or has one for its data, is told of await', () => {
    expect(invalid(Promise.resolve(handoff))).toBe(
      'Invalid audit event: event: it is a Promise; did you forget `await`?',
    )
    expect(invalid({ ...handoff, data: Promise.resolve({}) })).toMatch(
      / data: it is a Promise; did you forget `await`\?$/,
    )
    expect(invalid({ type: 'custom', data: Promise.resolve({}) })).toMatch(/ data: it is a Promise/)
  })

  it.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty'])('of type %s is unknown too', (type) => {
    expect(invalid({ type, data: {} })).toContain(`type: '${type}' is none of`)
  })

  it('whose getter throws is refused with the cause', () => {
    const cause = new Error('not today')
    const event = Object.defineProperty({ data: {} }, 'type', {
      get() {
        throw cause
      },
    })
    const failure = failureOf(() => schemas.parse(event))
    expect(failure).toMatchObject({ code: 'AUDIT_EVENT_INVALID', cause })
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    expect(invalid({ type: 'agent_handoff', data: proxy })).toMatch(/data: it cannot be read/)
  })
})

describe('a valid event', () => {
  it('is copied, and never changed', () => {
    const event = { ...handoff, time: '2026-11-21T22:35:06+01:00', agent: { name: 'a' } }
    const before = structuredClone(event)
    const parsed = schemas.parse(event)
    expect(parsed.data).not.toBe(event.data)
    expect(parsed.agent).not.toBe(event.agent)
    expect(event).toEqual(before)
  })

  it('has every time brought to UTC with nine fraction digits', () => {
    const parse = (type: string, data: object) => schemas.parse({ type, data }).data
    const given = '2026-11-21T22:35:06+01:00'
    const stored = '2026-11-21T21:35:06.000000000Z'
    expect(schemas.parse({ ...handoff, time: given }).time).toBe(stored)
    expect(parse('run_cancelled', { reason: 'r', startedAt: given })).toEqual({ reason: 'r', startedAt: stored })
    expect(parse('run_interrupted', { reason: 'abandoned', lastEvent: { type: 'x', time: given } })).toEqual({
      reason: 'abandoned',
      lastEvent: { type: 'x', time: stored },
    })
    const listed = { attachment: 'a', openRuns: [{ runId: 'r', startedAt: given }] }
    normaliseDataTimes('audit_attached', listed)
    expect(listed).toEqual({ attachment: 'a', openRuns: [{ runId: 'r', startedAt: stored }] })
    const gap = { count: 1, reason: 'r', from: given, to: given }
    normaliseDataTimes('events_dropped', gap)
    expect(gap).toEqual({ count: 1, reason: 'r', from: stored, to: stored })
  })

  it("has a hand-off's `from` and `to` left alone: they are agents, even when they look like times", () => {
    const data = { from: '2026-11-21T22:35:06+01:00', to: '2026-11-21T22:35:06Z' }
    expect(schemas.parse({ type: 'agent_handoff', data }).data).toEqual(data)
  })

  it('of type custom keeps every own member, whatever its name', () => {
    const data = JSON.parse('{"name":"n","__proto__":{"a":1},"constructor":2,"prototype":3}')
    expect(schemas.parse({ type: 'custom', data }).data).toEqual(data)
  })
})

describe('own types', () => {
  const invoice = v.strictObject({ invoiceId: v.string(), amountUsd: v.number() })
  const data = { invoiceId: 'i-1', amountUsd: 12 }

  it.each<[string, DataSchema]>([
    ['Valibot', invoice],
    ['Zod', z.strictObject({ invoiceId: z.string(), amountUsd: z.number() })],
  ])('are checked by a schema of %s', (_, schema) => {
    const own = new EventSchemas({ invoice_sent: schema })
    expect(own.types).toContain('invoice_sent')
    expect(own.parse({ type: 'invoice_sent', data })).toEqual({ type: 'invoice_sent', data })
    expect(invalid({ type: 'invoice_sent', data: { ...data, amountUsd: '12' } }, own)).toMatch(/: data\.amountUsd: /)
  })

  it('are stored as their schema returns them', () => {
    const own = new EventSchemas({
      noted: v.pipe(
        v.object({ at: v.date() }),
        v.transform(({ at }) => ({ day: at.getUTCDate() })),
      ),
    })
    expect(own.parse({ type: 'noted', data: { at: new Date('2026-11-21T00:00:00Z') } }).data).toEqual({ day: 21 })
  })

  it('are unknown to other logs', () => {
    expect(invalid({ type: 'invoice_sent', data })).toContain("'invoice_sent'")
  })

  it('cannot take a name of the catalogue, and need a schema', () => {
    expect(() => new EventSchemas({ run_started: invoice })).toThrow(TypeError)
    const noSchema = { invoice_sent: {} } as unknown as Record<string, DataSchema>
    expect(() => new EventSchemas(noSchema)).toThrow(/eventTypes: the schema of 'invoice_sent'/)
  })

  it('whose schema answers asynchronously are misuse', () => {
    const slow: DataSchema = {
      '~standard': { version: 1, vendor: 'test', validate: () => Promise.reject(new Error('late')) },
    }
    const own = new EventSchemas({ slow })
    expect(() => own.parse({ type: 'slow', data: {} })).toThrow(TypeError)
  })

  it('whose schema throws make the event invalid', () => {
    const broken: DataSchema = {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate() {
          throw new Error('broken')
        },
      },
    }
    expect(invalid({ type: 'broken', data: {} }, new EventSchemas({ broken }))).toContain('data')
  })
})

it.each<[string, unknown]>([
  ['an event that is a text', 'Ann Smith called'],
  ['data that is a text', { type: 'run_failed', data: 'Ann Smith called' }],
  ['an error that is a text', { type: 'run_failed', data: { error: 'Ann Smith called' } }],
  ['a text in place of a number', { type: 'batch_sent', data: { items: [{ id: 'Ann Smith called', at: [] }, 'Ann'] } }],
  ['a choice that is none', { type: 'approval_decided', data: { callId: 'c', decision: 'Ann Smith called' } }],
])('the message on %s does not quote it', (_, event) => {
  expect(invalid(event)).not.toContain('Ann')
})
