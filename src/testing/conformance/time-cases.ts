import assert from 'node:assert/strict'
import { type Timestamp, timestampFromMillis } from '../../events/time.js'
import type { AuditStore, SealedEntry, SeqRange, Walk } from '../../store/contract.js'
import { blockLength, TIME_LEVELS, type TimeBlock, timeRanges } from '../../store/time-blocks.js'
import { sealedEntries } from '../sealed-entry.js'
import { type CaseContext, type ConformanceCase, collect, commitInGroups, EVERYTHING, seededRandom } from './case.js'

const at = (second: number): Timestamp => timestampFromMillis(Date.UTC(2026, 0, 1) + second * 1000)

/** A time window, the walk that looks for it, and the entries of the store. */
interface WindowWalk {
  readonly entries: readonly SealedEntry[]
  readonly since: string | undefined
  readonly until: string | undefined
  readonly walk: Walk
}

/** Asserts the contract: ranges in walking order, disjoint, within the walk, and nothing of the window left out. */
async function assertRanges(
  store: AuditStore,
  { entries, since, until, walk }: WindowWalk,
): Promise<readonly SeqRange[]> {
  const ranges = await collect(timeRanges(store, since, until, walk))
  ranges.forEach((range, n) => {
    const before = ranges[n - 1]
    assert.ok(range.from < range.to && range.from >= walk.from && range.to <= Math.min(walk.to, store.size))
    if (before) assert.ok(walk.reverse ? range.to <= before.from : range.from >= before.to)
  })
  entries.forEach(({ event }, seq) => {
    const wanted = (since === undefined || event.time >= since) && (until === undefined || event.time < until)
    if (!wanted || seq < walk.from || seq >= walk.to) return
    assert.ok(
      ranges.some(({ from, to }) => seq >= from && seq < to),
      `entry ${seq} of ${event.time} lies in [${since}, ${until})`,
    )
  })
  return ranges
}

/** The blocks of a level, found by looking at every entry. */
function expectedBlocks(entries: readonly SealedEntry[], level: number): TimeBlock[] {
  const length = blockLength(level)
  return Array.from({ length: Math.ceil(entries.length / length) }, (_, block) => {
    const times = entries.slice(block * length, (block + 1) * length).map(({ event }) => event.time)
    return {
      level,
      block,
      min: times.reduce((min, time) => (time < min ? time : min)),
      max: times.reduce((max, time) => (time > max ? time : max)),
    }
  })
}

/** The number of positions that ranges span. */
const span = (ranges: readonly SeqRange[]) => ranges.reduce((sum, { from, to }) => sum + to - from, 0)

/** Cases of time blocks and time windows. */
export const timeCases: readonly ConformanceCase[] = [
  {
    name: 'the time blocks of each level have the earliest and the latest time of their entries, in walking order',
    async run({ store, reopen }) {
      const random = seededRandom(5)
      const entries = sealedEntries(66_000, () => ({ time: at(random(100_000)) }))
      await commitInGroups(store, entries.slice(0, 65_000), [4_096])
      await commitInGroups(store, entries.slice(65_000), [1, 200, 13])
      for (const open of [async () => store, async () => (await reopen?.()) ?? store]) {
        const opened = await open()
        for (let level = 0; level < TIME_LEVELS; level++) {
          const expected = expectedBlocks(entries, level)
          const blocks = async (walk: Walk) => (await collect(opened.timeBlocks(level, walk))).flat()
          assert.deepEqual(await blocks(EVERYTHING), expected)
          assert.deepEqual(await blocks({ ...EVERYTHING, reverse: true }), expected.toReversed())
          assert.deepEqual(await blocks({ from: 1, to: 257, reverse: false }), expected.slice(1, 257))
          assert.deepEqual(await blocks({ from: 1, to: 257, reverse: true }), expected.slice(1, 257).toReversed())
          assert.deepEqual(await blocks({ from: expected.length, to: expected.length + 1, reverse: false }), [])
          assert.deepEqual(await blocks({ from: 1, to: 1, reverse: false }), [])
        }
      }
    },
  },
  {
    name: 'since is inclusive, until is exclusive',
    async run({ store }) {
      await store.commit(sealedEntries(1, () => ({ time: at(5) })))
      const found = async (since?: number, until?: number) =>
        await collect(
          timeRanges(
            store,
            since === undefined ? since : at(since),
            until === undefined ? until : at(until),
            EVERYTHING,
          ),
        )
      const one = [{ from: 0, to: 1 }]
      assert.deepEqual(await found(5), one)
      assert.deepEqual(await found(6), [])
      assert.deepEqual(await found(undefined, 5), [])
      assert.deepEqual(await found(undefined, 6), one)
      assert.deepEqual(await found(5, 6), one)
      assert.deepEqual(await found(), one)
    },
  },
  {
    name: 'without a window the walk is one range, within the log',
    async run({ store }) {
      assert.deepEqual(await collect(timeRanges(store, undefined, undefined, EVERYTHING)), [])
      await commitInGroups(store, sealedEntries(1_000), [300])
      const found = async (walk: Walk) => await collect(timeRanges(store, undefined, undefined, walk))
      assert.deepEqual(await found(EVERYTHING), [{ from: 0, to: 1_000 }])
      assert.deepEqual(await found({ from: 100, to: 900, reverse: true }), [{ from: 100, to: 900 }])
      assert.deepEqual(await found({ from: 5, to: 5, reverse: false }), [])
    },
  },
  ...[
    { lengths: [1], count: 600 },
    { lengths: [13, 256, 700], count: 3_000 },
  ].map(({ lengths, count }) => ({
    name: `nothing in a window is left out when events come late or from the future, in groups of ${lengths.join(', ')}`,
    async run({ store }: CaseContext) {
      const random = seededRandom(3)
      const entries = sealedEntries(count, (n) => {
        const strays = random(400)
        return { time: at(strays === 0 ? random(count) : strays === 1 ? 9_000 : n + random(20)) }
      })
      await commitInGroups(store, entries, lengths)
      for (let n = 0; n < 60; n++) {
        const from = random(count)
        const since = n % 5 === 0 ? undefined : at(random(count + 100))
        const until = n % 7 === 0 ? undefined : at(random(count + 100))
        const walk = n % 3 === 0 ? EVERYTHING : { from, to: from + random(count), reverse: false }
        await assertRanges(store, { entries, since, until, walk })
        await assertRanges(store, { entries, since, until, walk: { ...walk, reverse: true } })
      }
    },
  })),
  {
    name: 'a narrow window in a long log is narrow, and one late event does not widen the others',
    async run({ store, reopen }) {
      const entries = sealedEntries(70_000, (n) => ({ time: at(n === 69_000 ? 10 : n) }))
      await commitInGroups(store, entries, [4_096])
      const opened = (await reopen?.()) ?? store
      for (const reverse of [false, true]) {
        const walk = { ...EVERYTHING, reverse }
        const middle = await assertRanges(opened, { entries, since: at(40_000), until: at(40_010), walk })
        assert.ok(span(middle) <= 1_024, `${span(middle)} positions for a window of 10`)
        const early = await assertRanges(opened, { entries, since: at(0), until: at(20), walk })
        assert.ok(span(early) <= 2_048, `${span(early)} positions for a window of 20 and a late event`)
      }
    },
  },
]
