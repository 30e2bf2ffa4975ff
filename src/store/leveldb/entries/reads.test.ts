import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Level } from 'level'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { sealedEntries } from '../../../testing/index.js'
import type { AuditStore } from '../../contract.js'
import { openDatabase } from '../database.js'
import { levelStore } from '../index.js'
import type { Database } from '../load-level.js'
import { BlockCache } from './block-cache.js'
import { type Head, readHead } from './head.js'
import { EntryReads } from './reads.js'
import { writeGroup } from './write-group.js'

let directory: string
let store: AuditStore

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'spanledger-'))
  store = levelStore(directory)
  await store.open()
})

afterEach(async () => {
  await store.close()
  await rm(directory, { recursive: true })
})

async function walked(from: number, reverse: boolean): Promise<readonly number[]> {
  const seqs: number[] = []
  for await (const chunk of store.entries({ from, to: store.size, reverse })) seqs.push(...chunk.map(({ seq }) => seq))
  return seqs
}

describe('reading entries of a log that is written', () => {
  it('finds all of them after a larger block has taken the place of small ones that were read', async () => {
    for (let group = 0; group < 120; group++) {
      await store.commit(sealedEntries(1 + (group % 3)))
      const from = Math.max(0, store.size - 200)
      const all = Array.from({ length: store.size - from }, (_, at) => from + at)
      expect(await walked(from, false)).toEqual(all)
      expect(await walked(from, true)).toEqual(all.toReversed())
      expect((await store.read(all)).every((bytes) => bytes !== undefined)).toBe(true)
    }
  })
})

describe('the end of a log that is written', () => {
  afterEach(() => {
    vi.restoreAllMocks()
  })

  it('is read from memory, as is what was read twice before', async () => {
    for (let group = 0; group < 30; group++) await store.commit(sealedEntries(10))
    const all = Array.from({ length: store.size }, (_, seq) => seq)
    const before = await store.read(all)
    await store.read(all)
    const methods = (['getMany', 'iterator', 'snapshot'] as const).map((name) => vi.spyOn(Level.prototype, name))
    expect(await store.read(all)).toEqual(before)
    expect(await walked(store.size - 100, true)).toEqual(all.slice(-100).reverse())
    for (const method of methods) expect(method).not.toHaveBeenCalled()
  })

  it('is not changed by who got a part of it', async () => {
    await store.commit(sealedEntries(3))
    const [bytes] = await store.read([1])
    const original = Buffer.from(bytes as Uint8Array)
    bytes?.fill(0)
    expect(await store.read([1])).toEqual([new Uint8Array(original)])
    // The small block is written anew with what makes it full.
    await store.commit(sealedEntries(100))
    await store.close()
    await store.open()
    expect(await store.read([1])).toEqual([new Uint8Array(original)])
  })

  it('is closed with the log', async () => {
    await store.commit(sealedEntries(3))
    await store.read([1])
    await store.close()
    for (const seqs of [[1], [], [99]])
      await expect(store.read(seqs)).rejects.toMatchObject({ code: 'AUDIT_LOG_CLOSED' })
  })
})

describe('reads that share a cache', () => {
  let db: Database
  let head: Head
  let closeDatabase: () => Promise<void>
  const cache = () => new BlockCache()
  const readsOf = (kept: BlockCache, database: Database = db) =>
    new EntryReads({ database: () => database, cache: kept, location: directory }, { ...head, size: head.tree.size })

  beforeEach(async () => {
    await store.close()
    const opened = await openDatabase(directory)
    db = opened.db
    closeDatabase = opened.close
    head = await readHead(db, directory)
  })
  afterEach(() => closeDatabase())

  const commit = async (...groups: readonly number[]) => {
    for (const count of groups) head = await writeGroup(db, head, sealedEntries(count), undefined)
  }
  const seqsOf = async (reads: EntryReads, from: number, to: number) => {
    const seqs: number[] = []
    for await (const chunk of reads.entries({ from, to, reverse: false })) seqs.push(...chunk.map(({ seq }) => seq))
    return seqs
  }
  const range = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => from + n)

  it('see the blocks of their own moment, also where another has kept the block that took their place', async () => {
    await commit(...range(0, 12).map(() => 1))
    const kept = cache()
    let isFirst = true
    // Between the pages and the blocks of a walk the small blocks become a large one, which another walk reads.
    const getMany = async (...args: Parameters<Database['getMany']>) => {
      const values = await db.getMany(...args)
      if (!isFirst) return values
      isFirst = false
      await commit(100, 100)
      expect(await seqsOf(readsOf(kept), 0, 212)).toEqual(range(0, 212))
      return values
    }
    const early = new Proxy(db, {
      get: (target, name) => (name === 'getMany' ? getMany : bound(target, name)),
    })
    expect(await seqsOf(readsOf(kept, early), 0, 12)).toEqual(range(0, 12))
  })

  it('let others have their turn, also where they are done on the calling thread', async () => {
    const large = sealedEntries(400, () => ({ data: { name: 'x'.repeat(4000) } }))
    head = await writeGroup(db, head, large, undefined)
    const state = { ...head, size: head.tree.size }
    const reads = new EntryReads({ database: () => db, cache: cache(), location: directory }, state, {
      synchronous: true,
    })
    const getMany = vi.spyOn(db, 'getMany')
    let turns = 0
    const turn = setImmediate(() => turns++)
    expect((await reads.read(range(0, 100))).every((bytes) => bytes !== undefined)).toBe(true)
    expect(turns).toBe(0)
    await reads.read(range(100, 400))
    clearImmediate(turn)
    expect(turns).toBe(1)
    expect(getMany).not.toHaveBeenCalled()
  })

  it('have the pages that they found in the cache when it makes room for others', async () => {
    await commit(300, 300, 300)
    const kept = cache()
    const reads = readsOf(kept)
    await reads.read([0])
    for (let page = 1_000; page < 1_000 + 4_095; page++) kept.addPage(page, new Uint8Array())
    expect((await reads.read([0, 300])).every((bytes) => bytes !== undefined)).toBe(true)
  })
})

/** A method of a database, which may be called on its own. */
function bound(target: Database, name: string | symbol): unknown {
  const value: unknown = Reflect.get(target, name)
  return typeof value === 'function' ? value.bind(target) : value
}
