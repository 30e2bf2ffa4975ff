import assert from 'node:assert/strict'
import type { AuditEvent } from '../../events/types.js'
import type { AuditStore, IndexName, SealedEntry, Walk } from '../../store/contract.js'
import { sealedEntries, sealedEntry } from '../sealed-entry.js'
import {
  type ConformanceCase,
  collect,
  commitInGroups,
  drain,
  EVERYTHING,
  expectedSeqs,
  INDEXES,
  seededRandom,
  valuesOf,
} from './case.js'

/** Strings that break what is pasted together, cut by length, compared as text or used as a property name. */
const ODD_IDS = [
  'a',
  'ab',
  'a\0',
  'a\0b',
  'a/b',
  'a:b',
  '\u0001',
  'é',
  'e\u0301',
  '😀',
  '\ud83d',
  '\ude00',
  '\ufffd',
  '\uffff',
  '__proto__',
  'constructor',
  'x'.repeat(127),
  'x'.repeat(128),
  'x'.repeat(129),
  `${'x'.repeat(10_240)}1`,
  `${'x'.repeat(10_240)}2`,
  `${'\ud800'.repeat(70)}1`,
]

/** A log in which every index has frequent and rare values, and sessions belong to several tenants. */
function variedEntries(count: number): SealedEntry[] {
  const random = seededRandom(7)
  const agents = [
    { id: 'planner' },
    { id: 'planner', name: 'planner' },
    { id: 'a-1', name: 'planner' },
    { name: 'a-1' },
  ]
  const types = ['custom', 'run_started', 'tool_call_started', 'run_failed', 'tool_call_failed'] as const
  return sealedEntries(count, () => {
    const [run, parent, agent, actor] = [random(40), random(8), random(6), random(12)]
    return {
      tenantId: `t-${random(3)}`,
      sessionId: `s-${Math.min(random(12), random(12))}`,
      type: types[Math.min(random(5), random(5))],
      data: { callId: 'c', tool: { name: `tool-${Math.min(random(6), random(6))}` } },
      ...(actor === 7 && { supersedes: `e-${actor}` }),
      ...(actor < 5 ? { actor: { id: `u-${actor}` } } : {}),
      ...(run < 30 ? { runId: `r-${run}` } : {}),
      ...(parent < 4 ? { parentRunId: `r-${parent}` } : {}),
      ...(agents[agent] ? { agent: agents[agent] } : {}),
    } as Partial<AuditEvent>
  })
}

function* valuesToAsk(entries: readonly SealedEntry[]): Generator<[IndexName, string[]]> {
  for (const index of INDEXES) {
    const values = new Map<string, string[]>()
    for (const entry of entries) {
      for (const value of valuesOf(entry, index)) {
        for (let length = 1; length <= value.length; length++) {
          const parts = value.slice(0, length)
          values.set(JSON.stringify(parts), parts)
        }
      }
    }
    for (const value of values.values()) yield [index, value]
    yield [index, ['nowhere']]
  }
}

async function assertPostings(
  store: AuditStore,
  entries: readonly SealedEntry[],
  [index, value]: [IndexName, string[]],
  walk: Walk,
): Promise<void> {
  const asked = `${index} ${JSON.stringify(value)} ${JSON.stringify(walk)}`
  const expected = expectedSeqs(entries, index, value, walk)
  assert.deepEqual(await drain(store.postings(index, value, walk)), expected, asked)
  assert.equal(await store.countPostings(index, value, walk), expected.length, `count ${asked}`)
}

/** Cases of the indexes: postings of each value. */
export const postingCases: readonly ConformanceCase[] = [
  ...[
    { lengths: [1], count: 300 },
    { lengths: [3, 1, 40, 2], count: 1_000 },
    { lengths: [500], count: 2_000 },
    { lengths: [2_000], count: 2_000 },
  ].map(({ lengths, count }) => ({
    name: `every index answers as a look at every entry would, in groups of ${lengths.join(', ')}`,
    async run({ store }: { store: AuditStore }) {
      const entries = variedEntries(count)
      await commitInGroups(store, entries, lengths)
      const random = seededRandom(lengths.length)
      for (const asked of valuesToAsk(entries)) {
        await assertPostings(store, entries, asked, EVERYTHING)
        await assertPostings(store, entries, asked, { ...EVERYTHING, reverse: true })
        const from = random(count)
        for (const reverse of [false, true]) {
          await assertPostings(store, entries, asked, { from, to: from + random(count / 3), reverse })
        }
      }
    },
  })),
  {
    name: 'a session of several tenants comes in one order, and each tenant alone without the others',
    async run({ store }) {
      await store.commit(sealedEntries(6, (n) => ({ sessionId: 's', tenantId: n % 2 ? 'one' : 'two' })))
      await store.commit([sealedEntry({ sessionId: 'other', tenantId: 'one' }), sealedEntry({ tenantId: 'three' })])
      assert.deepEqual(await drain(store.postings('session', ['s'], EVERYTHING)), [0, 1, 2, 3, 4, 5, 7])
      assert.deepEqual(
        await drain(store.postings('session', ['s'], { ...EVERYTHING, reverse: true })),
        [7, 5, 4, 3, 2, 1, 0],
      )
      assert.deepEqual(await drain(store.postings('session', ['s', 'one'], EVERYTHING)), [1, 3, 5])
      assert.equal(await store.countPostings('session', ['s'], { from: 1, to: 5 }), 4)
    },
  },
  {
    name: 'a session of very many tenants comes in one order',
    async run({ store }) {
      const entries = sealedEntries(1_500, (n) => ({ sessionId: 's', tenantId: `t-${(n * 7) % 500}` }))
      await commitInGroups(store, entries, [100])
      for (const reverse of [false, true]) {
        await assertPostings(store, entries, ['session', ['s']], { from: 3, to: 1_499, reverse })
      }
    },
  },
  {
    name: 'an agent is found by id and by name, once where they are equal',
    async run({ store }) {
      await store.commit([
        sealedEntry({ agent: { id: 'x', name: 'y' } }),
        sealedEntry({ agent: { id: 'x', name: 'x' } }),
        sealedEntry({ agent: { name: 'x' } }),
        sealedEntry({ agent: {} }),
      ])
      assert.deepEqual(await drain(store.postings('agent', ['x'], EVERYTHING)), [0, 1, 2])
      assert.deepEqual(await drain(store.postings('agent', ['y'], EVERYTHING)), [0])
      assert.equal(await store.countPostings('agent', ['x'], EVERYTHING), 3)
    },
  },
  {
    name: 'an actor is found by id, and a tool by name in events of tools alone',
    async run({ store }) {
      const data = { callId: 'c', tool: { name: 'search' } }
      await store.commit([
        sealedEntry({ actor: { id: 'u' } }),
        sealedEntry({ type: 'tool_call_started', data }),
        sealedEntry({ type: 'tool_approval_granted', data, actor: { id: 'u' } }),
        sealedEntry({ data: { name: 'x', ...data } }),
        sealedEntry({ tenantId: 'u', agent: { id: 'search' } }),
      ])
      assert.deepEqual(await drain(store.postings('actor', ['u'], EVERYTHING)), [0, 2])
      assert.deepEqual(await drain(store.postings('tool', ['search'], EVERYTHING)), [1, 2])
      assert.equal(await store.countPostings('tool', ['search'], EVERYTHING), 2)
      assert.deepEqual(await collect(store.firstOfEach('actor')), [0])
    },
  },
  {
    name: 'ids may be any strings: none is taken for another, or lies within its range',
    async run({ store }) {
      const entries = ODD_IDS.flatMap((odd, n) => [
        sealedEntry({ sessionId: odd, tenantId: ODD_IDS[(n * 5) % ODD_IDS.length] as string, runId: odd }),
        sealedEntry({ sessionId: ODD_IDS[(n * 3) % ODD_IDS.length] as string, tenantId: odd, agent: { id: odd } }),
        sealedEntry({ actor: { id: odd }, type: 'tool_call_started', data: { callId: 'c', tool: { name: odd } } }),
      ])
      await commitInGroups(store, entries, [5, 1])
      for (const asked of valuesToAsk(entries)) {
        await assertPostings(store, entries, asked, EVERYTHING)
        await assertPostings(store, entries, asked, { ...EVERYTHING, reverse: true })
      }
    },
  },
  {
    name: 'parts that join to the same text are different values',
    async run({ store }) {
      await store.commit([
        sealedEntry({ sessionId: 'ab', tenantId: 'c' }),
        sealedEntry({ sessionId: 'a', tenantId: 'bc' }),
      ])
      assert.deepEqual(await drain(store.postings('session', ['a'], EVERYTHING)), [1])
      assert.deepEqual(await drain(store.postings('session', ['ab', 'c'], EVERYTHING)), [0])
      assert.deepEqual(await drain(store.postings('session', ['', 'abc'], EVERYTHING)), [])
    },
  },
  {
    name: 'a count stops at its limit',
    async run({ store }) {
      await commitInGroups(store, sealedEntries(300), [1, 90])
      assert.equal(await store.countPostings('tenant', ['t'], EVERYTHING, 7), 7)
      assert.equal(await store.countPostings('tenant', ['t'], EVERYTHING, 300), 300)
      assert.equal(await store.countPostings('tenant', ['t'], EVERYTHING, 301), 300)
      assert.equal(await store.countPostings('tenant', ['t'], { from: 9, to: 4 }), 0)
      assert.equal(await store.countPostings('tenant', ['t'], { from: 299, to: 900 }), 1)
    },
  },
  {
    name: 'the first position of each distinct value is found',
    async run({ store }) {
      const entries = variedEntries(3_000)
      await commitInGroups(store, entries, [1, 50, 300])
      for (const index of INDEXES) {
        const firsts = new Map<string, number>()
        entries.forEach((entry, seq) => {
          for (const value of valuesOf(entry, index).map((parts) => JSON.stringify(parts))) {
            if (!firsts.has(value)) firsts.set(value, seq)
          }
        })
        const found = await collect(store.firstOfEach(index))
        const ascending = (a: number, b: number) => a - b
        assert.deepEqual(found.sort(ascending), [...firsts.values()].sort(ascending), index)
      }
    },
  },
  {
    name: 'distinct values are found among many',
    async run({ store }) {
      await commitInGroups(
        store,
        sealedEntries(4_000, (n) => ({ runId: `r-${n % 1_300}`, sessionId: 'one' })),
        [250],
      )
      assert.equal((await collect(store.firstOfEach('run'))).length, 1_300)
      assert.deepEqual(await collect(store.firstOfEach('session')), [0])
      for await (const first of store.firstOfEach('run')) {
        assert.ok(first < 1_300)
        break
      }
    },
  },
]
