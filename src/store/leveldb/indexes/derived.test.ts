import {
  chmodSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Level } from 'level'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { copyLive } from '../../../../test/support/copy-live.js'
import { removeEntries } from '../../../../test/support/remove-entries.js'
import type { AuditLogError } from '../../../events/errors.js'
import { NO_IDENTITIES } from '../../../reader/query/identities.js'
import { derivedRow, keptRows } from '../../../reader/summaries/run-rows.js'
import { sealedEntries } from '../../../testing/index.js'
import type { AuditStore, IndexName, SealedEntry, Walk } from '../../contract.js'
import { prefixEnd } from '../../keys.js'
import { memoryStore } from '../../memory/index.js'
import type { ReadableStore } from '../../readable.js'
import { encodeSeq } from '../../seq-bytes.js'
import { timeRanges } from '../../time-blocks.js'
import { levelStore } from '../index.js'
import { SnapshotStore } from '../snapshot-store.js'
import { metaKey, stretchKey, valueKey } from './keys.js'

// The index follows from the entries: whatever becomes of its files, a log opens, records at once and answers alike.

const [A, B, C] = [2_100, 3_600, 5_000]

const TYPES = [
  'custom',
  'run_started',
  'custom',
  'tool_call_started',
  'run_completed',
  'custom',
  'run_started',
] as const

/** Entries of all indexes, of which some runs stay open, and which come late and early. */
const ENTRIES: readonly SealedEntry[] = sealedEntries(C, (n) => ({
  type: TYPES[n % TYPES.length] as 'custom',
  tenantId: `t-${n % 3}`,
  sessionId: `s-${Math.floor(n / 11) % 5}`,
  runId: `r-${Math.floor(n / 7) % 40}`,
  ...(n % 13 === 0 ? { parentRunId: `r-${n % 4}` } : {}),
  ...(n % 3 === 0 ? { agent: { name: `a-${n % 6}` } } : {}),
  ...(n % 10 === 0 ? { id: `id-${n}` } : {}),
  ...(n % 4 === 0 ? { actor: { id: `u-${n % 5}` } } : {}),
  ...(n % 7 === 3 ? { data: { callId: 'c', tool: { name: `tool-${n % 3}` } } as never } : {}),
  time: new Date(Date.UTC(2026, 0, 1) + 1000 * (n - ((n * 7919) % 300))).toISOString(),
}))
const MORE = sealedEntries(3, (n) => ({ id: `more-${n}`, tenantId: 't-0', runId: 'r-3', time: '2027-01-01T00:00:00Z' }))

const VALUES: readonly (readonly [IndexName, readonly string[]])[] = [
  ['session', ['s-1']],
  ['session', ['s-1', 't-1']],
  ['run', ['r-3']],
  ['type', ['custom']],
  ['type', ['run_started']],
  ['agent', ['a-3']],
  ['tenant', ['t-0']],
  ['parent', ['r-1']],
  ['actor', ['u-2']],
  ['tool', ['tool-1']],
  ['run', ['no such run']],
]
const INDEXES: readonly IndexName[] = ['session', 'run', 'type', 'agent', 'tenant', 'parent', 'actor', 'tool']
const WALKS: readonly Walk[] = [
  { from: 0, to: Number.MAX_SAFE_INTEGER, reverse: false },
  { from: 0, to: Number.MAX_SAFE_INTEGER, reverse: true },
  { from: 1_900, to: 3_700, reverse: false },
  { from: 4_990, to: 5_002, reverse: true },
]
const RUNS = ['r-3', 'r-39', 'no such run'].flatMap((runId) =>
  ['t-0', 't-1', 't-2'].map((tenantId) => ({ tenantId, runId })),
)
const IDS = ['id-0', 'id-2090', 'id-4990', 'id-1', 'more-0'].flatMap((id) =>
  ['t-0', 't-1', 't-2'].map((tenantId) => ({ tenantId, id })),
)

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

/** The rows of runs; derived where the store keeps none. */
async function rowsOf(store: ReadableStore): Promise<unknown> {
  const part = { size: store.size, identities: NO_IDENTITIES }
  const kept = await keptRows(store, part, RUNS)
  return Promise.all(RUNS.map(async (key, at) => kept[at] ?? (await derivedRow(store, part, key))))
}

/** What a reader may ask. */
async function answersOf(store: ReadableStore): Promise<unknown> {
  const postings: number[][] = []
  const counts: number[] = []
  for (const [index, value] of VALUES) {
    for (const walk of WALKS) {
      const cursor = store.postings(index, value, walk)
      const seqs: number[] = []
      for (let chunk = await cursor.next(); chunk; chunk = await cursor.next()) seqs.push(...chunk)
      postings.push(seqs)
      counts.push(await store.countPostings(index, value, walk), await store.countPostings(index, value, walk, 2))
      const far = store.postings(index, value, walk)
      postings.push([...((await far.next(2_000)) ?? [])].slice(0, 1))
      await far.close()
    }
  }
  const firsts = await Promise.all(INDEXES.map(async (index) => (await collect(store.firstOfEach(index))).sort()))
  const ranges = await Promise.all(
    WALKS.map((walk) => collect(timeRanges(store, '2026-01-01T00:30:00.000000000Z', '2026-01-01T01:10:00Z', walk))),
  )
  const rows = await rowsOf(store)
  return { size: store.size, postings, counts, firsts, ranges, rows }
}

/** What a writer may ask besides. */
async function answersOfWriter(store: AuditStore): Promise<unknown> {
  return [await answersOf(store), await store.positionsOf(IDS), await store.openRuns()]
}

async function commit(store: AuditStore, entries: readonly SealedEntry[]): Promise<void> {
  for (let at = 0; at < entries.length; at += 100) await store.commit(entries.slice(at, at + 100))
}

let root: string
/** Copies of a closed log, by its size. */
const states = new Map<number, string>()
const memory = memoryStore()
let base: string
let directory: string

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'spanledger-'))
  const store = levelStore(join(root, 'log'))
  for (const [from, to] of [
    [0, A],
    [A, B],
    [B, C],
  ] as const) {
    await store.open()
    await commit(store, ENTRIES.slice(from, to))
    await store.close()
    const copy = join(root, `state-${to}`)
    cpSync(store.location, copy, { recursive: true })
    states.set(to, copy)
  }
  const other = levelStore(join(root, 'other'))
  await other.open()
  await commit(other, ENTRIES)
  await other.close()
  await memory.open()
  await commit(memory, ENTRIES)
})
afterAll(() => rm(root, { recursive: true, force: true }))

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'spanledger-'))
  directory = join(base, 'audit')
})
afterEach(async () => {
  vi.restoreAllMocks()
  await rm(base, { recursive: true, force: true })
})

const index = (...names: string[]) => join(directory, 'index', ...names)
const stateOf = (size: number) => states.get(size) as string
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

  /** Overwrites one of so many parts of the data of the largest table. */
  function damage(window: number): void {
    const [path] = named(/\.ldb$/)
      .map((name) => index(name))
      .sort((a, b) => statSync(b).size - statSync(a).size) as [string]
    const bytes = readFileSync(path)
    const at = Math.floor((bytes.length * window) / WINDOWS)
    // What follows the data, the index of the table, is looked at when the database is opened.
    writeFileSync(path, bytes.fill(0xff, at, Math.min(at + WINDOW_BYTES, bytes.length - 2 * WINDOW_BYTES)))
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

describe('an index that lags', () => {
  it('answers with what is in memory alone, beside commits', async () => {
    const model = memoryStore()
    await model.open()
    const store = levelStore(directory)
    await store.open()
    for (let at = 0; at < C; at += 350) {
      for (const each of [store, model]) await commit(each, ENTRIES.slice(at, at + 350))
      expect(await answersOfWriter(store)).toEqual(await answersOfWriter(model))
    }
    await store.close()
  })

  it('answers whoever reads a snapshot with what the writer has not written yet', async () => {
    cpSync(stateOf(B), directory, { recursive: true })
    const store = levelStore(directory)
    await store.open()
    const reader = await SnapshotStore.open(directory)
    const model = memoryStore()
    await model.open()
    await commit(model, ENTRIES.slice(0, B))
    for (const [from, to] of [
      [B, B + 1],
      [B + 1, B + 700],
      [B + 700, C],
    ] as const) {
      for (const each of [store, model]) await commit(each, ENTRIES.slice(from, to))
      await reader.refresh()
      expect(await answersOf(reader)).toEqual(await answersOf(model))
    }
    await reader.close()
    await store.close()
  })

  it('is caught up with after the process died', async () => {
    const store = levelStore(directory)
    await store.open()
    await commit(store, ENTRIES)
    const left = join(base, 'left')
    copyLive(directory, left)
    await store.close()
    const again = levelStore(left)
    await again.open()
    expect(await answersOfWriter(again)).toEqual(await answersOfWriter(memory))
    await again.close()
  })

  it('by more than is caught up with at once lets commits go on meanwhile, and has them', async () => {
    const filler = sealedEntries(12_000, (n) => ({ tenantId: 'filler', runId: `f-${n % 50}` }))
    const model = memoryStore()
    await model.open()
    const store = levelStore(directory)
    await store.open()
    for (const each of [store, model]) await commit(each, filler)
    await store.close()
    rmSync(index(), { recursive: true })
    await store.open()
    for (let at = 0; at < C; at += 500)
      for (const each of [store, model]) await each.commit(ENTRIES.slice(at, at + 500))
    expect(await answersOfWriter(store)).toEqual(await answersOfWriter(model))
    await store.close()
    await store.open()
    expect(await answersOfWriter(store)).toEqual(await answersOfWriter(model))
    await store.close()
  })
})

describe('an index that cannot be written', () => {
  /** Lets the writes of indexes fail: those of entries are synced. */
  async function failWrites(): Promise<() => void> {
    const db = new Level(join(base, 'other'))
    await db.open()
    const batch = db.batch()
    const prototype: { write(options?: { sync?: boolean }): Promise<void> } = Object.getPrototypeOf(batch)
    await batch.close()
    await db.close()
    const { write } = prototype
    const spy = vi.spyOn(prototype, 'write').mockImplementation(async function (this: typeof prototype, options) {
      if (options?.sync !== true) throw new Error('no space left')
      await write.call(this, options)
    })
    return () => spy.mockRestore()
  }

  it('is no reason not to commit, and is derived once it can be', async () => {
    const store = levelStore(directory)
    await store.open()
    const mend = await failWrites()
    const plain = ENTRIES.map((entry) => ({ ...entry, callerId: false }))
    await commit(store, plain)
    expect(store.size).toBe(C)
    mend()
    const model = memoryStore()
    await model.open()
    await commit(model, plain)
    expect(await answersOfWriter(store)).toEqual(await answersOfWriter(model))
    await store.close()
    await store.open()
    expect(await answersOfWriter(store)).toEqual(await answersOfWriter(model))
    await store.close()
  })

  it('since a file is in its place keeps nobody from committing, closing and opening', async () => {
    const store = levelStore(directory)
    await store.open()
    const mend = await failWrites()
    await rename(index(), join(base, 'away'))
    await writeFile(index(), 'no directory')
    const plain = ENTRIES.map((entry) => ({ ...entry, callerId: false }))
    await commit(store, plain)
    expect(store.size).toBe(C)
    await store.close()
    mend()
    await store.open()
    expect(await store.countPostings('tenant', ['t-0'], WALKS[0] as Walk)).toBe(Math.ceil(C / 3))
    await store.close()
  })

  it('since it may not be entered is no reason to refuse the log to a reader', async () => {
    cpSync(stateOf(A), directory, { recursive: true })
    chmodSync(index(), 0)
    const store = await SnapshotStore.open(directory)
    expect(store.size).toBe(A)
    expect(await store.countPostings('tenant', ['t-0'], WALKS[0] as Walk)).toBe(A / 3)
    await store.close()
    chmodSync(index(), 0o700)
  })
})
