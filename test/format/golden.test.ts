import { createHash } from 'node:crypto'
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { AuditEvent, StoredEvent } from '../../src/events/types.js'
import {
  type AuditLog,
  type AuditLogReader,
  type EventQuery,
  openAuditLog,
  openAuditLogReader,
  type RunTree,
} from '../../src/index.js'
import { SnapshotStore } from '../../src/store/leveldb/snapshot-store.js'
import { overviewOf } from '../reader/run-events.js'

// Logs that format 3 wrote, as they lay on disk. Every later version is held to them: it reads them as they are, or takes
// them over; a change of format brings logs of its own and leaves these. Tests work on copies.

const FOLDER = join(import.meta.dirname, '../fixtures/format-3')

interface Expected {
  readonly root: string
  readonly vkey: string
  /** SHA-256 of the bytes of each entry; `null` for one that was removed. */
  readonly entries: readonly (string | null)[]
}

let base: string
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'spanledger-'))
})
afterEach(() => rmSync(base, { recursive: true, force: true }))

function copyOf(name: string) {
  const directory = join(base, name)
  cpSync(join(FOLDER, name, 'log'), directory, { recursive: true })
  const expected = JSON.parse(readFileSync(join(FOLDER, name, 'expected.json'), 'utf8')) as Expected
  return { directory, expected }
}

/** The log goes on without a key: what it has stays as it was signed. */
const openWriter = (directory: string): Promise<AuditLog> =>
  openAuditLog(directory, { signer: false, on: { problem: () => {} } })

const hashOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('base64')
const decoded = (bytes: Uint8Array, seq: number): StoredEvent =>
  ({ ...JSON.parse(Buffer.from(bytes).toString()), seq }) as StoredEvent

/** Queries of every index, and combinations of them, each with what it means. */
const QUERIES: readonly (readonly [EventQuery, (event: StoredEvent) => boolean])[] = [
  [{ runId: 'run-3' }, (event) => event.runId === 'run-3'],
  [{ sessionId: 'session-2' }, (event) => event.sessionId === 'session-2'],
  [{ sessionId: 'session-2', tenantId: 'tenant-1' }, (e) => e.sessionId === 'session-2' && e.tenantId === 'tenant-1'],
  [{ type: 'run_started' }, (event) => event.type === 'run_started'],
  [{ type: ['run_completed', 'custom'] }, (event) => event.type === 'run_completed' || event.type === 'custom'],
  [{ tenantId: 'tenant-0' }, (event) => event.tenantId === 'tenant-0'],
  [{ agent: 'agent-1' }, (event) => event.agent?.id === 'agent-1'],
  [{ agent: 'Agent 0' }, (event) => event.agent?.name === 'Agent 0'],
  [{ runId: 'run-1', type: 'custom' }, (event) => event.runId === 'run-1' && event.type === 'custom'],
  [
    { since: '2026-01-01T00:10:00Z', until: '2026-01-01T00:20:00Z' },
    ({ time }) => time >= '2026-01-01T00:10:00' && time < '2026-01-01T00:20:00',
  ],
]

/** Queries of indexes that were not there at first. */
const LATER_QUERIES: typeof QUERIES = [
  [{ actorId: 'user-1' }, (event) => event.actor?.id === 'user-1'],
  [{ tool: 'tool-2' }, ({ type, data }) => type === 'tool_call_completed' && nameOfTool(data) === 'tool-2'],
]
const nameOfTool = (data: unknown) => (data as { readonly tool: { readonly name: string } }).tool.name

/** Checks that the first entries are the expected ones, and that queries find what a scan of all entries does. */
async function checkAnswers(log: AuditLogReader, expected: Expected, queries = QUERIES): Promise<StoredEvent[]> {
  const entries = await log.entries().toArray()
  const hashes = new Map(entries.map(({ seq, bytes }) => [seq, hashOf(bytes)]))
  expect(expected.entries.map((_, seq) => hashes.get(seq) ?? null)).toEqual(expected.entries)
  const events = entries.map(({ seq, bytes }) => decoded(bytes, seq))
  const { size } = await log.head()
  const left = Array.from({ length: size }, (_, seq) => seq).filter((seq) => expected.entries[seq] !== null)
  expect(events.map(({ seq }) => seq)).toEqual(left)
  expect(await log.events().toArray()).toEqual(events)
  for (const [query, passes] of queries) {
    const found = events.filter(passes)
    expect(found.length).toBeGreaterThan(0)
    expect(await log.events(query).toArray()).toEqual(found)
    expect(await log.events({ ...query, order: 'desc' }).toArray()).toEqual(found.toReversed())
    expect(await log.events(query).count()).toBe(found.length)
  }
  for (const run of await log.runs().toArray()) {
    expect(run).toEqual(overviewOf((await log.run(run.runId, { tenantId: run.tenantId })) as RunTree))
  }
  return events
}

/** Their indexes file less than those of this version, and give way to one that is derived anew. */
const OTHER_INDEX = [expect.stringContaining('it is of another version')]

const CASES = [
  { name: 'closed', size: 95, remarks: OTHER_INDEX },
  { name: 'index-behind', size: 45, remarks: OTHER_INDEX },
  { name: 'killed', size: 30, remarks: OTHER_INDEX },
] as const

describe.each(CASES)('the log $name', ({ name, size, remarks: expectedRemarks }) => {
  it('is read as it was written', async () => {
    const { directory, expected } = copyOf(name)
    const reader = await openAuditLogReader(directory)
    expect(await reader.head()).toMatchObject({ size })
    expect(await checkAnswers(reader, expected)).toHaveLength(size)
    await reader.close()
    const store = await SnapshotStore.open(directory)
    expect([store.size, Buffer.from(store.root).toString('base64')]).toEqual([size, expected.root])
    await store.close()
  })

  it('is verified by its signed checkpoint', async () => {
    const { directory, expected } = copyOf(name)
    const reader = await openAuditLogReader(directory)
    expect(await reader.verify({ logKeys: [expected.vkey] })).toMatchObject({
      status: 'verified',
      provenSize: size,
      root: expected.root,
      problems: [],
      remarks: expectedRemarks,
    })
    await reader.close()
  })

  it('goes on where it ended, recognises its ids, and is verified with what was added', async () => {
    const { directory, expected } = copyOf(name)
    const log = await openWriter(directory)
    const before = (await log.head()).size
    const events = await checkAnswers(log, expected)
    const { id, type, time, tenantId, sessionId, runId, agent, data } = events[20] as StoredEvent<'custom'>
    const scope = { tenantId, sessionId, runId, agent } as Pick<AuditEvent, 'tenantId' | 'sessionId'>
    expect(await log.append({ ...scope, id, type, time, data })).toMatchObject({ seq: 20 })
    expect(await log.append({ ...scope, id: 'new', type, data })).toMatchObject({ seq: before })
    await checkAnswers(log, expected)
    await log.close()
    const reader = await openAuditLogReader(directory)
    expect(await checkAnswers(reader, expected)).toHaveLength(before + 1)
    const report = await reader.verify({ logKeys: [expected.vkey] })
    expect(report).toMatchObject({ status: 'verified', size: before + 1, provenSize: size, problems: [], remarks: [] })
    await reader.close()
  })
})

describe('the log removed', () => {
  const SIZE = 60
  const ENTRIES = [0, 5, 6, 31]
  const QUERIED = [...QUERIES, ...LATER_QUERIES]
  const removed = (seq: number) => ({ code: 'AUDIT_ENTRY_REMOVED', seq, removedUnder: 49 })

  it('is read without the entries that were removed from it, which it names', async () => {
    const { directory, expected } = copyOf('removed')
    const reader = await openAuditLogReader(directory)
    expect(await reader.head()).toMatchObject({ size: SIZE, removedEntries: ENTRIES.length })
    expect(await checkAnswers(reader, expected, QUERIED)).toHaveLength(SIZE - ENTRIES.length)
    for (const seq of ENTRIES) await expect(reader.get(seq)).rejects.toMatchObject(removed(seq))
    await reader.close()
  })

  it('has the tree that it had, and is altered as long as no statement of it records the removal', async () => {
    const { directory, expected } = copyOf('removed')
    const reader = await openAuditLogReader(directory)
    const report = await reader.verify({ logKeys: [expected.vkey] })
    expect(report).toMatchObject({
      status: 'altered',
      size: SIZE,
      provenSize: SIZE,
      root: expected.root,
      removedEntries: ENTRIES.length,
      remarks: OTHER_INDEX,
      problems: [{ kind: 'removal_unrecorded' }],
    })
    expect((await reader.prove(31)).leafHash).toHaveLength(32)
    await reader.close()
  })

  it('goes on where it ended, and recognises the ids of those entries', async () => {
    const { directory, expected } = copyOf('removed')
    const log = await openWriter(directory)
    for (const seq of ENTRIES) {
      const again = { type: 'custom', id: `event-${seq}`, tenantId: `tenant-${seq % 3}`, data: { name: 'x' } } as const
      await expect(log.append(again)).rejects.toMatchObject(removed(seq))
    }
    expect(await log.append({ type: 'custom', data: { name: 'x' } })).toMatchObject({ seq: SIZE })
    await checkAnswers(log, expected, QUERIED)
    await log.close()
  })
})

describe('the log closed', () => {
  it('was left in good order', async () => {
    const log = await openWriter(copyOf('closed').directory)
    expect(log.recovery).toMatchObject({ unclean: false, recoveredEvents: 0 })
    await log.close()
  })
})

describe('the log killed', () => {
  it('takes over what its journal alone holds', async () => {
    const { directory } = copyOf('killed')
    const journaled = readFileSync(join(FOLDER, 'killed/journaled.jsonl'), 'utf8').trim().split('\n')
    const log = await openWriter(directory)
    expect(log.recovery).toMatchObject({ unclean: true, recoveredEvents: journaled.length, gaps: 0 })
    const takenOver = await log.events({ afterSeq: 29, limit: journaled.length }).toArray()
    expect(takenOver).toEqual(journaled.map((line, n) => ({ ...JSON.parse(line), seq: 30 + n })))
    expect(await log.events({ type: 'events_recovered' }).count()).toBe(1)
    await log.close()
  })
})
