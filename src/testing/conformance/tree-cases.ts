import assert from 'node:assert/strict'
import type { AuditStore, SealedEntry } from '../../store/contract.js'
import { proveConsistency, proveInclusion, TreeFrontier, verifyConsistency, verifyInclusion } from '../../tree/index.js'
import { sealedEntries, sealedEntry } from '../sealed-entry.js'
import { type ConformanceCase, commitInGroups } from './case.js'

function rootOf(entries: readonly SealedEntry[]): Uint8Array {
  return TreeFrontier.empty.append(entries.map(({ leafHash }) => leafHash)).frontier.root
}

/** Proves some entries, and that the tree grew from a smaller one, from what the store has kept of it. */
async function assertProvable(store: AuditStore, entries: readonly SealedEntry[]): Promise<void> {
  const size = entries.length
  const root = rootOf(entries)
  assert.deepEqual(Buffer.from(store.root), Buffer.from(root))
  for (const index of new Set([0, Math.floor(size / 2), size - 1])) {
    const proof = await proveInclusion(index, size, store)
    const { leafHash } = entries[index] as SealedEntry
    verifyInclusion({ index, size, leafHash, root, proof })
  }
  const size1 = Math.ceil(size / 3)
  const proof = await proveConsistency(size1, size, store)
  verifyConsistency({ size1, root1: rootOf(entries.slice(0, size1)), size2: size, root2: root, proof })
}

/** The tree over the entries, and checkpoints. */
export const treeCases: readonly ConformanceCase[] = [
  {
    name: 'an empty log has the root of the empty tree, and no checkpoint',
    async run({ store }) {
      assert.deepEqual(Buffer.from(store.root), Buffer.from(TreeFrontier.empty.root))
      assert.equal(store.checkpoint, undefined)
      assert.deepEqual(await store.readTiles([{ level: 0, index: 0, width: 1 }]), [undefined])
    },
  },
  ...[[1], [7, 300, 1], [256], [1_500]].map(
    (lengths): ConformanceCase => ({
      name: `any entry can be proved, in groups of ${lengths.join(', ')}, also by a store that was opened again`,
      async run({ store, reopen }) {
        const entries = sealedEntries(lengths[0] === 1 ? 300 : 1_500)
        await commitInGroups(store, entries, lengths)
        await assertProvable(store, entries)
        if (!reopen) return
        const again = await reopen()
        await assertProvable(again, entries)
        const more = sealedEntries(700)
        await commitInGroups(again, more, lengths[0] === 1 ? [350] : lengths)
        await assertProvable(again, [...entries, ...more])
      },
    }),
  ),
  {
    name: 'a repeated caller id is no second leaf',
    async run({ store }) {
      const [a, b] = [sealedEntry({ id: 'a' }), sealedEntry()]
      await store.commit([a, a, b])
      await store.commit([a])
      await assertProvable(store, [a, b])
    },
  },
  {
    name: 'the newest checkpoint is kept until a commit brings another',
    async run({ store, reopen }) {
      await store.commit(sealedEntries(1), { checkpoint: 'first\n' })
      await store.commit(sealedEntries(1))
      assert.equal(store.checkpoint, 'first\n')
      await store.commit([], { checkpoint: 'second\n' })
      assert.equal(store.size, 2)
      assert.equal((await reopen?.())?.checkpoint ?? store.checkpoint, 'second\n')
    },
  },
]
