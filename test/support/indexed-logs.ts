import { cpSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import { NO_IDENTITIES } from '../../src/reader/query/identities.js'
import { derivedRow, keptRows } from '../../src/reader/summaries/run-rows.js'
import type { AuditStore, IndexName, SealedEntry, Walk } from '../../src/store/contract.js'
import { levelStore } from '../../src/store/leveldb/index.js'
import type { ReadableStore } from '../../src/store/readable.js'
import { timeRanges } from '../../src/store/time-blocks.js'
import { sealedEntries } from '../../src/testing/index.js'
import { directory, useLevelLogs } from './level-logs.js'

export { base, directory } from './level-logs.js'

/** Sizes of the logs of {@link useIndexedLogs}. */
export const [A, B, C]: readonly [number, number, number] = [2_100, 3_600, 5_000]

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
export const ENTRIES: readonly SealedEntry[] = sealedEntries(C, (n) => ({
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
/** Entries that follow those. */
export const MORE: readonly SealedEntry[] = sealedEntries(3, (n) => ({
  id: `more-${n}`,
  tenantId: 't-0',
  runId: 'r-3',
  time: '2027-01-01T00:00:00Z',
}))

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
/** Walks over positions, the first over all. */
export const WALKS: readonly Walk[] = [
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

/** Returns what a reader may ask. */
export async function answersOf(store: ReadableStore): Promise<unknown> {
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

/** Returns what a writer may ask besides. */
export async function answersOfWriter(store: AuditStore): Promise<unknown> {
  return [await answersOf(store), await store.positionsOf(IDS), await store.openRuns()]
}

/** Commits entries in groups. */
export async function commit(store: AuditStore, entries: readonly SealedEntry[]): Promise<void> {
  for (let at = 0; at < entries.length; at += 100) await store.commit(entries.slice(at, at + 100))
}

/**
 * Makes closed logs of the first {@link A}, {@link B} and {@link C} entries.
 *
 * @returns their directories below `root`, by their sizes
 */
async function makeIndexedLogs(root: string): Promise<ReadonlyMap<number, string>> {
  const states = new Map<number, string>()
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
  return states
}

/** Folder of the closed logs that all tests of a file copy. */
export let root: string
let states: ReadonlyMap<number, string>

/** Makes the closed logs before the tests of a file, and gives each test a directory for its own. */
export function useIndexedLogs(): void {
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'spanledger-'))
    states = await makeIndexedLogs(root)
  })
  afterAll(() => rm(root, { recursive: true, force: true }))
  useLevelLogs()
}

/** Returns the path of the indexes of the log of the test, or of a file of theirs. */
export const index = (...names: string[]) => join(directory, 'index', ...names)
/** Returns the directory of the closed log of so many entries. */
export const stateOf = (size: number) => states.get(size) as string
