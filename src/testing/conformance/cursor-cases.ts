import assert from 'node:assert/strict'
import type { AuditStore, Walk } from '../../store/contract.js'
import { sealedEntries } from '../sealed-entry.js'
import { type ConformanceCase, commitInGroups, drain, EVERYTHING, seededRandom } from './case.js'

const REVERSED: Walk = { ...EVERYTHING, reverse: true }

/** Runs of 'r' are at 0, 10, 20 …; every entry is of one of two tenants. */
async function fill(store: AuditStore, lengths: readonly number[], count = 3_000): Promise<void> {
  const entries = sealedEntries(count, (n) => ({ tenantId: `t-${n % 2}`, ...(n % 10 ? {} : { runId: 'r' }) }))
  await commitInGroups(store, entries, lengths)
}

/** Positions of a cursor that is asked for random targets, each at or after what it gave before. */
async function leapfrog(store: AuditStore, walk: Walk, seed: number): Promise<void> {
  const step = walk.reverse ? -1 : 1
  const random = seededRandom(seed)
  const cursor = store.postings('session', ['s'], walk)
  let target = walk.reverse ? walk.to - 1 : walk.from
  for (;;) {
    const chunk = await cursor.next(target)
    if (!chunk) break
    assert.equal(chunk[0], target, 'nothing is left out, and nothing before the target comes')
    chunk.forEach((seq, at) => {
      assert.equal(seq, target + at * step)
    })
    target = (chunk.at(-1) as number) + step * (1 + random(walk.to / 10))
    if (walk.reverse ? target < walk.from : target >= walk.to) {
      assert.equal(await cursor.next(target), undefined)
      break
    }
  }
  await cursor.close()
}

/** Cursors: chunks, targets, ends. */
export const cursorCases: readonly ConformanceCase[] = [
  {
    name: 'a cursor gives chunks that are never empty, then undefined for good',
    async run({ store }) {
      await fill(store, [1, 700])
      for (const walk of [EVERYTHING, REVERSED]) {
        const cursor = store.postings('session', ['s'], walk)
        let count = 0
        for (let chunk = await cursor.next(); chunk; chunk = await cursor.next()) {
          assert.ok(chunk.length > 0)
          count += chunk.length
        }
        assert.equal(count, 3_000)
        assert.equal(await cursor.next(), undefined)
        assert.equal(await cursor.next(0), undefined)
        await cursor.close()
      }
    },
  },
  {
    name: 'a target leaves out what comes before it in walking order',
    async run({ store }) {
      await fill(store, [1], 200)
      await fill(store, [64], 800)
      await fill(store, [2_000], 2_000)
      for (const target of [0, 1, 10, 995, 1_001, 1_999, 2_500, 2_990]) {
        const up = store.postings('run', ['r'], EVERYTHING)
        assert.equal((await up.next(target))?.[0], Math.ceil(target / 10) * 10)
        await up.close()
        const down = store.postings('run', ['r'], REVERSED)
        assert.equal((await down.next(target))?.[0], Math.floor(target / 10) * 10)
        await down.close()
      }
    },
  },
  {
    name: 'a target behind the cursor changes nothing, and one past the end ends it',
    async run({ store }) {
      await fill(store, [50])
      const up = store.postings('run', ['r'], { from: 100, to: 200, reverse: false })
      assert.equal((await up.next(0))?.[0], 100)
      assert.equal(await up.next(5_000), undefined)
      const down = store.postings('run', ['r'], { from: 100, to: 200, reverse: true })
      assert.equal((await down.next(5_000))?.[0], 190)
      assert.equal(await down.next(99), undefined)
      assert.equal(await down.next(), undefined)
    },
  },
  ...[
    { lengths: [1], count: 400 },
    { lengths: [7, 300, 1], count: 3_000 },
    { lengths: [3_000], count: 3_000 },
  ].map(({ lengths, count }) => ({
    name: `a cursor that leaps gives everything from each target on, in groups of ${lengths.join(', ')}`,
    async run({ store }: { store: AuditStore }) {
      await fill(store, lengths, count)
      for (let seed = 1; seed <= 5; seed++) {
        await leapfrog(store, { from: 0, to: count, reverse: false }, seed)
        await leapfrog(store, { from: 0, to: count, reverse: true }, seed)
        await leapfrog(store, { from: 123, to: count - 123, reverse: false }, seed)
        await leapfrog(store, { from: 123, to: count - 123, reverse: true }, seed)
      }
    },
  })),
  {
    name: 'a cursor closed early gives nothing more, and may be closed twice',
    async run({ store }) {
      await fill(store, [100])
      const cursor = store.postings('session', ['s'], EVERYTHING)
      await cursor.next()
      await cursor.close()
      await cursor.close()
      assert.equal(await cursor.next(), undefined)
      await store.postings('run', ['r'], EVERYTHING).close()
    },
  },
  {
    name: 'a walk ends where the log ended when it began',
    async run({ store }) {
      await fill(store, [100], 1_000)
      const walk = { from: 0, to: store.size, reverse: false }
      const cursor = store.postings('session', ['s'], walk)
      const first = (await cursor.next()) ?? []
      await fill(store, [100], 1_000)
      assert.equal(first.length + (await drain(cursor)).length, 1_000)
    },
  },
]
