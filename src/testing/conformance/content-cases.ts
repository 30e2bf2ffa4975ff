import assert from 'node:assert/strict'
import type { AuditStore, SealedContent, SealedEntry } from '../../store/contract.js'
import { sealedEntries, sealedEntry } from '../sealed-entry.js'
import type { ConformanceCase } from './case.js'

const LARGEST = 256 * 1024

function withContent(entry: SealedEntry, ...texts: readonly string[]): SealedEntry {
  return { ...entry, content: texts.map((text, at) => ({ field: `data.field-${at}`, bytes: Buffer.from(text) })) }
}

async function textsOf(store: AuditStore, seqs: readonly number[]): Promise<readonly (readonly string[])[]> {
  const found = (await store.content?.(seqs)) ?? []
  return found.map((items) => [...items].sort(byField).map(({ bytes }) => Buffer.from(bytes).toString()))
}

function byField(one: SealedContent, other: SealedContent): number {
  return one.field < other.field ? -1 : 1
}

/** Content items, in an engine that keeps them. */
export const contentCases: readonly ConformanceCase[] = [
  {
    name: 'content is there with its entry, by position',
    async run({ store, reopen }) {
      if (!store.content) return
      const [first, second, third] = sealedEntries(3) as [SealedEntry, SealedEntry, SealedEntry]
      await store.commit([withContent(first, 'a', 'b'), second])
      await store.commit([withContent(third, 'c')])
      const expected = [['c'], [], ['a', 'b'], [], []]
      assert.deepEqual(await textsOf(store, [2, 1, 0, 3, 99]), expected)
      assert.deepEqual(await textsOf(store, []), [])
      if (reopen) assert.deepEqual(await textsOf(await reopen(), [2, 1, 0, 3, 99]), expected)
    },
  },
  {
    name: 'content of an entry whose caller id is there is not stored',
    async run({ store }) {
      if (!store.content) return
      await store.commit([withContent(sealedEntry({ id: 'x' }), 'first')])
      await store.commit([withContent(sealedEntry({ id: 'x' }), 'second'), withContent(sealedEntry(), 'other')])
      assert.equal(store.size, 2)
      assert.deepEqual(await textsOf(store, [0, 1, 2]), [['first'], ['other'], []])
    },
  },
  {
    name: 'content may be of any bytes, and as large as an item can be',
    async run({ store, reopen }) {
      if (!store.content) return
      const bytes = Buffer.alloc(LARGEST, 0xff)
      const field = 'data.\u0000 \ud83d\ude00.x'
      await store.commit([
        {
          ...sealedEntry(),
          content: [
            { field, bytes },
            { field: 'data.empty', bytes: Buffer.alloc(0) },
          ],
        },
      ])
      const opened = reopen ? await reopen() : store
      const [items = []] = (await opened.content?.([0])) ?? []
      const large = items.find((item) => item.field === field)
      assert.ok(large && Buffer.compare(large.bytes, bytes) === 0)
      assert.equal(items.find((item) => item.field === 'data.empty')?.bytes.length, 0)
    },
  },
  {
    name: 'content of a group that is not stored is not there',
    async run({ store }) {
      if (!store.content) return
      await store.commit([sealedEntry()])
      await assert.rejects(store.commit([withContent(sealedEntry(), 'lost')], { at: 7 }))
      await store.commit([withContent(sealedEntry(), 'kept')])
      assert.deepEqual(await textsOf(store, [0, 1, 2]), [[], ['kept'], []])
    },
  },
]
