import fc from 'fast-check'
import { expect, it } from 'vitest'
import { NameHashes } from '../store/leveldb/hash-key.js'
import { runRowKey } from '../store/leveldb/indexes/keys.js'
import { type RowEvent, RunRowFold } from '../store/runs/row-fold.js'
import type { RowState } from '../store/runs/row-state.js'
import { decodeRow, encodeRow } from '../store/runs/row-value.js'
import { type Finding, Findings } from '../verify/findings.js'
import { EntryRows } from './entry-rows.js'
import { newSumKey } from './posting-sums.js'
import { RowTable } from './row-table.js'

const BLOCK = 8
const hashes = new NameHashes(new Uint8Array(16))
const keyOf = (runId: string) => runRowKey(hashes, 't', runId)

interface Said {
  readonly runId: string
  readonly event: RowEvent
}

const said: fc.Arbitrary<Said> = fc
  .record({
    run: fc.nat(9),
    type: fc.constantFrom('run_started', 'tool_call_started', 'token_usage_updated', 'run_suspended', 'run_completed'),
    cost: fc.double({ min: 0, max: 1, noNaN: true }),
    session: fc.constantFrom('s', 'trace'),
    tool: fc.constantFrom('search', 'write'),
  })
  .map(({ run, type, cost, session, tool }) => ({
    runId: `r-${run}`,
    event: {
      type: type as RowEvent['type'],
      time: `2026-01-01T00:00:0${run}.000000000Z`,
      tenantId: 't',
      sessionId: session,
      parentRunId: undefined,
      agent: { name: tool },
      actorId: undefined,
      toolName: type.startsWith('tool_') ? tool : undefined,
      run: type === 'token_usage_updated' ? { usage: { costUsd: cost } } : undefined,
    },
  }))

/** Returns the rows that an index would have, by the ids of the runs. */
function rowsOf(log: readonly Said[]): Map<string, RowState> {
  const folds = new Map<string, RunRowFold>()
  for (const [seq, { runId, event }] of log.entries()) {
    const fold = folds.get(runId) ?? RunRowFold.of({ runId }, seq, event)
    folds.set(runId, fold)
    fold.add(seq, event)
  }
  return new Map([...folds].map(([runId, { state }]) => [runId, state]))
}

/** Compares rows with a log, block by block. @returns what is wrong, and how often the log was gone through */
function compared(log: readonly Said[], rows: ReadonlyMap<string, RowState>, maxBytes: number) {
  const findings = new Findings()
  const table = new RowTable(findings, maxBytes)
  const stored = new Map([...rows].map(([runId, row]) => [keyOf(runId).toString('hex'), encodeRow(row)]))
  const source = {
    hashes,
    sumKey: newSumKey(),
    covered: log.length,
    read: (key: Buffer) => stored.get(key.toString('hex')),
  }
  let walks = 0
  do {
    for (let from = 0; from < log.length; from += BLOCK) {
      const to = Math.min(from + BLOCK, log.length)
      const part = walks === 0 ? undefined : table.part
      const block = new EntryRows(source, { from, to, findings, part })
      for (let seq = from; seq < to; seq++) {
        const { runId, event } = log[seq] as Said
        block.add(block.runAt(seq, 't', runId), seq, event)
      }
      table.change(structuredClone(block.finish()))
    }
    walks++
  } while (table.next())
  return { findings: findings.all, walks }
}

function spansOf([finding]: readonly Finding[]): readonly number[] {
  return finding?.spans.map(({ from }) => from) ?? []
}

const log = fc.array(said, { minLength: 1, maxLength: 60, size: 'max' })
const maxBytes = fc.constantFrom(1, 2_000, 1_000_000)

it('finds nothing in the rows that an index makes of the entries, wherever blocks begin and however little fits', () => {
  fc.assert(
    fc.property(log, maxBytes, (entries, bytes) => {
      expect(compared(entries, rowsOf(entries), bytes).findings).toEqual([])
    }),
    { numRuns: 60 },
  )
})

it('goes through the entries once more for what does not fit', () => {
  const runs = Array.from({ length: 40 }, (_, n) => `r-${n % 20}`)
  const entries = runs.map((runId): Said => ({ runId, event: { ...fc.sample(said, 1)[0]?.event } as RowEvent }))
  expect(compared(entries, rowsOf(entries), 1_000_000).walks).toBe(1)
  expect(compared(entries, rowsOf(entries), 1).walks).toBeGreaterThan(10)
})

const wrong: Record<string, (row: RowState, length: number) => Partial<RowState> | undefined> = {
  'another status': ({ status }) => ({ status: status === 'failed' ? 'completed' : 'failed' }),
  'another number of events': ({ eventCount }) => ({ eventCount: eventCount + 1 }),
  'another cost': ({ usage }) => ({ usage: { costUsd: (usage?.costUsd ?? 0) + 1 } as NonNullable<RowState['usage']> }),
  'another count of calls': ({ counts }) => ({ counts: counts.map((count) => count + 1) }),
  'an earlier last event': ({ firstSeq, lastSeq }) => (lastSeq > firstSeq ? { lastSeq: lastSeq - 1 } : undefined),
  'a later last event': ({ lastSeq }, length) => (lastSeq + 1 < length ? { lastSeq: lastSeq + 1 } : undefined),
  'an earlier first event': ({ firstSeq }) => (firstSeq > 0 ? { firstSeq: firstSeq - 1 } : undefined),
  'a later first event': ({ firstSeq, lastSeq }) => (firstSeq < lastSeq ? { firstSeq: firstSeq + 1 } : undefined),
}

it.each(Object.entries(wrong))('finds %s in any one row, and says where the run begins or differs', (_, change) => {
  fc.assert(
    fc.property(log, fc.nat(), maxBytes, (entries, nth, bytes) => {
      const rows = rowsOf(entries)
      const [runId, row] = [...rows][nth % rows.size] as [string, RowState]
      const changed = change(row, entries.length)
      if (!changed) return
      rows.set(runId, { ...decodeRow(encodeRow(row)), ...changed })
      const { findings } = compared(entries, rows, bytes)
      expect(findings.map(({ kind }) => kind)).toEqual(['run_row_altered'])
      const own = entries.flatMap((each, seq) => (each.runId === runId ? [seq] : []))
      expect([changed.firstSeq ?? -1, ...own]).toEqual(expect.arrayContaining([...spansOf(findings)]))
    }),
    { numRuns: 40 },
  )
})

it('finds a row that is missing', () => {
  fc.assert(
    fc.property(log, fc.nat(), (entries, nth) => {
      const rows = rowsOf(entries)
      const [runId] = [...rows][nth % rows.size] as [string, RowState]
      rows.delete(runId)
      const { findings } = compared(entries, rows, 1_000_000)
      expect(findings).toMatchObject([{ kind: 'run_row_altered' }])
      expect(spansOf(findings)[0]).toBe(entries.findIndex((each) => each.runId === runId))
    }),
    { numRuns: 40 },
  )
})
