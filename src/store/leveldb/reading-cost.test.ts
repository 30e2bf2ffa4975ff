import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Level } from 'level'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { sealedEntries } from '../../testing/index.js'
import type { AuditStore } from '../contract.js'
import { levelStore } from './index.js'

const EVERYTHING = { from: 0, to: Number.MAX_SAFE_INTEGER, reverse: false }
const POSTINGS = 600

let store: AuditStore
/** Items that iterators handed out since the log was written. */
let read: number
/** How often iterators were asked for them. */
let asked: number

beforeEach(async () => {
  store = levelStore(await mkdtemp(join(tmpdir(), 'spanledger-')))
  await store.open()
  // A posting for each entry: this is what small groups leave.
  for (const [n] of Array(POSTINGS).entries()) await store.commit(sealedEntries(1, () => ({ tenantId: `t-${n % 2}` })))
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
    for (const runId of ['r-1', 'r-2', 'r-1', 'r-1']) await store.commit(sealedEntries(1, () => ({ runId })))
    asked = 0
    const cursor = store.postings('run', ['r-1'], { ...EVERYTHING, reverse })
    const found: number[] = []
    for (let chunk = await cursor.next(); chunk; chunk = await cursor.next()) found.push(...chunk)
    expect(found.sort()).toEqual([POSTINGS, POSTINGS + 2, POSTINGS + 3])
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
