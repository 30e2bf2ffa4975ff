import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readPages } from '../../../test/reader/pages.js'
import { filled, readerOf, unchecked } from '../../../test/reader/reader-of.js'
import { AuditLogError } from '../../events/errors.js'
import type { AuditEvent } from '../../events/types.js'
import type { SealedEntry } from '../../store/contract.js'
import { memoryStore } from '../../store/memory/index.js'
import { sealedEntry } from '../../testing/index.js'
import type { AuditLogReader } from '../index.js'
import { LedgerReader } from '../ledger-reader.js'

// A ledger answers as one log would that has the same events in the order of their times.

const LOGS = 3
const TYPES = [
  'run_started',
  'resumed',
  'run_completed',
  'run_failed',
  'sub_agent_invoked',
  'tool_call_started',
  'tool_call_completed',
  'token_usage_updated',
  'error_occurred',
  'custom',
]
const ENDS = ['run_completed', 'run_failed']
const runIds = ['r-1', 'r-2', 'r-3', 'r-4']
const runId = fc.constantFrom(...runIds)
const tenantId = fc.constantFrom('a', 'a', 'b')
const sessionId = fc.constantFrom('s-1', 's-2', 'f'.repeat(32))

const data = fc.constantFrom(
  { callId: 'c-1', tool: { name: 'search' }, durationMs: 20 },
  { callId: 'c-2', tool: { name: 'fetch' } },
  { model: 'm-1', totalTokens: 10, inputTokens: 4, outputTokens: 6, costUsd: 0.5 },
  { model: 'm-2', totalTokens: 20, inputTokens: 20, outputTokens: 0 },
  { subRunId: 'r-2', durationMs: 5 },
  { subRunId: 'r-3', error: { code: 'E', message: 'no' } },
)
const event = fc.record(
  {
    type: fc.constantFrom(...TYPES),
    tenantId,
    sessionId,
    runId,
    parentRunId: runId,
    agent: fc.constantFrom({ name: 'writer' }, { id: 'w', name: 'writer' }, { name: 'editor' }),
    actor: fc.constantFrom({ id: 'u-1' }, { id: 'u-2' }),
    trace: fc.constant({ traceId: 'f'.repeat(32), spanId: 'e'.repeat(16) }),
    data,
    log: fc.nat(LOGS - 1),
    back: fc.integer({ min: 1, max: 20 }),
  },
  { requiredKeys: ['type', 'tenantId', 'sessionId', 'data', 'log', 'back'] },
)
const statements = fc.array(
  fc.record({
    at: fc.nat(60),
    log: fc.nat(LOGS - 1),
    runId,
    tenantId: fc.constantFrom('a', 'b'),
    sessionId,
    previous: fc.record({ tenantId, sessionId }),
  }),
  { maxLength: 4 },
)

interface Split {
  readonly whole: readonly SealedEntry[]
  readonly parts: readonly (readonly SealedEntry[])[]
}

const split = fc.tuple(fc.array(event, { maxLength: 60 }), statements).map(([events, said]): Split => {
  const placed: { readonly log: number; readonly fields: Partial<AuditEvent> }[] = []
  for (const [at, { log, back, ...fields }] of events.entries()) {
    for (const statement of said) if (statement.at === at) placed.push(identifiedBy(statement))
    placed.push({ log, fields: unchecked(fields) })
    const earlier = placed.at(-1 - back)
    if (ENDS.includes(fields.type) && ENDS.includes(String(earlier?.fields.type))) {
      Object.assign(fields, { supersedes: idAt(placed.length - 1 - back) })
    }
  }
  const entries = placed.map(({ log, fields }, at) => ({
    log,
    entry: sealedEntry({ ...fields, id: idAt(at), time: timeAt(at) }),
  }))
  return {
    whole: entries.map(({ entry }) => entry),
    parts: Array.from({ length: LOGS }, (_, log) => entries.filter((one) => one.log === log).map(({ entry }) => entry)),
  }
})

function identifiedBy({ log, previous, at: _, ...fields }: { log: number; previous: object; at: number }) {
  return {
    log,
    fields: unchecked({ ...fields, type: 'run_identified', statementOf: 'log.example', data: { previous } }),
  }
}

function idAt(at: number): string {
  return `e-${at}`
}

function timeAt(at: number): string {
  return `2026-01-01T00:00:${String(at).padStart(2, '0')}.000000000Z`
}

const order = fc.constantFrom('asc' as const, 'desc' as const)
const time = fc.nat(59).map(timeAt)
const limit = fc.integer({ min: 1, max: 9 })
const listing = { tenantId, since: time, order, limit }
const some = <T extends Record<string, fc.Arbitrary<unknown>>>(fields: T) => fc.record(fields, { requiredKeys: [] })
const asked = fc.record({
  events: some({
    ...listing,
    sessionId,
    runId,
    agent: fc.constantFrom('writer', 'w'),
    type: fc.constantFrom('run_started', 'custom'),
  }),
  runs: some({
    ...listing,
    sessionId,
    agent: fc.constantFrom('writer', 'w'),
    status: fc.constantFrom('running', 'failed'),
    minTotalTokens: fc.constantFrom(10, 30),
  }),
  sessions: some(listing),
  agents: some(listing),
  steps: some({ order, limit }),
  stats: some({ tenantId, sessionId, groupBy: fc.constantFrom('agent', 'model', 'day') }),
})

/** Without the positions, which are others in a ledger. */
function unplaced(value: unknown): unknown {
  const positions = ['seq', 'log', 'firstSeq', 'lastSeq', 'lastLog']
  return JSON.parse(
    JSON.stringify(value ?? null, (key, inner: unknown) => (positions.includes(key) ? undefined : inner)),
  )
}

async function ledgerOf(parts: Split['parts']): Promise<AuditLogReader> {
  const stores = await Promise.all(parts.map((entries) => filled(memoryStore(), [entries])))
  const logs = stores.map((store, number) => ({ number, store, reader: readerOf(store) }))
  const [first, ...others] = logs
  if (!first) throw new Error('no log')
  return new LedgerReader({ logs: async () => [first, ...others], settle: async () => {}, refresh: async () => {} }, [])
}

test('a ledger answers as one log with the same events', async () => {
  await fc.assert(
    fc.asyncProperty(split, asked, fc.integer({ min: 1, max: 4 }), async ({ whole, parts }, query, size) => {
      const one = readerOf(await filled(memoryStore(), [whole]))
      const ledger = await ledgerOf(parts)
      const same = async (ask: (reader: AuditLogReader) => Promise<unknown>) => {
        const [expected, given] = await Promise.all([outcome(ask(one)), outcome(ask(ledger))])
        expect(unplaced(given)).toEqual(unplaced(expected))
      }
      await same((reader) => reader.events(query.events as never).toArray())
      await same(async (reader) => await readPages(reader.events(query.events as never), [size]))
      await same(async (reader) =>
        (await reader.entries(query.events as never).toArray()).map(({ bytes }) => String(bytes)),
      )
      await same((reader) => reader.events(query.events as never).count())
      await same((reader) => reader.runs(query.runs as never).toArray())
      await same((reader) => reader.runs(query.runs as never).count())
      await same((reader) => reader.sessions(query.sessions as never).count())
      await same((reader) => reader.agents(query.agents as never).count())
      await same(async (reader) => await readPages(reader.runs(query.runs as never), [size]))
      await same((reader) => reader.sessions(query.sessions as never).toArray())
      await same(async (reader) => await readPages(reader.sessions(query.sessions as never), [size]))
      await same((reader) => reader.agents(query.agents as never).toArray())
      // Pages of one log leave out an agent whose first event for a tenant is that of the agent before it.
      const agents = await ledger.agents(query.agents as never).toArray()
      expect(await readPages(ledger.agents(query.agents as never), [size])).toEqual(agents)
      await same((reader) => reader.stats(query.stats as never))
      for (const tenantId of ['a', 'b']) {
        await same(async (reader) => await reader.run('r-1', { tenantId }))
        await same((reader) =>
          reader
            .run('r-1', { tenantId })
            .steps(query.steps as never)
            .toArray(),
        )
        await same(
          async (reader) => await readPages(reader.run('r-1', { tenantId }).steps(query.steps as never), [size]),
        )
      }
      await same(async (reader) => await reader.run('r-2'))
    }),
    { numRuns: 60 },
  )
})

/** The result, or the code of a query that was refused. */
async function outcome(asked: Promise<unknown>): Promise<unknown> {
  try {
    return await asked
  } catch (error) {
    if (error instanceof AuditLogError && error.code === 'AUDIT_QUERY_INVALID') return { code: error.code }
    throw error
  }
}
