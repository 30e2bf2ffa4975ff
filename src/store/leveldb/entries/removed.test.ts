import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { removeEntries } from '../../../../test/support/remove-entries.js'
import { sealedEntries } from '../../../testing/index.js'
import { openDatabase } from '../database.js'
import { levelStore } from '../index.js'
import { REMOVED_KEY } from './head.js'

let directory: string

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'spanledger-'))
  const store = levelStore(directory)
  await store.open()
  await store.commit(sealedEntries(3))
  await store.close()
})

afterEach(() => rm(directory, { recursive: true }))

it('a mark of a removal that the head does not know of is damage, and the other entries are what they are', async () => {
  await removeEntries(directory, [1], 2, { isStated: false })
  const store = levelStore(directory)
  await store.open()
  try {
    expect((await store.read([0, 2])).every((bytes) => bytes !== undefined)).toBe(true)
    const told = { code: 'AUDIT_LOG_CORRUPT', message: expect.stringContaining('entry 1 of 3 is marked as removed') }
    await expect(store.read([1])).rejects.toMatchObject(told)
    const walk = store.entries({ from: 0, to: 3, reverse: false })[Symbol.asyncIterator]()
    await expect(walk.next()).rejects.toMatchObject(told)
  } finally {
    await store.close()
  }
})

it.each([
  ['of zero', Buffer.alloc(8)],
  ['of more than there are', Buffer.from('0000000000000004', 'hex')],
  ['of too many to count', Buffer.alloc(8, 0xff)],
  ['without a number', Buffer.from('3')],
])('a number of removed entries %s is damage', async (_, value) => {
  const { db, close } = await openDatabase(directory)
  await db.put(REMOVED_KEY, value)
  await close()
  await expect(levelStore(directory).open()).rejects.toMatchObject({ code: 'AUDIT_LOG_CORRUPT' })
})

it('what is committed after a removal keeps the marks, also where small blocks become full ones', async () => {
  await removeEntries(directory, [1], 2)
  const store = levelStore(directory)
  await store.open()
  for (let n = 0; n < 10; n++) await store.commit(sealedEntries(20))
  expect(await store.removedUnder?.([0, 1, 2, 202])).toEqual([undefined, 2, undefined, undefined])
  expect([store.size, store.removedEntries]).toEqual([203, 1])
  await store.close()
  await store.open()
  expect(await store.removedUnder?.([1])).toEqual([2])
  await store.close()
})
