import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { countingReads } from '../../../test/reader/counting-reads.js'
import { filled, readerOf, unchecked } from '../../../test/reader/reader-of.js'
import type { SealedEntry } from '../../store/contract.js'
import { levelStore } from '../../store/leveldb/index.js'
import { memoryStore } from '../../store/memory/index.js'
import { sealedEntry } from '../../testing/index.js'
import type { AuditLogReader, RunTree } from '../index.js'

// A store in memory keeps no rows of runs, so that its runs are summed up from all of their events.

/** Reads a log by way of rows of runs, and from the events alone; counts the entries that the first way takes. */
async function bothWays<T>(
  entries: readonly SealedEntry[],
  read: (reader: AuditLogReader) => Promise<T>,
): Promise<{ readonly byRow: T; readonly byEvents: T; readonly entriesRead: number }> {
  const directory = await mkdtemp(join(tmpdir(), 'spanledger-'))
  const level = await filled(levelStore(directory), [entries])
  try {
    const counting = countingReads(level)
    const byRow = await read(readerOf(counting.store))
    const byEvents = await read(readerOf(await filled(memoryStore(), [entries])))
    return { byRow, byEvents, entriesRead: counting.read() }
  } finally {
    await level.close()
    await rm(directory, { recursive: true })
  }
}

const refused = (problem: { code?: string; message: string }) => [problem.code, problem.message.replace(/'.'/g, '')]
const readRun = async (reader: AuditLogReader): Promise<readonly unknown[]> => {
  const ofTenant = await reader.run('r', { tenantId: 't' })
  return [ofTenant, await reader.run('r').then((run) => run, refused)]
}

const END = { error: { code: 'E', message: 'm'.repeat(3000) }, reason: 'r'.repeat(900), finishReason: 'f'.repeat(900) }

/** Events of a run and of others, the types of which are drawn by weight: some lists overflow, some stay empty. */
const log = fc
  .record({
    seed: fc.integer(),
    events: fc.integer({ min: 2500, max: 5000 }),
    weights: fc.record({
      tool_call_started: fc.integer({ min: 0, max: 8 }),
      tool_call_completed: fc.integer({ min: 0, max: 8 }),
      tool_call_failed: fc.integer({ min: 0, max: 2 }),
      error_occurred: fc.integer({ min: 0, max: 4 }),
      tool_approval_requested: fc.integer({ min: 0, max: 2 }),
      tool_approval_denied: fc.integer({ min: 0, max: 1 }),
      agent_handoff: fc.integer({ min: 0, max: 1 }),
      policy_decision: fc.integer({ min: 0, max: 2 }),
      guardrail_evaluated: fc.integer({ min: 0, max: 2 }),
      memory_written: fc.integer({ min: 0, max: 2 }),
      memory_deleted: fc.integer({ min: 0, max: 1 }),
      intervention: fc.integer({ min: 0, max: 1 }),
      custom: fc.constant(1),
    }),
    callIds: fc.constantFrom(1, 40, 4000),
    end: fc.constantFrom('run_completed', 'run_failed', 'resumed', 'custom'),
    otherTenant: fc.boolean(),
  })
  .map(({ seed, events, weights, callIds, end, otherTenant }) => {
    const random = generator(seed)
    const types = Object.entries(weights).flatMap(([type, weight]) => Array.from({ length: weight }, () => type))
    return Array.from({ length: events }, (_, n) => {
      const type = n === 0 ? 'run_started' : n === events - 2 ? end : (types[random(types.length)] as string)
      const data = { ...END, callId: `c-${random(callIds)}`, tool: { name: 'search' }, durationMs: n }
      const tenantId = otherTenant && n % 500 === 7 ? 'u' : 't'
      return sealedEntry(unchecked({ type, tenantId, runId: n % 9 === 5 ? 'other' : 'r', data }))
    })
  })

function generator(seed: number): (below: number) => number {
  let state = seed | 0
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0
    return ((state >>> 16) * below) >>> 16
  }
}

test('a long run is told by its row as its events tell it', async () => {
  await fc.assert(
    fc.asyncProperty(log, async (entries) => {
      const { byRow, byEvents } = await bothWays(entries, readRun)
      expect(byRow).toEqual(byEvents)
    }),
    { numRuns: 12 },
  )
})

test('of a long run, few entries are read beside those of its lists', async () => {
  const entries = Array.from({ length: 8000 }, (_, n) => {
    const data = { callId: `c-${n >> 2}`, tool: { name: 'search' } }
    const type = ['tool_call_started', 'custom', 'tool_call_completed', 'token_usage_updated'][n % 4] as string
    return sealedEntry(unchecked({ type: n === 0 ? 'run_started' : type, runId: 'r', data }))
  })
  const { byRow, byEvents, entriesRead } = await bothWays(entries, (reader) => reader.run('r') as Promise<RunTree>)
  expect(byRow).toEqual(byEvents)
  expect([byRow.toolCalls.length, byRow.omitted, byRow.eventCount]).toEqual([1000, 1000, 8000])
  expect(entriesRead).toBeLessThan(2600)
})

test('of a run that another tenant shares the id of, each has its own events', async () => {
  const entries = Array.from({ length: 3000 }, (_, n) =>
    sealedEntry(unchecked({ type: 'error_occurred', runId: 'r', tenantId: n % 3 === 0 ? 't' : 'u', data: {} })),
  )
  const { byRow, byEvents } = await bothWays(entries, readRun)
  expect(byRow).toEqual(byEvents)
  expect(byRow[0]).toMatchObject({ eventCount: 1000 })
  expect(byRow[1]).toEqual(['AUDIT_QUERY_INVALID', expect.stringContaining('both have a run')])
})
