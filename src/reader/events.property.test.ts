import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type EngineName, enginesHere, growingLog } from '../../test/reader/engines.js'
import type { GrowingLog } from '../../test/reader/growing-log.js'
import { ownersIn } from '../../test/reader/owners.js'
import { readPages } from '../../test/reader/pages.js'
import { seqsOf, unchecked } from '../../test/reader/reader-of.js'
import { parseTimestamp } from '../events/time.js'
import type { StoredEvent } from '../events/types.js'
import type { SealedEntry } from '../store/contract.js'
import { sealedEntry } from '../testing/index.js'
import type { EventQuery } from './index.js'

// A model of the reader: the array of all events, filtered.

const engines: readonly { name: EngineName; logs: number; queries: number }[] = [
  { name: 'memory', logs: 150, queries: 200 },
  { name: 'LevelDB', logs: 20, queries: 80 },
  { name: 'a snapshot of LevelDB', logs: 8, queries: 25 },
  { name: 'PostgreSQL', logs: 8, queries: 25 },
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
  {
    weight: 20,
    arbitrary: fc.constantFrom(
      'run_started',
      'token_usage_updated',
      'tool_call_started',
      'custom',
      'from_a_newer_version',
    ),
  },
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
      actor: fc.record({ id }),
      data: fc.record({ callId: id, tool: fc.record({ name: id }) }, { requiredKeys: [] }),
    },
    { requiredKeys: ['tenantId', 'sessionId', 'type', 'time'] },
  )
  .map(unchecked)

const OWN_TYPES = ['from_a_newer_version']

/** A statement of the log that a run is that of another tenant or session than its events say. */
const identified = fc
  .record({
    tenantId,
    sessionId: id,
    runId: id,
    previous: fc.record({ tenantId, sessionId: id }, { requiredKeys: [] }),
    statementOf: fc.constantFrom('log.example', undefined),
    time,
  })
  .map(({ previous, ...fields }) => unchecked({ ...fields, type: 'run_identified', data: { previous } }))
const entry = event.map(sealedEntry)
const entryOrStatement = fc.oneof(
  { weight: 10, arbitrary: entry },
  { weight: 1, arbitrary: identified.map(sealedEntry) },
)

const logOf = (one: fc.Arbitrary<SealedEntry>) =>
  fc.array(fc.array(one, { minLength: 1, maxLength: 12 }), { maxLength: 8 })
const log = fc.oneof(logOf(entry), logOf(entryOrStatement))

function query(size: number): fc.Arbitrary<EventQuery<string>> {
  const all = {
    tenantId,
    sessionId: askedId,
    runId: askedId,
    agent: askedId,
    actorId: askedId,
    tool: askedId,
    type: fc.oneof(type, fc.uniqueArray(type, { minLength: 1 })),
    since: time,
    until: time,
    afterSeq: fc.integer({ min: -1, max: size + 1 }),
    beforeSeq: fc.integer({ min: 0, max: size + 1 }),
    order: fc.constantFrom('asc', 'desc'),
    content: fc.constant('none' as const),
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

interface Question {
  readonly asked: EventQuery<string>
  /** Of the pages, which take turns. */
  readonly sizes: readonly number[]
  /** The entries that are committed after the first page. */
  readonly more: readonly SealedEntry[]
}

function question(size: number, leastPage: number): fc.Arbitrary<Question> {
  return fc.record({
    asked: query(size),
    sizes: fc.array(fc.integer({ min: leastPage, max: 10 * leastPage }), { minLength: 1, maxLength: 3 }),
    more: fc.array(entryOrStatement, { maxLength: 5 }),
  })
}

function modelOf(groups: readonly (readonly SealedEntry[])[], from = 0): StoredEvent[] {
  return groups.flat().map(({ bytes }, at) => ({ ...JSON.parse(Buffer.from(bytes).toString()), seq: from + at }))
}

function toolOf({ data }: StoredEvent): string | undefined {
  return (data as { readonly tool?: { readonly name: string } }).tool?.name
}

function expected(model: readonly StoredEvent[], asked: EventQuery<string>): StoredEvent[] {
  const {
    tenantId,
    sessionId,
    runId,
    agent,
    actorId,
    tool,
    type,
    since,
    until,
    afterSeq = -1,
    beforeSeq = Infinity,
  } = asked
  const types = typeof type === 'string' ? [type] : type
  const ownerOf = ownersIn(model)
  const passing = model.filter(
    (event) =>
      (tenantId === undefined || ownerOf(event).tenantId === tenantId) &&
      (sessionId === undefined || ownerOf(event).sessionId === sessionId) &&
      (runId === undefined || event.runId === runId) &&
      (agent === undefined || event.agent?.id === agent || event.agent?.name === agent) &&
      (actorId === undefined || event.actor?.id === actorId) &&
      (tool === undefined || (event.type.startsWith('tool_') && toolOf(event) === tool)) &&
      (types === undefined || types.includes(event.type)) &&
      (since === undefined || event.time >= (parseTimestamp(since) as string)) &&
      (until === undefined || event.time < (parseTimestamp(until) as string)) &&
      event.seq > afterSeq &&
      event.seq < beforeSeq,
  )
  return (asked.order === 'desc' ? passing.reverse() : passing).slice(0, asked.limit)
}

describe.each(enginesHere(engines))('on $name', ({ name, logs, queries }) => {
  /** Reads what the query finds in every way there is, and compares it with the model, while the log grows. */
  async function check(log: GrowingLog, model: StoredEvent[], { asked, sizes, more }: Question): Promise<void> {
    const { reader } = log
    const answer = expected(model, asked)
    const found = await reader.events(asked).toArray()
    // As text, which is compared quickly; the first few in full.
    expect(seqsOf(found).join()).toBe(seqsOf(answer).join())
    expect(found.slice(0, 20)).toEqual(answer.slice(0, 20))
    expect(await reader.events(asked).count()).toBe(answer.length)
    const taken: StoredEvent[] = []
    for await (const event of reader.events(asked)) {
      taken.push(event)
      if (taken.length === 3) break
    }
    expect(taken).toEqual(answer.slice(0, 3))
    let left = more
    const grow = async () => {
      if (left.length === 0) return
      await log.commit(left)
      model.push(...modelOf([left], model.length))
      left = []
    }
    const paged = await readPages(reader.events(asked), sizes, grow)
    expect(seqsOf(paged).join()).toBe(seqsOf(answer).join())
  }

  test('finds in any log exactly what passes the query, in its order, at once and in pages', async () => {
    const logAndQuestions = log.chain((groups) => {
      const size = groups.flat().length
      return fc.tuple(fc.constant(groups), fc.array(question(size, 1), { minLength: 5, maxLength: 5 }))
    })
    await fc.assert(
      fc.asyncProperty(logAndQuestions, async ([groups, questions]) => {
        const opened = await growingLog(name, groups, OWN_TYPES)
        const model = modelOf(groups)
        try {
          for (const one of questions) await check(opened, model, one)
        } finally {
          await opened.close()
        }
      }),
      { numRuns: logs },
    )
  })

  test('finds in a log of many chunks exactly what passes the query, in its order, at once and in pages', async () => {
    const groups = fc.sample(fc.array(entryOrStatement, { minLength: 1, maxLength: 700, size: 'max' }), {
      numRuns: 12,
      seed: 1,
    })
    const model = modelOf(groups)
    const opened = await growingLog(name, groups, OWN_TYPES)
    expect(model.length).toBeGreaterThan(2000)
    await fc.assert(
      fc.asyncProperty(question(model.length, 50), (one) => check(opened, model, one)),
      { numRuns: queries },
    )
    await opened.close()
  })
})
