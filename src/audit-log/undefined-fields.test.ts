import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { AuditEventInput } from '../events/types.js'
import { EventSchemas } from '../events/validate.js'
import { memoryStore } from '../store/memory/index.js'
import { type AuditLog, openAuditLog } from './index.js'

let log: AuditLog

beforeEach(async () => {
  log = await openAuditLog({ store: memoryStore(), on: { problem: () => {} } })
})

afterEach(() => log.close())

/** All that a caller may leave out, left out by `undefined`. */
const LEFT_OUT = {
  v: undefined,
  id: undefined,
  time: undefined,
  tenantId: undefined,
  sessionId: undefined,
  runId: undefined,
  parentRunId: undefined,
  supersedes: undefined,
  agent: undefined,
  actor: undefined,
  trace: undefined,
  claimed: undefined,
  source: undefined,
} as const satisfies Omit<AuditEventInput<'run_completed'>, 'type' | 'data'>

const plain: AuditEventInput<'run_completed'> = { type: 'run_completed', data: { startedAt: '2026-05-01T10:00:00Z' } }
const undefinedEverywhere: AuditEventInput<'run_completed'> = { ...LEFT_OUT, ...plain }

/** Optional members of the fields themselves, and of `data`: their types do not admit `undefined`, a caller may. */
const undefinedInside = {
  ...plain,
  agent: { id: undefined, name: 'planner' },
  trace: { traceId: '0'.repeat(31).concat('1'), spanId: '0'.repeat(15).concat('1'), parentSpanId: undefined },
  claimed: { tenantId: undefined, sessionId: undefined, userId: 'eve', parentRunId: undefined },
  source: { convention: 'c', scope: 's', scopeVersion: undefined, service: undefined, confidence: undefined },
  data: { ...plain.data, durationMs: undefined, usage: undefined },
} as unknown as AuditEventInput<'run_completed'>

/** An event without what differs from one to the next. */
function comparable(event: object | undefined) {
  expect(event).toBeDefined()
  return { ...event, id: '', time: '', recordedAt: '', seq: 0 }
}

async function stored(seq: number) {
  return (await log.events().toArray()).find((event) => event.seq === seq)
}

describe('a field of an event that is undefined', () => {
  it('is left out by append()', async () => {
    const one = await log.append(plain)
    const other = await log.append(undefinedEverywhere)
    const [expected, found] = [await stored(one.seq), await stored(other.seq)]
    expect(Object.keys(found ?? {}).sort()).toEqual(Object.keys(expected ?? {}).sort())
    expect(comparable(found)).toEqual(comparable(expected))
    expect(found).not.toHaveProperty('salt')
  })

  it('is left out by record(), and is no alteration', () => {
    const expected = comparable(log.record(plain))
    const found = comparable(log.record(undefinedEverywhere))
    expect(found).toStrictEqual(expected)
    expect(found).not.toHaveProperty('altered')
  })

  it('is left out inside of another field as well', async () => {
    const { seq } = await log.append(undefinedInside)
    const found = await stored(seq)
    expect(found).toStrictEqual(JSON.parse(JSON.stringify(found)))
    expect(found).toMatchObject({ agent: { name: 'planner' }, claimed: { userId: 'eve' } })
    expect(log.record(undefinedInside)).not.toHaveProperty('altered')
  })

  it('is accepted by the catalogue, and a required one is missing', () => {
    const schemas = new EventSchemas()
    expect(schemas.parse(undefinedEverywhere)).toEqual(schemas.parse(plain))
    expect(() => schemas.parse({ ...plain, data: undefined })).toThrow(/data/)
    expect(() => schemas.parse({ ...plain, type: undefined })).toThrow(/type/)
    expect(() => schemas.parse({ ...plain, trace: { traceId: undefined, spanId: undefined } })).toThrow(/trace/)
    expect(() => schemas.parse({ ...plain, recordedAt: undefined })).toThrow(/recordedAt/)
  })
})
