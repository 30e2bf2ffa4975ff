import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { sealedEntries } from '../../../testing/index.js'
import { openDatabase } from '../database.js'
import { levelStore } from '../index.js'
import { encodeBlock } from './block.js'
import { blockKey } from './keys.js'

let directory: string

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'spanledger-'))
})

afterEach(() => rm(directory, { recursive: true }))

it('a reader of a removed entry is told so, and of the others gets what they are', async () => {
  const written = levelStore(directory)
  await written.open()
  const entries = sealedEntries(3)
  await written.commit(entries)
  await written.close()
  const { db, close } = await openDatabase(directory)
  const [first, , third] = entries as [(typeof entries)[0], unknown, (typeof entries)[0]]
  await db.put(blockKey(0), Buffer.from(encodeBlock([first, { removedUnder: 2, idDigest: undefined }, third])))
  await close()

  const store = levelStore(directory)
  await store.open()
  try {
    expect((await store.read([0, 2])).map((bytes) => Buffer.from(bytes ?? []))).toEqual(
      [first, third].map(({ bytes }) => Buffer.from(bytes)),
    )
    const told = { code: 'AUDIT_LOG_CORRUPT', message: expect.stringContaining('entry 1 of 3 is marked as removed') }
    await expect(store.read([1])).rejects.toMatchObject(told)
    const walk = store.entries({ from: 0, to: 3, reverse: false })[Symbol.asyncIterator]()
    await expect(walk.next()).rejects.toMatchObject(told)
  } finally {
    await store.close()
  }
})
