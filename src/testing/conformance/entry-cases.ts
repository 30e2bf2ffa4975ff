import assert from 'node:assert/strict'
import { sealedEntries } from '../sealed-entry.js'
import { type ConformanceCase, commitInGroups, EVERYTHING, entriesOf, texts } from './case.js'

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
]
