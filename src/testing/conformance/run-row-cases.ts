import assert from 'node:assert/strict'
import type { AuditEvent } from '../../events/types.js'
import type { AuditStore } from '../../store/contract.js'
import { RunRowFold } from '../../store/runs/row-fold.js'
import type { RunKey, RunRow } from '../../store/runs/run-row.js'
import { sealedEntries } from '../sealed-entry.js'
import { type ConformanceCase, commitInGroups } from './case.js'

const TYPES = [
  'run_started',
  'custom',
  'tool_call_started',
  'token_usage_updated',
  'tool_call_failed',
  'custom',
] as const
const KEYS: readonly RunKey[] = ['r-0', 'r-1', 'r-6', 'long', 'none'].flatMap((runId) =>
  ['t-0', 't-1'].map((tenantId) => ({ tenantId, runId })),
)

/** Runs of a few events, a long one, and two tenants whose runs have the same ids. */
const ENTRIES = sealedEntries(3_000, (n): Partial<AuditEvent> => {
  const type = n % 97 === 96 ? 'run_completed' : TYPES[n % TYPES.length]
  return {
    type: type as 'custom',
    tenantId: `t-${n % 2}`,
    sessionId: `s-${n % 3}`,
    ...(n % 5 !== 4 && { runId: n % 5 === 0 ? 'long' : `r-${Math.floor(n / 40)}` }),
    agent: { name: `a-${n % 4}` },
    time: new Date(Date.UTC(2026, 0, 1) + 1000 * n).toISOString(),
    data: { tool: { name: `tool-${n % 3}` }, inputTokens: n, costUsd: 0.1, durationMs: n } as never,
  }
})

/** Rows of runs, in an engine that keeps them. */
export const runRowCases: readonly ConformanceCase[] = [
  {
    name: 'rows of runs, where they are kept, follow from the entries as of any size',
    async run({ store, reopen }) {
      if (!store.runRows) return
      assert.deepEqual(await rowsOf(store, 0), rowsOfEntries(0))
      await commitInGroups(store, ENTRIES, [1, 700, 64, 300])
      await assertRows(store)
      if (reopen) await assertRows(await reopen())
    },
  },
  {
    name: 'rows of runs are the same after a reopening in the middle of runs',
    async run({ store, reopen }) {
      if (!store.runRows || !reopen) return
      await commitInGroups(store, ENTRIES.slice(0, 1_300), [130])
      const again = await reopen()
      await commitInGroups(again, ENTRIES.slice(1_300), [170])
      await assertRows(again)
    },
  },
]

/** A row may be missing where the engine is past the size that is asked for: the reader derives it. */
async function assertRows(store: AuditStore): Promise<void> {
  assert.deepEqual(await rowsOf(store, store.size), rowsOfEntries(store.size))
  for (const size of [1, 500, store.size - 1]) {
    const expected = rowsOfEntries(size)
    for (const [at, row] of (await rowsOf(store, size)).entries()) if (row) assert.deepEqual(row, expected[at])
  }
}

async function rowsOf(store: AuditStore, size: number): Promise<readonly (RunRow | undefined)[]> {
  return (await store.runRows?.(KEYS, size)) ?? []
}

function rowsOfEntries(size: number): readonly (RunRow | undefined)[] {
  return KEYS.map(({ tenantId, runId }) => {
    let fold: RunRowFold | undefined
    for (const [seq, { event }] of ENTRIES.slice(0, size).entries()) {
      if (event.tenantId !== tenantId || event.runId !== runId) continue
      fold ??= RunRowFold.of({ runId }, seq, event)
      fold.add(seq, event)
    }
    return fold?.row()
  })
}
