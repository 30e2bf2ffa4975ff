import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { entrySlot } from '../../src/store/leveldb/entries/block.js'
import { blockKey, headKey, pageKey } from '../../src/store/leveldb/entries/keys.js'
import { removeEntries } from '../support/remove-entries.js'
import {
  blockOf,
  entryAt,
  putBlock,
  type RawDatabase,
  replaceSlot,
  slotsOf,
  spanledger,
  tamper,
  verdict,
  writeLog,
} from './tampered-log.js'

let log: Awaited<ReturnType<typeof writeLog>>
let size: number
beforeAll(async () => {
  log = await writeLog([650])
  size = (await verdict(log.directory, '-k', log.vkey)).report.size
})
afterAll(() => log.remove())

async function altered(change: (db: RawDatabase) => Promise<unknown>) {
  const directory = await log.copy()
  await tamper(directory, change)
  return await verdict(directory, '-k', log.vkey, '--entries-only')
}

describe('a block', () => {
  it('with lying length fields is none, and its entries are missing', async () => {
    let block = { firstSeq: 0, end: 0 }
    const { code, report } = await altered(async (db) => {
      block = await blockOf(db, 300)
      const value = await db.get(blockKey(block.firstSeq))
      value.writeUInt32BE(value.readUInt32BE(2) + 1_000_000, 2)
      await db.put(blockKey(block.firstSeq), value)
    })
    const missing = report.problems.find(({ kind }) => kind === 'entry_missing')
    expect({ code, missing: missing?.entries }).toEqual({ code: 5, missing: [{ from: block.firstSeq, to: block.end }] })
    expect(report.problems.map(({ kind }) => kind)).toContain('database_unreadable')
  })

  it('that claims more slots than it has is none', async () => {
    const { code, kinds } = await altered((db) => db.put(blockKey(0), Buffer.of(0xff, 0xff, 0, 0)))
    expect({ code, first: kinds.includes('database_unreadable') }).toEqual({ code: 5, first: true })
  })

  it('that holds entries of the next one as well is unexpected', async () => {
    let second = { firstSeq: 0, end: 0 }
    const { code, report } = await altered(async (db) => {
      const first = await blockOf(db, 0)
      second = await blockOf(db, first.end)
      await putBlock(db, 0, [...slotsOf(first), ...slotsOf(second as never).slice(0, 1)])
    })
    const found = report.problems.find(({ kind }) => kind === 'entry_unexpected')
    expect({ code, entries: found?.entries }).toEqual({
      code: 5,
      entries: [{ from: second.firstSeq, to: second.firstSeq + 1 }],
    })
  })

  it('between whose keys something else stands is told', async () => {
    expect(await altered((db) => db.put(Buffer.concat([blockKey(0), Buffer.of(1)]), Buffer.alloc(3)))).toMatchObject({
      code: 5,
      kinds: ['record_unknown'],
    })
  })
})

describe('a head', () => {
  it.each([0, 40, 48])('that tells of positions behind the end, from byte %i on, is altered', async (at) => {
    const { code, kinds } = await altered(async (db) => {
      const head = await db.get(headKey(size))
      head.fill(0xff, at, at + 8)
      await db.put(headKey(size), head)
    })
    expect({ code, isNamed: kinds.includes('head_altered') }).toEqual({ code: 5, isNamed: true })
  })
})

describe('a page of the directory', () => {
  it.each([
    ['leads to no block', (page: Buffer) => page.writeUInt8((page[20] as number) ^ 0xff, 20)],
    ['leads to the wrong block before it', (page: Buffer) => page.writeUInt8(1, 6)],
  ])('that %s is altered', async (_, change) => {
    const { code, kinds, report } = await altered(async (db) => {
      const page = await db.get(pageKey(1))
      change(page)
      await db.put(pageKey(1), page)
    })
    expect({ code, kinds }).toEqual({ code: 5, kinds: ['directory_altered'] })
    expect(report.problems[0]?.entries).toEqual([{ from: 256, to: 512 }])
  })

  it('that is missing is altered', async () => {
    expect(await altered((db) => db.del(pageKey(1)))).toMatchObject({ code: 5, kinds: ['directory_altered'] })
  })
})

describe('an entry that was removed', () => {
  it('is counted, keeps its leaf hash in the tree, and is altered as long as no entry records a removal', async () => {
    const directory = await log.copy()
    await removeEntries(directory, [40, 41, 300], size - 1)
    const { code, report } = await verdict(directory, '-k', log.vkey)
    expect({ code, removed: report.removedEntries, proven: report.provenSize }).toEqual({
      code: 5,
      removed: 3,
      proven: size,
    })
    expect(report.problems.map(({ kind }) => kind)).toEqual(['removal_unrecorded'])
    expect((await spanledger('verify', directory, '-k', log.vkey)).out).toContain('3 entries were removed')
  })

  it('is altered wherever its mark points', async () => {
    for (const under of [size, 41, 2 ** 40]) {
      const directory = await log.copy()
      await removeEntries(directory, [40], under)
      expect(await verdict(directory, '-k', log.vkey)).toMatchObject({ code: 5, kinds: ['removal_unrecorded'] })
    }
  })

  it('is altered where the head knows of other removals than there are', async () => {
    const directory = await log.copy()
    await removeEntries(directory, [40, 41], size - 1)
    await removeEntries(directory, [42], size - 1, { isStated: false })
    const { report } = await verdict(directory, '-k', log.vkey)
    const problem = report.problems.find(({ kind }) => kind === 'head_altered')
    expect(problem?.message).toContain('by the head 2 entries were removed, by the blocks 3')
  })

  it('does not hide another entry: the rest is compared as before', async () => {
    const found = altered(async (db) => {
      await replaceSlot(db, 40, { removedUnder: size - 1, idDigest: undefined })
      await replaceSlot(db, 41, entrySlot(await entryAt(db, 42), false))
    })
    const { report } = await found
    expect(report.problems.find(({ kind }) => kind === 'entry_altered')?.entries).toEqual([{ from: 41, to: 42 }])
  })
})

describe('a log of format 2', () => {
  it('is refused, and how to read it is told', async () => {
    const directory = join(log.root, 'former')
    await mkdir(join(directory, 'db'), { recursive: true })
    await writeFile(join(directory, 'db', 'CURRENT'), 'MANIFEST-000001\n')
    const { code, err } = await spanledger('verify', directory)
    expect({ code, isRefused: err.includes('spanledger@0.1.0') }).toEqual({ code: expect.any(Number), isRefused: true })
    expect(code).toBeGreaterThan(5)
    await rm(directory, { recursive: true })
  })
})
