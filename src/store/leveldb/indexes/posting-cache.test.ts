import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Level } from 'level'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { sealedEntries } from '../../../testing/index.js'
import type { AuditStore, Walk } from '../../contract.js'
import { levelStore } from '../index.js'
import { PostingCache } from './posting-cache.js'
import type { StoredPosting } from './posting-run.js'

const EVERYTHING = { from: 0, to: Number.MAX_SAFE_INTEGER, reverse: false }
/** Entries of which the index writes its batches, so that few of them are in memory only. */
const BATCH = 1024
const BATCHES = 40

let store: AuditStore
/** How often an iterator was asked for items. */
let asked: number

beforeEach(async () => {
  store = levelStore(await mkdtemp(join(tmpdir(), 'spanledger-')))
  await store.open()
  for (let n = 0; n < BATCHES; n++) await store.commit(entriesOf(n))
  await store.close()
  await store.open()
  const { iterator } = Level.prototype
  vi.spyOn(Level.prototype, 'iterator').mockImplementation(function (this: Level, options?: object) {
    const made = iterator.call(this, options ?? {})
    const nextv = made.nextv.bind(made)
    made.nextv = (size: number) => {
      asked++
      return nextv(size)
    }
    return made
  })
  asked = 0
})

afterEach(async () => {
  vi.restoreAllMocks()
  await store.close()
  await rm(store.location, { recursive: true })
})

/** In each batch a run, and each position in one of two tenants. */
function entriesOf(batch: number) {
  return sealedEntries(BATCH, (n) => ({ tenantId: `t-${n % 2}`, sessionId: 's', runId: `r-${batch % 4}` }))
}

async function positions(index: 'run' | 'tenant' | 'session', value: readonly string[], walk: Walk): Promise<number[]> {
  const cursor = store.postings(index, value, walk)
  const found: number[] = []
  for (let chunk = await cursor.next(); chunk; chunk = await cursor.next()) found.push(...chunk)
  await cursor.close()
  return found
}

/** Positions of a run by what the test wrote. */
function ofRun(run: number, { from, to, reverse }: Walk): number[] {
  const size = Math.min(to, store.size)
  const all = Array.from({ length: size - from }, (_, at) => from + at)
  const found = all.filter((seq) => Math.floor(seq / BATCH) % 4 === run)
  return reverse ? found.reverse() : found
}

describe('postings that were read', () => {
  it('are not read again', async () => {
    const first = await positions('run', ['r-1'], EVERYTHING)
    expect(asked).toBeGreaterThan(0)
    asked = 0
    expect(await positions('run', ['r-1'], EVERYTHING)).toEqual(first)
    expect(await positions('run', ['r-1'], { ...EVERYTHING, from: first[5] as number })).toEqual(first.slice(5))
    expect(await store.countPostings('run', ['r-1'], EVERYTHING)).toBe(first.length)
    expect(asked).toBe(0)
  })

  it('are read further from where the last walk ended', async () => {
    const whole = await store.countPostings('tenant', ['t-0'], EVERYTHING)
    const ofAll = asked
    await store.close()
    await store.open()
    asked = 0
    const cursor = store.postings('tenant', ['t-0'], EVERYTHING)
    await cursor.next()
    await cursor.close()
    const ofFirst = asked
    expect(await positions('tenant', ['t-0'], EVERYTHING)).toHaveLength(whole)
    expect(asked).toBeLessThanOrEqual(ofAll + ofFirst)
  })

  it('are those of every tenant that has a session of the same id', async () => {
    const first = await positions('session', ['s'], EVERYTHING)
    expect(first).toHaveLength(store.size)
    asked = 0
    expect(await positions('session', ['s'], EVERYTHING)).toEqual(first)
    expect(asked).toBe(0)
    await store.commit(sealedEntries(3 * BATCH, () => ({ tenantId: 't-new', sessionId: 's' })))
    expect(await positions('session', ['s'], EVERYTHING)).toHaveLength(store.size)
  })

  it('are joined by those that come later', async () => {
    for (let n = BATCHES; n < BATCHES + 8; n++) {
      for (const reverse of [false, true]) {
        const walk = { ...EVERYTHING, reverse }
        expect(await positions('run', ['r-2'], walk)).toEqual(ofRun(2, walk))
      }
      await store.commit(entriesOf(n))
    }
  })

  it('answer any walk, whichever was asked before it', async () => {
    const size = store.size
    for (let n = 0; n < 60; n++) {
      const from = (n * 7919) % size
      const walk = { from, to: Math.min(size, from + 1 + ((n * 104_729) % size)), reverse: n % 3 === 0 }
      expect(await positions('run', [`r-${n % 4}`], walk)).toEqual(ofRun(n % 4, walk))
      expect(await store.countPostings('run', [`r-${n % 4}`], walk)).toBe(ofRun(n % 4, walk).length)
    }
  })
})

describe('a cache of postings', () => {
  const posting = (last: number, bytes = 10): StoredPosting => ({
    count: 1,
    first: last,
    last,
    value: new Uint8Array(bytes),
  })
  const key = (n: number) => Buffer.from(`value ${n}`)

  it('keeps the values that were asked for last', () => {
    const cache = new PostingCache()
    const run = { from: 0, to: 10, postings: [posting(3, 100_000)] }
    for (let n = 0; n < 100; n++) {
      cache.addRun(key(n), false, run)
      cache.run(key(0), false)
    }
    expect(cache.run(key(0), false)).toBeDefined()
    expect(cache.run(key(99), false)).toBeDefined()
    expect(cache.run(key(1), false)).toBeUndefined()
  })

  it('keeps what it had of a value that has grown too large', () => {
    const cache = new PostingCache()
    cache.addRun(key(1), false, { from: 0, to: 10, postings: [posting(3)] })
    cache.addRun(key(1), false, { from: 10, to: 20, postings: [posting(13, 2 ** 20)] })
    expect(cache.run(key(1), false)?.to).toBe(10)
  })

  it('joins what adjoins or overlaps, and gives up what does not', () => {
    const cache = new PostingCache()
    cache.addRun(key(1), false, { from: 0, to: 10, postings: [posting(3), posting(7)] })
    cache.addRun(key(1), false, { from: 5, to: 20, postings: [posting(7), posting(12)] })
    expect(cache.run(key(1), false)).toMatchObject({ from: 0, to: 20 })
    expect(cache.run(key(1), false)?.postings.map(({ last }) => last)).toEqual([3, 7, 12])
    expect(cache.run(key(1), true)).toBeUndefined()
    cache.addRun(key(1), false, { from: 30, to: 40, postings: [] })
    expect(cache.run(key(1), false)).toEqual({ from: 30, to: 40, postings: [] })
  })
})
