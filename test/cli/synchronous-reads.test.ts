import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Level } from 'level'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { openAuditLogReader } from '../../src/reader/index.js'
import { levelStore } from '../../src/store/leveldb/index.js'
import { sealedEntries } from '../../src/testing/index.js'
import { run } from './command-line.js'

/** Full blocks, and a small one at the end. */
const ENTRIES = 1000

let directory: string
/** Keys that were read on the calling thread, and on LevelDB's. */
let here: number
let elsewhere: number

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'spanledger-'))
  const store = levelStore(directory)
  await store.open()
  await store.commit(sealedEntries(ENTRIES, (n) => ({ runId: `r-${n % 50}` })))
  await store.close()
  const { getSync, getMany } = Level.prototype
  vi.spyOn(Level.prototype, 'getSync').mockImplementation(function (this: Level, ...args: unknown[]) {
    here++
    return Reflect.apply(getSync, this, args) as string
  })
  vi.spyOn(Level.prototype, 'getMany').mockImplementation(function (this: Level, ...args: unknown[]) {
    if (isOfBlocks((args[0] as Uint8Array[])[0])) elsewhere++
    return Reflect.apply(getMany, this, args) as Promise<string[]>
  })
  here = 0
  elsewhere = 0
})

afterEach(async () => {
  vi.restoreAllMocks()
  await rm(directory, { recursive: true })
})

/** Tells a key of the database `entries` that stands for a block or a page of the directory. */
function isOfBlocks(key: Uint8Array | undefined): boolean {
  return key !== undefined && key.length === 10 && key[0] === 1 && (key[9] === 2 || key[9] === 3)
}

it('the command line reads single blocks on its own thread', async () => {
  const { code, out } = await run(['query', '--log', directory, '--run', 'r-7', '--jsonl'])
  expect(code).toBe(0)
  expect(out.trim().split('\n')).toHaveLength(ENTRIES / 50)
  expect(here).toBeGreaterThan(0)
  expect(elsewhere).toBe(0)
})

it('a reader in a service leaves the disk to another thread', async () => {
  await using log = await openAuditLogReader(directory)
  expect(await log.events({ runId: 'r-7' }).toArray()).toHaveLength(ENTRIES / 50)
  expect(await log.get(3)).toBeDefined()
  expect(here).toBe(0)
  expect(elsewhere).toBeGreaterThan(0)
})

it('a reader has no option for it', async () => {
  const options = { synchronous: true } as object
  await expect(openAuditLogReader(directory, options)).rejects.toThrow(/synchronous/)
})
