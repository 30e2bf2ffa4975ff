import assert from 'node:assert/strict'
import type { AuditStore } from '../../store/contract.js'
import { hashLeaf, leafHashAt } from '../../tree/index.js'
import { sealedEntries, sealedEntry } from '../sealed-entry.js'
import { type ConformanceCase, collect, commitInGroups, drain, EVERYTHING, entriesOf } from './case.js'

const COUNT = 700
/** Positions in small and in full blocks, neighbours among them. */
const REMOVED: readonly number[] = [0, 1, 2, 255, 256, 300, 698]
const UNDER = COUNT - 1
const isLeft = (seq: number) => !REMOVED.includes(seq)

const entries = sealedEntries(COUNT, (n) => ({
  sessionId: `s-${n % 3}`,
  runId: `r-${n}`,
  type: 'run_started',
  data: { agent: { name: 'a' } },
  ...(n % 2 === 0 ? { id: `id-${n}` } : {}),
}))

async function seqsOf(store: AuditStore, reverse: boolean): Promise<number[]> {
  return (await entriesOf(store, { ...EVERYTHING, reverse })).map(({ seq }) => seq)
}

/** Entries that were removed, in an engine that can have some. */
export const removalCases: readonly ConformanceCase[] = [
  {
    name: 'a log of which nothing was removed has no removed entries',
    async run({ store }) {
      await store.commit(sealedEntries(3))
      assert.equal(store.removedEntries ?? 0, 0)
      const under = (await store.removedUnder?.([0, 2, 3])) ?? []
      assert.ok(under.every((each) => each === undefined))
    },
  },
  {
    name: 'removed entries are left out, and told apart from those that never were',
    async run({ store, removeEntries }) {
      await commitInGroups(store, entries, [1, 40, 200])
      const { root } = store
      const after = await removeEntries?.(REMOVED, UNDER)
      if (!after) return
      const left = entries.map((_, seq) => seq).filter(isLeft)
      assert.deepEqual(await seqsOf(after, false), left)
      assert.deepEqual(await seqsOf(after, true), left.toReversed())
      assert.equal(after.size, COUNT)
      assert.deepEqual(after.root, root)
      assert.equal(after.removedEntries, REMOVED.length)
      const asked = [0, 3, 255, 698, 699, COUNT, -1, 0.5]
      const read = await after.read(asked)
      assert.deepEqual(
        read.map((bytes) => bytes !== undefined),
        [false, true, false, false, true, false, false, false],
      )
      const nowhere = [undefined, undefined, undefined, undefined]
      assert.deepEqual(await after.removedUnder?.(asked), [UNDER, undefined, UNDER, UNDER, ...nowhere])
      for (const seq of [0, 300]) {
        const { leafHash } = entries[seq] as (typeof entries)[0]
        assert.deepEqual(Buffer.from(await leafHashAt(seq, after)), Buffer.from(leafHash))
      }
      assert.deepEqual(Buffer.from(hashLeaf(read[1] as Uint8Array)), Buffer.from(await leafHashAt(3, after)))
    },
  },
  {
    name: 'no index leads to a removed entry but that of the ids of callers, which stay taken',
    async run({ store, removeEntries }) {
      await commitInGroups(store, entries, [1, 40, 200])
      const after = await removeEntries?.(REMOVED, UNDER)
      if (!after) return
      const ofSession = entries.map((_, seq) => seq).filter((seq) => seq % 3 === 0 && isLeft(seq))
      assert.deepEqual(await drain(after.postings('session', ['s-0'], EVERYTHING)), ofSession)
      assert.equal(await after.countPostings('session', ['s-0', 't'], EVERYTHING), ofSession.length)
      assert.ok((await collect(after.firstOfEach('run'))).every(isLeft))
      assert.deepEqual(await after.openRuns(), entries.map((_, seq) => seq).filter(isLeft))
      const again = await after.commit([sealedEntry({ id: 'id-256' }), sealedEntry({ id: 'new' })])
      assert.deepEqual(Array.from(again.seqs), [256, COUNT])
      const ids = ['id-256', 'id-4', 'id-1'].map((id) => ({ tenantId: 't', id }))
      assert.deepEqual(await after.positionsOf(ids), [256, 4, undefined])
    },
  },
]
