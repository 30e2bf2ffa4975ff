import { cp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { prefixEnd } from '../../src/store/keys.js'
import {
  CALLER_ID_PREFIX,
  OPEN_RUN_PREFIX,
  postingKey,
  timeBlockKey,
  valueKey,
} from '../../src/store/leveldb/indexes/keys.js'
import { encodePosting } from '../../src/store/posting-value.js'
import { type RawDatabase, spanledger, tamper, verdict, writeLog } from './tampered-log.js'

let log: Awaited<ReturnType<typeof writeLog>>
beforeAll(async () => {
  log = await writeLog([100, 650])
})
afterAll(() => log.remove())

describe('an index that readers do not use is no alteration, and a note tells', () => {
  const noted = async (directory: string) => {
    const { code, report } = await verdict(directory, '-k', log.vkey)
    return { code, problems: report.problems, remarks: report.remarks }
  }

  it('of one that is compared with all entries nothing', async () => {
    expect(await noted(log.directory)).toEqual({ code: 0, problems: [], remarks: [] })
  })

  it('that it is missing', async () => {
    const directory = await log.copy()
    await rm(join(directory, 'index'), { recursive: true })
    expect(await noted(directory)).toEqual({
      code: 0,
      problems: [],
      remarks: [expect.stringContaining('there is none')],
    })
    expect((await spanledger('verify', directory, '-k', log.vkey)).out).toContain('there is none')
  })

  it('that it is of another log', async () => {
    const other = await writeLog([10])
    const directory = await log.copy()
    await rm(join(directory, 'index'), { recursive: true })
    await cp(join(other.directory, 'index'), join(directory, 'index'), { recursive: true })
    expect(await noted(directory)).toEqual({ code: 0, problems: [], remarks: [expect.stringContaining('another log')] })
    await other.remove()
  })

  it('that it is behind; what it covers is compared', async () => {
    const directory = await log.copy()
    await rm(join(directory, 'index'), { recursive: true })
    await cp(join(log.states[0]?.directory ?? '', 'index'), join(directory, 'index'), { recursive: true })
    const behind = [expect.stringMatching(/covers 1\d\d of \d{3} entries/)]
    expect(await noted(directory)).toEqual({ code: 0, problems: [], remarks: behind })
    await tamper(directory, (db) => db.del(timeBlockKey(0, 0)), 'index')
    expect(await verdict(directory, '-k', log.vkey)).toMatchObject({ code: 5, kinds: ['time_block_altered'] })
  })

  it('that it knows of more entries than there are', async () => {
    const directory = await log.copy()
    await rm(join(directory, 'entries'), { recursive: true })
    await cp(join(log.states[0]?.directory ?? '', 'entries'), join(directory, 'entries'), { recursive: true })
    const { code, kinds, report } = await verdict(directory, '-k', log.vkey)
    expect({ code, kinds, remarks: report.remarks.length }).toEqual({ code: 2, kinds: ['truncated'], remarks: 1 })
  })

  it.each([
    ['its log', Buffer.from('\x01log', 'latin1')],
    ['what it covers', Buffer.from('\x01covered', 'latin1')],
  ])('that %s is another', async (_, key) => {
    const directory = await log.copy()
    await tamper(
      directory,
      async (db) => {
        const value = await db.get(key)
        value[9] = (value[9] as number) ^ 1
        await db.put(key, value)
      },
      'index',
    )
    expect(await noted(directory)).toMatchObject({
      code: 0,
      problems: [],
      remarks: [expect.stringContaining('not compared')],
    })
  })
})

describe('an index that readers use, and that contradicts the entries', () => {
  const firstOf = async (db: RawDatabase, prefix: Uint8Array): Promise<[Buffer, Buffer]> => {
    const [first] = await db.iterator({ gte: Buffer.from(prefix), lt: prefixEnd(prefix), limit: 1 }).all()
    if (!first) throw new Error('there is none')
    return first
  }
  const cases: Record<string, { change: (db: RawDatabase) => Promise<unknown>; kind: string }> = {
    'a posting is taken out': {
      change: async (db) => await db.del((await firstOf(db, valueKey('run', [])))[0]),
      kind: 'posting_missing',
    },
    'a position is taken out': {
      change: async (db) => {
        const [key, value] = await firstOf(db, valueKey('tenant', []))
        await db.put(key, Buffer.of(1, 0))
        expect(value.length).toBeGreaterThan(2)
      },
      kind: 'posting_missing',
    },
    'there is a posting too many': {
      change: (db) => db.put(postingKey(valueKey('type', ['nobody'.padEnd(16)]), 5), encodePosting([3, 5])),
      kind: 'posting_stray',
    },
    'a posting is damaged': {
      change: async (db) => await db.put((await firstOf(db, valueKey('agent', [])))[0], Buffer.of(0xff)),
      kind: 'index_unreadable',
    },
    'a time block is narrower': {
      change: async (db) => {
        const [min, max] = (await db.get(timeBlockKey(0, 1))).toString('latin1').split(' ')
        expect(min).not.toBe(max)
        await db.put(timeBlockKey(0, 1), Buffer.from(`${min} ${min}`, 'latin1'))
      },
      kind: 'time_block_altered',
    },
    'a time block is missing': { change: (db) => db.del(timeBlockKey(2, 0)), kind: 'time_block_altered' },
    "a caller's id is missing": {
      change: async (db) => await db.del((await firstOf(db, CALLER_ID_PREFIX))[0]),
      kind: 'caller_id_altered',
    },
    "a caller's id leads to another entry": {
      change: async (db) => await db.put((await firstOf(db, CALLER_ID_PREFIX))[0], Buffer.alloc(8)),
      kind: 'caller_id_altered',
    },
    'a run is open no more': {
      change: async (db) => await db.del((await firstOf(db, OPEN_RUN_PREFIX))[0]),
      kind: 'open_run_altered',
    },
    'there is a key of nothing': { change: (db) => db.put(Buffer.of(9), Buffer.alloc(1)), kind: 'record_unknown' },
  }

  it.each(Object.entries(cases))('is altered where %s; not where the entries alone are asked for', async (_, each) => {
    const directory = await log.copy()
    await tamper(directory, each.change, 'index')
    const { code, kinds } = await verdict(directory, '-k', log.vkey)
    expect({ code, kinds: new Set(kinds).has(each.kind) }, kinds.join()).toEqual({ code: 5, kinds: true })
    const { code: ofEntries, report } = await verdict(directory, '-k', log.vkey, '--entries-only')
    expect({ ofEntries, entriesOnly: report.entriesOnly }).toEqual({ ofEntries: 0, entriesOnly: true })
    expect(report.remarks).toEqual([expect.stringContaining('not asked for')])
  })
})
