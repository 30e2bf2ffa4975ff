import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openAuditLog } from '../../src/audit-log/index.js'
import { entrySlot } from '../../src/store/leveldb/entries/block.js'
import { type ReadKey, readKey } from '../../src/store/leveldb/entries/keys.js'
import { log, size, useGrownLog } from './grown-log.js'
import {
  dropEntry,
  entryAt,
  flipped,
  numbers,
  putBlock,
  type RawDatabase,
  replaceEntry,
  spanledger,
  tamper,
  verdict,
} from './tampered-log.js'

useGrownLog()

const entriesOf = (spans: readonly { readonly from: number; readonly to: number }[]) =>
  spans.flatMap(({ from, to }) => Array.from({ length: to - from }, (_, at) => from + at))

describe('an untouched log', () => {
  it('is verified, by its key and by every checkpoint that was kept of it', async () => {
    for (const { checkpoint } of log.states) {
      await writeFile(join(log.root, 'kept.txt'), checkpoint)
      const { code, report } = await verdict(log.directory, '-k', log.vkey, '-c', join(log.root, 'kept.txt'))
      expect(report.problems).toEqual([])
      expect({ code, proven: report.provenSize, size: report.size }).toEqual({ code: 0, proven: size, size })
    }
  })

  it('is verified by the key that lies beside it, and it is said what that is worth', async () => {
    const { code, out } = await spanledger('verify', log.directory)
    expect(code).toBe(0)
    expect(out).toContain('whoever can write there could have replaced it')
    expect((await spanledger('verify', log.directory, '-k', log.vkey)).out).not.toContain('could have')
  })

  it('is left as it is', async () => {
    const contents = async () => {
      const names = (await readdir(log.directory, { recursive: true, withFileTypes: true })).filter((each) =>
        each.isFile(),
      )
      return await Promise.all(
        names.map(async (each) => [each.name, (await readFile(join(each.parentPath, each.name))).toString('base64')]),
      )
    }
    const before = await contents()
    await verdict(log.directory)
    expect(await contents()).toEqual(before)
  })

  it('is verified while it is open, by the log and by readers', async () => {
    const directory = await log.copy()
    await using open = await openAuditLog(directory)
    await open.append({ type: 'custom', data: { name: 'more' } })
    expect(await open.verify()).toMatchObject({ status: 'verified', size: size + 1, provenSize: size + 1 })
    expect((await verdict(directory, '-k', log.vkey)).code).toBe(0)
  })
})

describe('one byte that is another', () => {
  it('of any entry is found, and the entry is named', async () => {
    const directory = await log.copy()
    const random = numbers(1)
    const seqs = new Set([0, 255, 256, size - 1, ...Array.from({ length: 20 }, () => random(size))])
    for (const seq of seqs) {
      let intact: Buffer = Buffer.alloc(0)
      await tamper(directory, async (db) => {
        intact = await entryAt(db, seq)
        await replaceEntry(db, seq, flipped(intact, random(intact.length), random(8)))
      })
      const { code, report } = await verdict(directory, '-k', log.vkey)
      const named = report.problems.find(({ kind }) => kind === 'entry_altered')
      expect({ code, named: entriesOf(named?.entries ?? []) }, `entry ${seq}`).toEqual({ code: 5, named: [seq] })
      await tamper(directory, (db) => replaceEntry(db, seq, intact))
    }
  })

  it('of any other record, in key or value, or its loss, is found', async () => {
    const directory = await log.copy()
    const random = numbers(2)
    const records: [Buffer, Buffer][] = []
    await tamper(directory, async (db) => {
      records.push(...(await db.iterator().all()))
    })
    const kindOf = (key: Buffer): ReadKey['kind'] | 'meta' => readKey(key)?.kind ?? 'meta'
    // Nothing reads a head or a checkpoint that a newer one has taken the place of.
    const last = new Map(records.map(([key]) => [kindOf(key), key]))
    const isRead = (key: Buffer, kind = kindOf(key)) =>
      (kind !== 'head' && kind !== 'checkpoint') || key === last.get(kind)
    const tested = records.filter(([key]) => kindOf(key) !== 'block' && isRead(key))
    expect(new Set(tested.map(([key]) => kindOf(key)))).toEqual(new Set(['meta', 'head', 'checkpoint', 'page', 'tile']))
    for (const [key, value] of tested) {
      const name = key.toString('hex')
      const changes: Record<string, (db: RawDatabase) => Promise<unknown>> = {
        // Behind size and root, the head tells where small blocks begin: that may be at another block as well.
        value: (db) => db.put(key, flipped(value, random(Math.min(value.length, 40)), random(8))),
        key: (db) =>
          db
            .batch()
            .del(key)
            .put(flipped(key, 1 + random(key.length - 1), random(8)), value)
            .write(),
        loss: (db) => db.del(key),
      }
      // The file has the checkpoint too.
      const isCheckpoint = kindOf(key) === 'checkpoint'
      if (isCheckpoint) delete changes.loss
      const kinds = Object.keys(changes)
      const change = kinds[random(kinds.length)] as string
      await tamper(directory, changes[change] as (db: RawDatabase) => Promise<unknown>)
      const { code } = await verdict(directory, '-k', log.vkey)
      expect(isCheckpoint ? [4, 5] : [5], `${change} of ${name}`).toContain(code)
      await tamper(directory, async (db) => {
        await db.clear()
        await db.batch(records.map(([key, value]) => ({ type: 'put' as const, key, value })))
      })
    }
    expect((await verdict(directory, '-k', log.vkey)).code).toBe(0)
  })

  it('of the file checkpoint is found', async () => {
    const directory = await log.copy()
    const file = join(directory, 'checkpoint')
    const intact = await readFile(file)
    const random = numbers(3)
    for (let n = 0; n < 25; n++) {
      await writeFile(file, flipped(intact, random(intact.length), random(8)))
      expect([4, 5]).toContain((await verdict(directory, '-k', log.vkey)).code)
    }
  })

  it('of the file head is found', async () => {
    const directory = await log.copy()
    const file = join(directory, 'head')
    const intact = await readFile(file)
    for (let at = 0; at < intact.length; at++) {
      await writeFile(file, flipped(intact, at, at % 8))
      expect([2, 5], `byte ${at}`).toContain((await verdict(directory, '-k', log.vkey)).code)
    }
  })
})

describe('entries that are not where they were', () => {
  const cases: Record<string, { change: (db: RawDatabase) => Promise<unknown>; kind: string; named: () => number[] }> =
    {
      'the first is removed': { change: (db) => dropEntry(db, 0), kind: 'entry_missing', named: () => [0] },
      'one in the midst is removed': {
        change: (db) => dropEntry(db, 333),
        kind: 'entry_missing',
        named: () => [333],
      },
      'the last is removed': {
        change: (db) => dropEntry(db, size - 1),
        kind: 'entry_missing',
        named: () => [size - 1],
      },
      'two are swapped': {
        change: async (db) => {
          const [one, other] = [await entryAt(db, 10), await entryAt(db, 20)]
          await replaceEntry(db, 10, other)
          await replaceEntry(db, 20, one)
        },
        kind: 'entry_altered',
        named: () => [10, 20],
      },
      'one takes the place of another': {
        change: async (db) => await replaceEntry(db, 41, await entryAt(db, 40)),
        kind: 'entry_altered',
        named: () => [41],
      },
      'one is repeated at the end': {
        change: async (db) => await putBlock(db, size, [entrySlot(await entryAt(db, 40), false)]),
        kind: 'entry_unexpected',
        named: () => [size],
      },
      'one is no JSON': {
        change: (db) => replaceEntry(db, 7, Buffer.from('{')),
        kind: 'entry_unreadable',
        named: () => [7],
      },
      'one begins like an event, and takes that back at its end': {
        change: async (db) => {
          const entry = (await entryAt(db, 7)).toString()
          await replaceEntry(db, 7, Buffer.from(`${entry.slice(0, -1)},"tenantId":7}`))
        },
        kind: 'entry_unreadable',
        named: () => [7],
      },
    }
  it.each(Object.entries(cases))('%s', async (_, { change, kind, named }) => {
    const directory = await log.copy()
    await tamper(directory, change)
    for (const options of [[], ['--entries-only']]) {
      const { code, report } = await verdict(directory, '-k', log.vkey, ...options)
      const found = report.problems.find((problem) => problem.kind === kind)
      expect({ code, entries: entriesOf(found?.entries ?? []) }).toEqual({ code: 5, entries: named() })
    }
  })
})
