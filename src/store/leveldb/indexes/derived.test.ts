import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Level } from 'level'
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  A,
  answersOf,
  answersOfWriter,
  B,
  C,
  commit,
  directory,
  ENTRIES,
  index,
  MORE,
  root,
  stateOf,
  useIndexedLogs,
  WALKS,
} from '../../../../test/support/indexed-logs.js'
import { removeEntries } from '../../../../test/support/remove-entries.js'
import type { AuditLogError } from '../../../events/errors.js'
import { sealedEntries } from '../../../testing/index.js'
import type { SealedEntry, Walk } from '../../contract.js'
import { prefixEnd } from '../../keys.js'
import { memoryStore } from '../../memory/index.js'
import { encodeSeq } from '../../seq-bytes.js'
import { levelStore } from '../index.js'
import { SnapshotStore } from '../snapshot-store.js'
import { metaKey, stretchKey, valueKey } from './keys.js'

// The index follows from the entries: whatever becomes of its files, a log opens, records at once and answers alike.

const memory = memoryStore()

useIndexedLogs()

beforeAll(async () => {
  const other = levelStore(join(root, 'other'))
  await other.open()
  await commit(other, ENTRIES)
  await other.close()
  await memory.open()
  await commit(memory, ENTRIES)
})

const named = (pattern: RegExp) =>
  readdirSync(index())
    .filter((name) => pattern.test(name))
    .sort()
const newest = (pattern: RegExp) => index(named(pattern).at(-1) as string)

function takeIndex(from: string): void {
  rmSync(index(), { recursive: true })
  cpSync(join(from, 'index'), index(), { recursive: true })
}

function cut(path: string, bytes: (whole: number) => number): void {
  truncateSync(path, bytes(readFileSync(path).length))
}

async function change(changing: (db: Level<Buffer, Buffer>) => Promise<void>): Promise<void> {
  const db = new Level<Buffer, Buffer>(index(), { keyEncoding: 'buffer', valueEncoding: 'buffer' })
  await db.open()
  await changing(db)
  await db.close()
}

const SPOILS: Readonly<Record<string, () => void | Promise<void>>> = {
  'as it was left': () => {},
  deleted: () => rmSync(index(), { recursive: true }),
  emptied: () => {
    rmSync(index(), { recursive: true })
    mkdirSync(index())
  },
  'a file': () => {
    rmSync(index(), { recursive: true })
    writeFileSync(index(), 'no directory')
  },
  'without its newest log': () => rmSync(newest(/\.log$/)),
  'with its newest log cut in half': () => cut(newest(/\.log$/), (bytes) => bytes >> 1),
  'with its newest log cut at its end': () => cut(newest(/\.log$/), (bytes) => bytes - 3),
  'with its newest log emptied': () => cut(newest(/\.log$/), () => 0),
  'with zeros in its newest log': () => {
    const path = newest(/\.log$/)
    writeFileSync(path, readFileSync(path).fill(0, 1_000, 9_000))
  },
  'without a table': () => rmSync(newest(/\.ldb$/)),
  'with a table cut in half': () => cut(newest(/\.ldb$/), (bytes) => bytes >> 1),
  'with a table emptied': () => cut(newest(/\.ldb$/), () => 0),
  'without CURRENT': () => rmSync(index('CURRENT')),
  'with another CURRENT': () => writeFileSync(index('CURRENT'), 'MANIFEST-999999\n'),
  'without its manifest': () => rmSync(newest(/^MANIFEST/)),
  'with another manifest': () => writeFileSync(newest(/^MANIFEST/), Buffer.alloc(100, 7)),
  older: () => takeIndex(stateOf(A)),
  'of another log': () => takeIndex(join(root, 'other')),
  'of a version that filed no actors and no tools': () =>
    change(async (db) => {
      const [, id] = (await db.get(metaKey('log')))?.toString().split(' ') ?? []
      await db.put(metaKey('log'), Buffer.from(`3 ${id}`))
      for (const prefix of [valueKey('actor', []), valueKey('tool', [])]) {
        await db.clear({ gte: prefix, lt: prefixEnd(prefix) })
      }
    }),
  'without the name of its log': () => change((db) => db.del(metaKey('log'))),
  'without what it covers': () => change((db) => db.del(metaKey('covered'))),
  'said to cover more than there is': () =>
    change((db) => db.put(metaKey('covered'), Buffer.concat([encodeSeq(C + 1), Buffer.alloc(32)]))),
  'said to cover entries of another root': () =>
    change((db) => db.put(metaKey('covered'), Buffer.concat([encodeSeq(C), Buffer.alloc(32)]))),
  'without a stretch of it': () => change((db) => db.del(stretchKey(A))),
}

describe.each(Object.entries(SPOILS))('an index %s', (_, spoil) => {
  beforeEach(async () => {
    cpSync(stateOf(C), directory, { recursive: true })
    await spoil()
  })

  it('answers as the entries do, and the log goes on at once', async () => {
    const model = memoryStore()
    await model.open()
    await commit(model, ENTRIES)
    await model.commit(MORE)
    const expected = await answersOfWriter(model)
    const store = levelStore(directory)
    await store.open()
    expect(await store.commit(MORE)).toMatchObject({ size: C + MORE.length })
    expect(await answersOfWriter(store)).toEqual(expected)
    expect(await store.commit([ENTRIES[10] as SealedEntry])).toMatchObject({ seqs: [10] })
    await store.close()
    await store.open()
    expect(await answersOfWriter(store)).toEqual(expected)
    await store.close()
  })

  it('answers whoever reads a snapshot alike, and stays as it is', async () => {
    const before = filesBelow(directory)
    const store = await SnapshotStore.open(directory)
    expect(await answersOf(store)).toEqual(await answersOf(memory))
    await store.close()
    expect(filesBelow(directory)).toEqual(before)
  })
})

describe('an index that cannot be opened', () => {
  it('keeps no commit from recognising ids of callers, also of entries that were removed', async () => {
    cpSync(stateOf(C), directory, { recursive: true })
    await removeEntries(directory, [20], C - 1)
    const holder = new Level<Buffer, Buffer>(index(), { keyEncoding: 'buffer', valueEncoding: 'buffer' })
    await holder.open()
    const store = levelStore(directory)
    try {
      await store.open()
      expect(store.indexState).toBe('failing')
      const ids = [10, 20, 4_990].map((n) => ({ tenantId: `t-${n % 3}`, id: `id-${n}` }))
      const others = [
        { tenantId: 't-0', id: 'id-10' },
        { tenantId: 't-0', id: 'more-0' },
      ]
      expect(await store.positionsOf([...ids, ...others])).toEqual([10, 20, 4_990, undefined, undefined])
      expect(await store.commit([ENTRIES[20] as SealedEntry, ...MORE])).toMatchObject({ seqs: [20, C, C + 1, C + 2] })
      expect(await store.commit(MORE)).toMatchObject({ seqs: [C, C + 1, C + 2], size: C + 3 })
      await expect(store.countPostings('run', ['r-1'], WALKS[0] as Walk)).rejects.toMatchObject({
        code: 'AUDIT_READ_FAILED',
      })
    } finally {
      await store.close()
      await holder.close()
    }
  })
})

describe('an index of which blocks of a table cannot be read', () => {
  const WINDOWS = 10
  /** Larger than a block of a table is: what LevelDB reads last of one, how it is packed, is among the bytes. */
  const WINDOW_BYTES = 6 * 1024

  /**
   * Overwrites one of so many parts of the data of each table that is large enough: the largest may be one that LevelDB has
   * merged into others and not deleted yet.
   */
  function damage(window: number): void {
    for (const path of named(/\.ldb$/).map((name) => index(name))) {
      const bytes = readFileSync(path)
      const at = Math.floor((bytes.length * window) / WINDOWS)
      // What follows the data, the index of the table, is looked at when the database is opened.
      const end = Math.min(at + WINDOW_BYTES, bytes.length - 2 * WINDOW_BYTES)
      if (end > at) writeFileSync(path, bytes.fill(0xff, at, end))
    }
  }

  /** Asks until there is an answer. @returns the codes of what failed before */
  async function untilAnswered(ask: () => Promise<unknown>, expected: unknown): Promise<string[]> {
    const codes: string[] = []
    for (;;) {
      const answer = await ask().catch((problem: AuditLogError) => problem)
      if (answer instanceof Error) codes.push((answer as AuditLogError).code)
      else {
        expect(answer).toEqual(expected)
        return codes
      }
      expect(codes.length).toBeLessThan(10)
    }
  }

  it('fails to read those, is derived again, and answers as the entries do', async () => {
    const failed: string[] = []
    for (let window = 0; window < WINDOWS - 2; window++) {
      rmSync(directory, { recursive: true, force: true })
      cpSync(stateOf(C), directory, { recursive: true })
      damage(window)
      const reader = await SnapshotStore.open(directory)
      failed.push(...(await untilAnswered(() => answersOf(reader), await answersOf(memory))))
      await reader.close()
      const store = levelStore(directory)
      await store.open()
      failed.push(...(await untilAnswered(() => answersOfWriter(store), await answersOfWriter(memory))))
      expect(store.indexState).toBe('ok')
      expect(await store.commit([ENTRIES[10] as SealedEntry])).toMatchObject({ seqs: [10] })
      await store.close()
      await store.open()
      expect(await answersOfWriter(store)).toEqual(await answersOfWriter(memory))
      await store.close()
    }
    expect(new Set(failed)).toEqual(new Set(['AUDIT_READ_FAILED']))
  })
})

/** Contents of all files, by path. */
function filesBelow(path: string): Record<string, string> {
  const names = readdirSync(path, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  const paths = names.map((entry) => join(entry.parentPath, entry.name)).sort()
  return Object.fromEntries(paths.map((each) => [each, readFileSync(each).toString('base64')]))
}

describe('an index of more entries than the log has', () => {
  beforeEach(() => {
    cpSync(stateOf(B), directory, { recursive: true })
    takeIndex(stateOf(C))
  })

  it('gives way to one of the entries that are there, also where others take their places', async () => {
    const model = memoryStore()
    await model.open()
    await commit(model, ENTRIES.slice(0, B))
    const reader = await SnapshotStore.open(directory)
    expect(await answersOf(reader)).toEqual(await answersOf(model))
    await reader.close()
    const store = levelStore(directory)
    await store.open()
    expect(await answersOfWriter(store)).toEqual(await answersOfWriter(model))
    const others = sealedEntries(C - B, (n) => ({ tenantId: 't-0', runId: `other-${n}` }))
    for (const each of [store, model]) await commit(each, others)
    expect(await answersOfWriter(store)).toEqual(await answersOfWriter(model))
    await store.close()
    // As many entries as the index covers, but others.
    takeIndex(stateOf(C))
    await store.open()
    expect(await answersOfWriter(store)).toEqual(await answersOfWriter(model))
    await store.close()
  })
})
