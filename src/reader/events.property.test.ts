import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { filled, readerOf, seqsOf, unchecked } from '../../test/reader/reader-of.js'
import { parseTimestamp } from '../events/time.js'
import type { StoredEvent } from '../events/types.js'
import type { AuditStore, SealedEntry } from '../store/contract.js'
import { levelStore } from '../store/leveldb/index.js'
import { memoryStore } from '../store/memory/index.js'
import { sealedEntry } from '../testing/index.js'
import type { EventQuery } from './index.js'

// A model of the reader: the array of all events, filtered.

const directory = await mkdtemp(join(tmpdir(), 'spanledger-reader-'))
afterAll(() => rm(directory, { recursive: true }))
let opened = 0

const engines: readonly { name: string; store: () => AuditStore; logs: number; queries: number }[] = [
  { name: 'memory', store: memoryStore, logs: 150, queries: 200 },
  { name: 'LevelDB', store: () => levelStore(join(directory, `${opened++}`)), logs: 20, queries: 80 },
]

/** Few, so that they meet: prefixes of others, and what careless keys and objects stumble over. */
const oddIds = ['a:', 'a\0', 'ab', '__proto__', 'constructor', '🙂', 'é', `long${'x'.repeat(400)}`]
/** Some are rare, so that a join of a rare and a frequent one is met. */
const id = fc.oneof(
  { weight: 60, arbitrary: fc.constant('a') },
  { weight: 20, arbitrary: fc.constantFrom(...oddIds) },
  { weight: 1, arbitrary: fc.constantFrom('rare', 'scarce') },
)
const askedId = fc.constantFrom('a', 'rare', 'scarce', ...oddIds)
const tenantId = fc.constantFrom('a', 'b', '🙂')
const type = fc.oneof(
  { weight: 20, arbitrary: fc.constantFrom('run_started', 'token_usage_updated', 'custom', 'from_a_newer_version') },
  { weight: 1, arbitrary: fc.constant('run_failed') },
)
const time = fc.constantFrom(
  '2026-01-01T00:00:00.000000000Z',
  '2026-01-01T00:00:00.000000001Z',
  '2026-01-01T00:00:00.500000000Z',
  '2026-01-02T00:00:00.000000000Z',
  '1999-12-31T23:59:59.999999999Z',
)

const event = fc
  .record(
    {
      tenantId,
      sessionId: id,
      runId: id,
      type,
      time,
      agent: fc.record({ id, name: id }, { requiredKeys: [] }),
    },
    { requiredKeys: ['tenantId', 'sessionId', 'type', 'time'] },
  )
  .map(unchecked)

const log = fc.array(fc.array(event.map(sealedEntry), { minLength: 1, maxLength: 12 }), { maxLength: 8 })

function query(size: number): fc.Arbitrary<EventQuery<string>> {
  const all = {
    tenantId,
    sessionId: askedId,
    runId: askedId,
    agent: askedId,
    type: fc.oneof(type, fc.uniqueArray(type, { minLength: 1 })),
    since: time,
    until: time,
    afterSeq: fc.integer({ min: -1, max: size + 1 }),
    beforeSeq: fc.integer({ min: 0, max: size + 1 }),
    order: fc.constantFrom('asc', 'desc'),
    limit: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: size + 1 })),
  } satisfies Record<keyof EventQuery, fc.Arbitrary<unknown>>
  // Few at a time, or else hardly anything passes them.
  const fields = fc.subarray(Object.keys(all) as (keyof EventQuery)[], { maxLength: 5 })
  return fc
    .tuple(fc.record(all), fields)
    .map(([values, fields]): EventQuery<string> => Object.fromEntries(fields.map((field) => [field, values[field]])))
    .filter(
      ({ since, until, afterSeq = -1, beforeSeq = Infinity }) =>
        (since === undefined || until === undefined || since < until) && afterSeq < beforeSeq,
    )
}

function modelOf(groups: readonly (readonly SealedEntry[])[]): StoredEvent[] {
  return groups.flat().map(({ bytes }, seq) => ({ ...JSON.parse(Buffer.from(bytes).toString()), seq }))
}

function expected(model: readonly StoredEvent[], asked: EventQuery<string>): StoredEvent[] {
  const { tenantId, sessionId, runId, agent, type, since, until, afterSeq = -1, beforeSeq = Infinity } = asked
  const types = typeof type === 'string' ? [type] : type
  const passing = model.filter(
    (event) =>
      (tenantId === undefined || event.tenantId === tenantId) &&
      (sessionId === undefined || event.sessionId === sessionId) &&
      (runId === undefined || event.runId === runId) &&
      (agent === undefined || event.agent?.id === agent || event.agent?.name === agent) &&
      (types === undefined || types.includes(event.type)) &&
      (since === undefined || event.time >= (parseTimestamp(since) as string)) &&
      (until === undefined || event.time < (parseTimestamp(until) as string)) &&
      event.seq > afterSeq &&
      event.seq < beforeSeq,
  )
  return (asked.order === 'desc' ? passing.reverse() : passing).slice(0, asked.limit)
}

describe.each(engines)('on $name', ({ store, logs, queries }) => {
  /** Reads what the query finds in every way there is, and compares it with the model. */
  async function check(opened: AuditStore, model: readonly StoredEvent[], asked: EventQuery<string>): Promise<void> {
    const reader = readerOf(opened, ['from_a_newer_version'])
    const answer = expected(model, asked)
    const found = await reader.events(asked).toArray()
    // As text, which is compared quickly; the first few in full.
    expect(seqsOf(found).join()).toBe(seqsOf(answer).join())
    expect(found.slice(0, 20)).toEqual(answer.slice(0, 20))
    expect(await reader.count(asked)).toBe(answer.length)
    const taken: StoredEvent[] = []
    for await (const event of reader.events(asked)) {
      taken.push(event)
      if (taken.length === 3) break
    }
    expect(taken).toEqual(answer.slice(0, 3))
  }

  test('finds in any log exactly what passes the query, in its order', async () => {
    const logAndQueries = log.chain((groups) => {
      const size = groups.flat().length
      return fc.tuple(fc.constant(groups), fc.array(query(size), { minLength: 5, maxLength: 5 }))
    })
    await fc.assert(
      fc.asyncProperty(logAndQueries, async ([groups, asked]) => {
        const opened = await filled(store(), groups)
        const model = modelOf(groups)
        try {
          for (const one of asked) await check(opened, model, one)
        } finally {
          await opened.close()
        }
      }),
      { numRuns: logs },
    )
  })

  test('finds in a log of many chunks exactly what passes the query, in its order', async () => {
    const groups = fc.sample(fc.array(event.map(sealedEntry), { minLength: 1, maxLength: 700, size: 'max' }), {
      numRuns: 12,
      seed: 1,
    })
    const model = modelOf(groups)
    const opened = await filled(store(), groups)
    expect(model.length).toBeGreaterThan(2000)
    await fc.assert(
      fc.asyncProperty(query(model.length), (asked) => check(opened, model, asked)),
      { numRuns: queries },
    )
    await opened.close()
  })
})
