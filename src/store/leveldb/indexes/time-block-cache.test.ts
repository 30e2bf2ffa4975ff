import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Level } from 'level'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { sealedEntries } from '../../../testing/index.js'
import type { AuditStore, SeqRange } from '../../contract.js'
import { timeRanges } from '../../time-blocks.js'
import { levelStore } from '../index.js'

const EVERYTHING = { from: 0, to: Number.MAX_SAFE_INTEGER, reverse: false }
const ENTRIES = 3000
const FIRST_MILLIS = Date.UTC(2026, 0, 1)

let store: AuditStore

beforeEach(async () => {
  store = levelStore(await mkdtemp(join(tmpdir(), 'spanledger-')))
  await store.open()
  await store.commit(sealedEntries(ENTRIES, (n) => ({ time: second(n) })))
  // What is in memory is no concern of this.
  await store.close()
  await store.open()
})

afterEach(async () => {
  vi.restoreAllMocks()
  await store.close()
  await rm(store.location, { recursive: true })
})

function second(n: number): string {
  return `${new Date(FIRST_MILLIS + n * 1000).toISOString().slice(0, -1)}000000Z`
}

async function rangesOf(since: number, until: number, reverse = false): Promise<readonly SeqRange[]> {
  const ranges: SeqRange[] = []
  for await (const range of timeRanges(store, second(since), second(until), { ...EVERYTHING, reverse }))
    ranges.push(range)
  return ranges
}

it('a time window that is asked for again takes no iterator, nor does one beside it', async () => {
  expect(await rangesOf(600, 610)).toEqual([{ from: 512, to: 768 }])
  const iterator = vi.spyOn(Level.prototype, 'iterator')
  expect(await rangesOf(600, 610)).toEqual([{ from: 512, to: 768 }])
  expect(await rangesOf(100, 110)).toEqual([{ from: 0, to: 256 }])
  expect(await rangesOf(100, 600, true)).toEqual([{ from: 0, to: 768 }])
  expect(iterator).not.toHaveBeenCalled()
})

it('what comes later is found, also in the block that was the last one', async () => {
  expect(await rangesOf(9_000, 9_010)).toEqual([])
  const late = second(9_005)
  for (let round = 0; round < 4; round++) {
    const from = store.size
    await store.commit(sealedEntries(1, () => ({ time: late })))
    // So much is written to the database.
    await store.commit(sealedEntries(1500, (n) => ({ time: second(20_000 + n) })))
    for (const reverse of [false, true]) {
      const ranges = await rangesOf(9_000, 9_010, reverse)
      expect(ranges.some((range) => range.from <= from && from < range.to)).toBe(true)
    }
  }
})
