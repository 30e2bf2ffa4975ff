import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Level } from 'level'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { sealedEntries } from '../../testing/index.js'
import { rootAt } from '../../tree/index.js'
import type { AuditStore, SealedEntry } from '../contract.js'
import { openDatabase } from './database.js'
import { readHead } from './entries/head.js'
import { StoredTiles } from './entries/stored-tiles.js'
import { NameHashes } from './hash-key.js'
import { levelStore } from './index.js'
import { IndexDatabase, indexPath } from './indexes/database.js'
import { IndexTail } from './indexes/tail.js'

const EVERYTHING = { from: 0, to: Number.MAX_SAFE_INTEGER, reverse: false }
const POSTINGS = 600
/** Positions of a run that has few entries. */
const FEW = [5, 300, 301]

let store: AuditStore
/** Items that iterators handed out since the log was written. */
let read: number
/** The number of times that iterators were asked for them. */
let asked: number

beforeEach(async () => {
  const location = await mkdtemp(join(tmpdir(), 'spanledger-'))
  const entries = sealedEntries(POSTINGS, (n) => ({
    tenantId: `t-${n % 2}`,
    data: { name: 'x'.repeat(1000) },
    ...(FEW.includes(n) ? { runId: 'r-1' } : {}),
  }))
  store = levelStore(location)
  await store.open()
  await store.commit(entries)
  await store.close()
  await fileOneByOne(location, entries)
  await store.open()
  read = 0
  asked = 0
  const { iterator } = Level.prototype
  vi.spyOn(Level.prototype, 'iterator').mockImplementation(function (this: Level, options?: object) {
    const made = iterator.call(this, options ?? {})
    const nextv = made.nextv.bind(made)
    made.nextv = async (size: number) => {
      asked++
      const items = await nextv(size)
      read += items.length
      return items
    }
    return made
  })
})

/** Derives the index anew, with a posting for each entry: this is what many short openings leave. */
async function fileOneByOne(location: string, entries: readonly SealedEntry[]): Promise<void> {
  const { db, close } = await openDatabase(location)
  const { id, hashKey, tree, removedEntries } = await readHead(db, location)
  const tiles = new StoredTiles(db)
  const path = indexPath(location)
  await rm(path, { recursive: true })
  const hashes = new NameHashes(hashKey)
  const index = await IndexDatabase.open(path, { id, size: tree.size, removedEntries, hashes, tiles, location })
  let lastTimeBlocks: IndexTail['lastTimeBlocks'] = []
  for (const [seq, entry] of entries.entries()) {
    const tail = new IndexTail(seq, lastTimeBlocks)
    tail.add([entry], entry.bytes.length)
    lastTimeBlocks = tail.lastTimeBlocks
    await index.write(tail, await rootAt(seq + 1, tree.size, tiles))
  }
  await index.close()
  await close()
}

afterEach(async () => {
  vi.restoreAllMocks()
  await store.close()
  await rm(store.location, { recursive: true })
})

describe('of many postings', () => {
  it.each([false, true])(
    'a cursor sent far ahead reads only those around its target (reverse: %s)',
    async (reverse) => {
      const cursor = store.postings('tenant', ['t-0'], { ...EVERYTHING, reverse })
      await cursor.next()
      const target = reverse ? 20 : POSTINGS - 20
      expect((await cursor.next(target))?.[0]).toBe(target)
      await cursor.close()
      expect(read).toBeLessThan(40)
    },
  )

  it('those that were read together make one chunk', async () => {
    const cursor = store.postings('tenant', ['t-0'], EVERYTHING)
    expect((await cursor.next())?.length).toBe(read)
    expect(read).toBeGreaterThan(8)
    await cursor.close()
  })

  it.each([false, true])('a value that has few is read to its end in one go (reverse: %s)', async (reverse) => {
    const cursor = store.postings('run', ['r-1'], { ...EVERYTHING, reverse })
    const found: number[] = []
    for (let chunk = await cursor.next(); chunk; chunk = await cursor.next()) found.push(...chunk)
    expect(found).toEqual(reverse ? FEW.toReversed() : FEW)
    expect(asked).toBeGreaterThan(0)
    expect(asked).toBeLessThanOrEqual(reverse ? 2 : 1)
  })

  it('the distinct values are found by stepping over the rest of each', async () => {
    const firsts: number[] = []
    for await (const first of store.firstOfEach('tenant')) firsts.push(first)
    expect(firsts.sort()).toEqual([0, 1])
    expect(read).toBeLessThan(POSTINGS / 2)
  })

  it('a count reads no more than its limit asks for', async () => {
    expect(await store.countPostings('tenant', ['t-0'], EVERYTHING, 5)).toBe(5)
    expect(read).toBeLessThan(20)
  })

  it('a first page of entries is read without the others', async () => {
    for await (const chunk of store.entries(EVERYTHING)) {
      expect(chunk[0]?.seq).toBe(0)
      break
    }
    expect(read).toBeLessThan(20)
  })
})
