import assert from 'node:assert/strict'
import { timeRanges } from '../../store/time-blocks.js'
import { sealedEntries, sealedEntry } from '../sealed-entry.js'
import { type ConformanceCase, collect, commitInGroups, drain, EVERYTHING, entriesOf, texts } from './case.js'

/** Positions, groups, caller ids. */
export const commitCases: readonly ConformanceCase[] = [
  {
    name: 'an empty log has no entries',
    async run({ store }) {
      assert.equal(store.size, 0)
      assert.deepEqual(await entriesOf(store), [])
      assert.deepEqual(await store.read([0]), [undefined])
    },
  },
  {
    name: 'entries get the positions 0, 1, 2 … without gaps, in the order of the groups and within them',
    async run({ store }) {
      const entries = sealedEntries(9)
      assert.deepEqual(Array.from((await store.commit(entries.slice(0, 1))).seqs), [0])
      const second = await store.commit(entries.slice(1, 6))
      assert.deepEqual(Array.from(second.seqs), [1, 2, 3, 4, 5])
      assert.equal(second.size, 6)
      assert.equal(store.size, 6)
      await store.commit(entries.slice(6))
      const stored = await entriesOf(store)
      assert.deepEqual(
        stored.map(({ seq }) => seq),
        [0, 1, 2, 3, 4, 5, 6, 7, 8],
      )
      assert.deepEqual(texts(stored), texts(entries))
    },
  },
  {
    name: 'a group of no entries changes nothing',
    async run({ store }) {
      await store.commit(sealedEntries(2))
      assert.deepEqual(await store.commit([]), { seqs: [], size: 2, firstNew: 2 })
      assert.equal((await entriesOf(store)).length, 2)
    },
  },
  {
    name: 'a group may be of thousands of entries, and an entry of any size',
    async run({ store }) {
      const entries = sealedEntries(10_000, (n) => ({ sessionId: `s-${n % 7}` }))
      entries[5_000] = sealedEntry({ data: { name: 'x'.repeat(64 * 1024) } })
      await store.commit(entries)
      assert.equal(store.size, 10_000)
      assert.deepEqual(texts(await entriesOf(store)), texts(entries))
      const filed = await drain(store.postings('session', ['s-3', 't'], EVERYTHING))
      assert.equal(filed.length, 1_429)
    },
  },
  {
    name: 'stored bytes are what was sealed, whatever they are',
    async run({ store }) {
      const bytes = Uint8Array.from({ length: 256 }, (_, byte) => byte)
      await store.commit([
        { ...sealedEntry(), bytes, byteLength: bytes.length },
        { ...sealedEntry(), bytes: new Uint8Array(0), byteLength: 0 },
      ])
      const [first, second] = await store.read([0, 1])
      assert.deepEqual(Buffer.from(first as Uint8Array), Buffer.from(bytes))
      assert.equal(second?.length, 0)
    },
  },
  {
    name: 'a caller id is stored once: within a group, across groups, and the receipt tells the first position',
    async run({ store }) {
      const first = await store.commit([
        sealedEntry({ id: 'a' }),
        sealedEntry(),
        sealedEntry({ id: 'a' }),
        sealedEntry(),
      ])
      assert.deepEqual(Array.from(first.seqs), [0, 1, 0, 2])
      assert.equal(first.size, 3)
      const second = await store.commit([sealedEntry({ id: 'b' }), sealedEntry({ id: 'a' }), sealedEntry({ id: 'b' })])
      assert.deepEqual(Array.from(second.seqs), [3, 0, 3])
      assert.deepEqual(await store.commit([sealedEntry({ id: 'b' })]), { seqs: [3], size: 4, firstNew: 4 })
      assert.equal((await entriesOf(store)).length, 4)
      assert.deepEqual(await drain(store.postings('tenant', ['t'], EVERYTHING)), [0, 1, 2, 3])
    },
  },
  {
    name: 'a caller id is that of its tenant: another tenant has the same id for itself',
    async run({ store, reopen }) {
      const of = (tenantId: string, id: string) => sealedEntry({ tenantId, id })
      const pairs = [
        ['a', 'bc'],
        ['ab', 'c'],
        ['a', 'c'],
        ['abc', ''],
        ['', 'abc'],
        ['x'.repeat(300), 'y'],
        ['x'.repeat(301), 'y'],
        ['y', 'x'.repeat(300)],
      ] as const
      for (const groups of [1, pairs.length]) {
        const seqs: number[] = []
        for (let at = 0; at < pairs.length; at += pairs.length / groups) {
          const group = pairs.slice(at, at + pairs.length / groups).map(([tenantId, id]) => of(tenantId, id))
          seqs.push(...Array.from((await store.commit(group)).seqs))
        }
        assert.deepEqual(seqs, [...pairs.keys()])
      }
      const again = (await reopen?.()) ?? store
      assert.deepEqual(Array.from((await again.commit(pairs.map(([tenantId, id]) => of(tenantId, id)))).seqs), [
        ...pairs.keys(),
      ])
    },
  },
  {
    name: 'the receipt tells from which position on entries are new, whatever those say that repeat a caller id',
    async run({ store }) {
      await store.commit([sealedEntry({ id: 'a' }), sealedEntry()])
      const { seqs, size, firstNew } = await store.commit([
        sealedEntry({ id: 'a', type: 'run_started' }),
        sealedEntry({ id: 'b' }),
        sealedEntry({ id: 'b', sessionId: 'another' }),
        sealedEntry(),
      ])
      assert.deepEqual([Array.from(seqs), size, firstNew], [[0, 2, 2, 3], 4, 2])
    },
  },
  {
    name: 'the position of a caller id can be asked for',
    async run({ store, reopen }) {
      await store.commit([sealedEntry(), sealedEntry({ id: 'a' }), sealedEntry({ id: 'a', tenantId: 'other' })])
      const asked = [
        { tenantId: 'other', id: 'a' },
        { tenantId: 't', id: 'a' },
        { tenantId: 't', id: 'b' },
        { tenantId: 'none', id: 'a' },
      ]
      assert.deepEqual(await store.positionsOf(asked), [2, 1, undefined, undefined])
      assert.deepEqual(await store.positionsOf([]), [])
      assert.deepEqual(await ((await reopen?.()) ?? store).positionsOf(asked), [2, 1, undefined, undefined])
    },
  },
  {
    name: 'a group of one caller id ten thousand times is stored as one entry, in time that grows with its length',
    async run({ store }) {
      const group = Array.from({ length: 10_000 }, () => sealedEntry({ id: 'a' }))
      const { seqs, size } = await store.commit(group)
      assert.deepEqual([new Set(Array.from(seqs)), size], [new Set([0]), 1])
    },
  },
  {
    name: 'positions stay gapless after a group of repeated caller ids only',
    async run({ store }) {
      await store.commit([sealedEntry({ id: 'a', time: '2026-03-01T00:00:00Z' })])
      await store.commit([sealedEntry({ id: 'a' }), sealedEntry({ id: 'a' })])
      assert.deepEqual((await store.commit([sealedEntry()])).seqs, [1])
      const since = '2026-02-01T00:00:00.000000000Z'
      assert.deepEqual(await collect(timeRanges(store, since, undefined, EVERYTHING)), [{ from: 0, to: 2 }])
    },
  },
  {
    name: 'an id that its caller did not choose is not checked for repetition',
    async run({ store }) {
      const entry = sealedEntry()
      await store.commit([entry, entry, { ...entry, callerId: true }])
      assert.equal(store.size, 3)
    },
  },
  {
    name: 'a caller id may be any string, and none is taken for another',
    async run({ store }) {
      const long = 'x'.repeat(10_240)
      const ids = ['a', 'a\0', 'A', '\ud800', '\udc00', '\ufffd', '😀', long, `${long}y`, 'a/b', '__proto__']
      for (let round = 0; round < 2; round++) {
        const { seqs } = await store.commit(ids.map((id) => sealedEntry({ id })))
        assert.deepEqual(Array.from(seqs), [...ids.keys()])
      }
      assert.equal(store.size, ids.length)
    },
  },
  {
    name: 'a group that must begin at a position is stored there or not at all',
    async run({ store }) {
      const [first, second] = [sealedEntries(2), sealedEntries(3)]
      assert.deepEqual(Array.from((await store.commit(first, { at: 0 })).seqs), [0, 1])
      const misplaced = { name: 'AuditLogError', code: 'AUDIT_LOG_DIVERGED' }
      await assert.rejects(store.commit(second, { at: 1 }), misplaced)
      await assert.rejects(store.commit(second, { at: 3 }), misplaced)
      assert.equal(store.size, 2)
      assert.deepEqual(Array.from((await store.commit(second, { at: 2 })).seqs), [2, 3, 4])
      assert.deepEqual(texts(await entriesOf(store)), texts([...first, ...second]))
    },
  },
  {
    name: 'reads that go on during commits see whole groups, and what was there before',
    async run({ store }) {
      await commitInGroups(store, sealedEntries(600), [100])
      const read = async () => {
        for (let n = 0; n < 10; n++) {
          const { size } = store
          const walk = { ...EVERYTHING, to: size }
          assert.equal((await entriesOf(store, walk)).length, size)
          assert.equal((await drain(store.postings('tenant', ['t'], walk))).length, size)
          const beyond = await entriesOf(store)
          assert.equal(beyond.length % 100, 0)
          assert.ok(beyond.length >= size)
        }
      }
      const write = async () => {
        for (let n = 0; n < 10; n++) await store.commit(sealedEntries(100))
      }
      await Promise.all([read(), write(), read()])
      assert.equal(store.size, 1_600)
    },
  },
]
