import assert from 'node:assert/strict'
import type { AuditStore, SealedEntry } from '../../store/contract.js'
import { endOfTurn } from '../../timers/real-timers.js'
import { sealedEntries } from '../sealed-entry.js'
import {
  type CaseContext,
  type ConformanceCase,
  commitInGroups,
  EVERYTHING,
  entriesOf,
  seededRandom,
  texts,
} from './case.js'

/** Entries of few and of many bytes. */
const unevenEntries = (count: number) =>
  sealedEntries(count, (n) => ({ data: { name: 'x'.repeat(n % 97 === 0 ? 20_000 : (n * 37) % 900) } }))

const GROUPINGS: Readonly<Record<string, readonly number[]>> = {
  'one by one': [1],
  'by 7': [7],
  'by 64': [64],
  'by 1,024': [1024],
  'in groups of all lengths': [1, 1, 300, 2, 64, 7, 1, 500, 19],
}

/** Reads in each way what ranges and positions of the log hold, as drawn by `random`, and compares it. */
async function readSome(store: AuditStore, entries: readonly SealedEntry[], random: (limit: number) => number) {
  const { size } = store
  const [a, b] = [random(size + 1), random(size + 1)]
  // Short ranges and long ones, among them those that end with the log.
  const from = Math.min(a, b)
  const to = random(3) === 0 ? size : random(2) === 0 ? Math.min(size, from + random(20)) : Math.max(a, b)
  const expected = texts(entries.slice(from, to))
  const reverse = random(2) === 0
  const walked = await entriesOf(store, { from, to, reverse })
  assert.deepEqual(texts(walked), reverse ? expected.toReversed() : expected)
  const seqs = [...Array.from({ length: random(6) }, () => random(size)), size - 1]
  const read = await store.read(seqs)
  assert.deepEqual(texts(read.map((bytes) => bytes && { bytes })), texts(seqs.map((seq) => entries[seq])))
}

/** Entries by position. */
export const entryCases: readonly ConformanceCase[] = [
  {
    name: 'entries of a range come in walking order, in either direction',
    async run({ store }) {
      const entries = sealedEntries(700)
      await commitInGroups(store, entries, [1, 64, 7])
      for (const [from, to] of [
        [0, 700],
        [0, 1],
        [699, 700],
        [100, 600],
        [255, 257],
      ] as const) {
        const expected = Array.from({ length: to - from }, (_, n) => from + n)
        const forward = await entriesOf(store, { from, to, reverse: false })
        assert.deepEqual(
          forward.map(({ seq }) => seq),
          expected,
        )
        assert.deepEqual(texts(forward), texts(entries.slice(from, to)))
        const backward = await entriesOf(store, { from, to, reverse: true })
        assert.deepEqual(texts(backward), texts(entries.slice(from, to).reverse()))
        assert.deepEqual(
          backward.map(({ seq }) => seq),
          expected.reverse(),
        )
      }
    },
  },
  {
    name: 'a range reaches no further than the log, and an empty or inverted one is empty',
    async run({ store }) {
      await store.commit(sealedEntries(10))
      assert.equal((await entriesOf(store, { from: -5, to: Infinity, reverse: true })).length, 10)
      assert.deepEqual(await entriesOf(store, { from: 10, to: 20, reverse: false }), [])
      assert.deepEqual(await entriesOf(store, { from: 4, to: 4, reverse: true }), [])
      assert.deepEqual(await entriesOf(store, { from: 6, to: 4, reverse: false }), [])
    },
  },
  {
    name: 'no chunk of entries is empty, and a reader may stop within one',
    async run({ store }) {
      await store.commit(sealedEntries(3_000))
      for await (const chunk of store.entries(EVERYTHING)) {
        assert.ok(chunk.length > 0)
        break
      }
      for (const reverse of [false, true]) {
        for await (const chunk of store.entries({ ...EVERYTHING, reverse })) assert.ok(chunk.length > 0)
      }
    },
  },
  {
    name: 'read() answers in the order asked, with nothing where there is nothing',
    async run({ store }) {
      const entries = sealedEntries(5)
      await store.commit(entries)
      const [c, none, a, negative, fraction, again, infinite] = await store.read([3, 5, 0, -1, 1.5, 3, Infinity])
      assert.deepEqual(
        texts([c, a, again].map((bytes) => bytes && { bytes })),
        texts([entries[3], entries[0], entries[3]]),
      )
      assert.deepEqual([none, negative, fraction, infinite], [undefined, undefined, undefined, undefined])
      assert.deepEqual(await store.read([]), [])
    },
  },
  ...Object.entries(GROUPINGS).map(([name, lengths]) => ({
    name: `entries committed ${name} are read as they were committed, also after a reopening`,
    async run({ store, reopen }: CaseContext) {
      const entries = unevenEntries(lengths.length === 1 && lengths[0] === 1 ? 150 : 1_300)
      const random = seededRandom(5)
      const half = Math.floor(entries.length / 2)
      await commitInGroups(store, entries.slice(0, half), lengths)
      for (let n = 0; n < 20; n++) await readSome(store, entries, random)
      const again = (await reopen?.()) ?? store
      for (let n = 0; n < 20; n++) await readSome(again, entries, random)
      await commitInGroups(again, entries.slice(half), lengths)
      for (let n = 0; n < 20; n++) await readSome(again, entries, random)
      assert.deepEqual(texts(await entriesOf(again)), texts(entries))
    },
  })),
  {
    name: 'what is read beside commits is what was committed',
    async run({ store }) {
      const entries = unevenEntries(1_200)
      const random = seededRandom(11)
      await store.commit(entries.slice(0, 1))
      let isCommitted = false
      const commit = async () => {
        try {
          for (let at = 1; at < entries.length; ) {
            const length = [1, 2, 1, 7, 1, 40][random(6)] as number
            await store.commit(entries.slice(at, at + length))
            at += length
          }
        } finally {
          isCommitted = true
        }
      }
      const read = async () => {
        while (!isCommitted) {
          await readSome(store, entries, random)
          // What is at hand is read without a wait, and commits would not get on.
          await endOfTurn()
        }
      }
      await Promise.all([commit(), read(), read(), read()])
      assert.deepEqual(texts(await entriesOf(store)), texts(entries))
    },
  },
]
