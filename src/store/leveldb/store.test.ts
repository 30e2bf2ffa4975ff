import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { Level } from 'level'
import { describe, expect, it, vi } from 'vitest'
import { base, change, directory, useLevelLogs } from '../../../test/support/level-logs.js'
import { batchPrototype, type RawDatabase } from '../../../test/support/raw-database.js'
import { hex, leafHash, ReferenceTree } from '../../../test/support/reference-tree.js'
import { removeEntries } from '../../../test/support/remove-entries.js'
import { EVERYTHING } from '../../testing/conformance/case.js'
import { sealedEntries, sealedEntry, storeConformance } from '../../testing/index.js'
import { hashLeaf, TreeFrontier } from '../../tree/index.js'
import type { SealedEntry } from '../contract.js'
import { timeRanges } from '../time-blocks.js'
import { blockKey, pageKey } from './entries/keys.js'
import { levelStore } from './index.js'

describe('levelStore keeps the store contract:', () => {
  storeConformance({
    test: it,
    create: async () => levelStore(await mkdtemp(join(tmpdir(), 'spanledger-'))),
    reopen: (closed) => levelStore(closed.location),
    removeEntries: (closed, seqs, under) => removeEntries(closed.location, seqs, under),
    remove: (closed) => rm(closed.location, { recursive: true }),
  })
})

useLevelLogs()

describe('a LevelDB log', () => {
  it('refuses a commit while another is under way', async () => {
    const store = levelStore(directory)
    await store.open()
    const first = store.commit(sealedEntries(10))
    await expect(store.commit(sealedEntries(1))).rejects.toThrow(TypeError)
    expect((await first).size).toBe(10)
    await store.close()
  })

  it('reports an entry missing from the middle instead of skipping it', async () => {
    const store = levelStore(directory)
    await store.open()
    // Each commit is a full block.
    for (let n = 0; n < 3; n++) await store.commit(sealedEntries(1, () => ({ data: { name: 'x'.repeat(20_000) } })))
    await store.close()
    await change((db) => db.del(blockKey(1)))
    await store.open()
    const readAll = async (reverse: boolean) => {
      for await (const _ of store.entries({ ...EVERYTHING, reverse }));
    }
    const missing = { code: 'AUDIT_LOG_CORRUPT', message: expect.stringContaining('entry 1 of 3 is missing') }
    await expect(readAll(false)).rejects.toMatchObject(missing)
    await expect(readAll(true)).rejects.toMatchObject(missing)
    await expect(store.read([0, 1])).rejects.toMatchObject(missing)
    expect(await store.read([0, 2])).toHaveLength(2)
    await store.close()
  })

  it('reports a page of its directory that is missing or malformed', async () => {
    for (const [spoil, message] of [
      [(db: RawDatabase) => db.del(pageKey(0)), 'page 0 of its directory is missing'],
      [(db: RawDatabase) => db.put(pageKey(0), Buffer.alloc(3)), 'malformed'],
      [(db: RawDatabase) => db.put(pageKey(0), Buffer.alloc(40)), 'tells of no block'],
    ] as const) {
      const store = levelStore(directory)
      await store.open()
      await store.commit(sealedEntries(300))
      await store.close()
      await change(spoil)
      await store.open()
      const damaged = { code: 'AUDIT_LOG_CORRUPT', message: expect.stringContaining(message) }
      await expect(store.read([1])).rejects.toMatchObject(damaged)
      await expect(store.entries(EVERYTHING)[Symbol.asyncIterator]().next()).rejects.toMatchObject(damaged)
      await store.close()
      await rm(directory, { recursive: true })
    }
  })

  it('closes its iterators when a reader stops early', async () => {
    const store = levelStore(directory)
    await store.open()
    for (let n = 0; n < 3; n++) await store.commit(sealedEntries(2_000, (m) => ({ runId: `${n}-${m}` })))
    // What is in memory takes no iterator.
    await store.close()
    await store.open()
    const iterators = vi.spyOn(Level.prototype, 'iterator')

    for await (const _ of store.entries(EVERYTHING)) break
    for await (const _ of store.firstOfEach('run')) break
    for await (const _ of store.timeBlocks(0, EVERYTHING)) break
    for (const reverse of [false, true]) {
      const cursor = store.postings('session', ['s'], { ...EVERYTHING, reverse })
      await cursor.next(1_000)
      await cursor.close()
      // Of another value: what was read of the first one takes no iterator.
      const interrupted = store.postings('agent', ['planner'], { ...EVERYTHING, reverse })
      const reading = interrupted.next(1_000)
      // It has begun to read then.
      await setImmediate()
      await interrupted.close()
      await reading
    }
    await store.countPostings('tenant', ['t'], EVERYTHING, 1)

    expect(iterators.mock.results.length).toBeGreaterThan(6)
    for (const { value: iterator } of iterators.mock.results) {
      await expect(iterator.next()).rejects.toMatchObject({ code: 'LEVEL_ITERATOR_NOT_OPEN' })
    }
    await store.close()
  })
})

it('has the root of the tree that RFC 6962 defines over its entries, however they were committed', async () => {
  const lengths = [1, 7, 64, 1_024, 1, 2, 255, 300]
  const entries = sealedEntries(lengths.reduce((sum, length) => sum + length))
  const tree = new ReferenceTree((index) => leafHash((entries[Number(index)] as SealedEntry).bytes))
  const pure = entries.map(({ bytes }) => hashLeaf(bytes))
  const store = levelStore(directory)
  await store.open()
  let size = 0
  for (const length of lengths) {
    await store.commit(entries.slice(size, size + length))
    size += length
    const root = Buffer.from(store.root).toString('hex')
    expect(root).toBe(hex(tree.hash(0n, BigInt(size))))
    expect(root).toBe(hex(TreeFrontier.empty.append(pure.slice(0, size)).frontier.root))
    if (size % 2 === 0) continue
    await store.close()
    await store.open()
    expect(Buffer.from(store.root).toString('hex')).toBe(root)
  }
  await store.close()
})

describe('a commit to LevelDB', () => {
  it('is one batch, which is on disk before it resolves', async () => {
    const store = levelStore(directory)
    await store.open()
    const writes = vi.spyOn(await batchPrototype(base), 'write')
    await store.commit(
      sealedEntries(700, (n) => ({ id: `chosen-${n}`, runId: `r-${n}`, time: '2026-05-05T00:00:00Z' })),
    )
    expect(writes.mock.calls).toEqual([[{ sync: true }]])
    await store.close()
  })

  it('shows nothing until it resolves, though the database has it', async () => {
    const store = levelStore(directory)
    await store.open()
    await store.commit(sealedEntries(2))
    const prototype = await batchPrototype(base)
    const { write } = prototype
    const seen: unknown[] = []
    vi.spyOn(prototype, 'write').mockImplementationOnce(async function (this: unknown, options) {
      await write.call(this, options)
      for await (const chunk of store.entries(EVERYTHING)) seen.push(chunk.length)
      for await (const first of store.firstOfEach('tenant')) seen.push(first)
      for await (const range of timeRanges(store, undefined, undefined, EVERYTHING)) seen.push(range.to)
      seen.push(await store.countPostings('type', ['custom'], EVERYTHING))
      seen.push(await store.postings('type', ['custom'], { ...EVERYTHING, reverse: true }).next())
      seen.push(await store.read([2]))
    })
    await store.commit(sealedEntries(3, () => ({ tenantId: 'new' })))
    expect(seen).toEqual([2, 0, 2, 2, [1, 0], [undefined]])
    expect(store.size).toBe(5)
    await store.close()
  })

  it('is kept when the log is closed meanwhile', async () => {
    const store = levelStore(directory)
    await store.open()
    const committing = store.commit([sealedEntry({ id: 'chosen' }), sealedEntry()])
    await store.close()
    expect((await committing).size).toBe(2)
    await store.open()
    expect(store.size).toBe(2)
    await store.close()
  })
})
