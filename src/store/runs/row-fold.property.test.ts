import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { StoredEvent } from '../../events/types.js'
import { Sealer } from '../../log/sealing/seal.js'
import { RunFold } from '../../reader/summaries/run-fold.js'
import type { SealedEntry } from '../contract.js'
import { decodeEntry } from '../decode-entry.js'
import { filedEvent } from '../filed-event.js'
import { decodeWithRun } from './decode-run.js'
import { joinedState } from './joined-rows.js'
import { RunRowFold } from './row-fold.js'
import { decodeRow, encodeRow } from './row-value.js'
import { MAX_NAMED, type RunOverview } from './run-overview.js'

// The row of a run is the same however it comes about: from events as they are recorded or from their stored bytes, in one
// go or with the state stored anywhere between.

const TRACE = 'f'.repeat(32)
const TYPES = [
  'run_started',
  'resumed',
  'run_completed',
  'run_failed',
  'run_cancelled',
  'run_suspended',
  'run_interrupted',
  'token_usage_updated',
  'tool_call_started',
  'tool_call_completed',
  'tool_call_failed',
  'tool_approval_granted',
  'error_occurred',
  'agent_handoff',
  'policy_decision',
  'guardrail_evaluated',
  'memory_written',
  'memory_deleted',
  'intervention',
  'custom',
]

const text = fc.oneof(
  fc.constantFrom('a', 'b', 'search', '__proto__', 'constructor', '\u0000', '\ud800', '"\\\n', '…'),
  fc.string({ unit: 'binary', maxLength: 5 }),
  fc.integer({ min: 1, max: 3000 }).map((length) => 'é'.repeat(length)),
)
const amount = fc.oneof(
  fc.constantFrom(0, -0, 0.1, 0.2, 0.7, 1e308, -1e308, 2 ** 53, Number.NaN, Infinity),
  fc.double(),
)
const junk = fc.oneof(fc.constantFrom(null, 7, '', 'x', true), fc.constant([]), fc.constant({}))
const agent = fc.record({ id: text, name: text }, { requiredKeys: [] })
const usage = fc.record(
  { inputTokens: amount, outputTokens: amount, totalTokens: amount, costUsd: amount, reasoningTokens: junk },
  { requiredKeys: [] },
)
const data = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record(
      {
        agent: fc.oneof(agent, junk),
        model: fc.oneof(text, junk),
        tool: fc.oneof(fc.record({ name: text }), junk),
        callId: text,
        startedAt: fc.oneof(fc.constantFrom('2026-01-01T00:00:00Z', 0, '2025'), junk),
        durationMs: fc.oneof(amount, junk),
        finishReason: fc.oneof(text, junk),
        reason: fc.oneof(text, junk),
        error: fc.oneof(fc.record({ code: text, message: text }, { requiredKeys: [] }), junk),
        usage: fc.oneof(usage, junk),
      },
      { requiredKeys: [] },
    ),
  },
  { weight: 2, arbitrary: usage },
  { weight: 1, arbitrary: junk },
)
const input = fc.record(
  {
    type: fc.constantFrom(...TYPES),
    time: fc.integer({ min: 0, max: 9 }).map((second) => `2026-01-01T00:00:0${second}Z`),
    tenantId: fc.constantFrom('t', 'other'),
    sessionId: fc.constantFrom('s-1', 's-2', TRACE, 'r', 'a/b'),
    runId: fc.constant('r'),
    parentRunId: fc.constantFrom('p-1', 'p-2'),
    id: fc.constantFrom('e-1', 'e-2', 'e-3', 'e-4'),
    supersedes: fc.constantFrom('e-1', 'e-2', 'e-3', 'e-4', 'none'),
    agent: fc.oneof(agent, fc.constantFrom({ id: 'a-1' }, { id: 'a-1', name: 'writer' }, { name: 'writer' })),
    actor: fc.oneof(fc.record({ id: text }), junk),
    trace: fc.constant({ traceId: TRACE, spanId: 'e'.repeat(16) }),
    source: fc.constantFrom(
      { convention: 'c', scope: 's' },
      { convention: 'c', scope: 's', confidence: 'claimed' },
      { convention: 'c', scope: 's', confidence: 'heuristic' },
    ),
    data,
  },
  { requiredKeys: ['type', 'runId', 'data', 'sessionId'] },
)

function sealed(inputs: readonly object[]): SealedEntry[] {
  const sealer = new Sealer(
    () => [1_795_300_506, 0],
    'log.example',
    '',
    () => 0,
  )
  return inputs.map((one) => sealer.seal(one as never, false).entry)
}

function rowOf(entries: readonly SealedEntry[], between: (fold: RunRowFold, at: number) => RunRowFold): RunOverview {
  let fold: RunRowFold | undefined
  for (const [seq, { event }] of entries.entries()) {
    fold = between(fold ?? RunRowFold.of({ runId: 'r' }, seq, event), seq)
    fold.add(seq, event)
  }
  return (fold as RunRowFold).overview()
}

const inputs = fc.array(input, { minLength: 1, maxLength: 30 })

type Input = typeof input extends fc.Arbitrary<infer Value> ? Value : never

/** Ends that share an id, of which one supersedes itself and its namesakes. */
const ENDS_OF_ONE_ID: readonly Input[] = ['é', 'b', 'a'].map((finishReason, at) => ({
  type: 'run_suspended',
  sessionId: 's-1',
  runId: 'r',
  id: 'e-1',
  ...(at === 2 && { supersedes: 'e-1' }),
  data: { finishReason },
}))

test('facts taken while an event is at hand are those of its stored bytes', () => {
  fc.assert(
    fc.property(inputs, (given) => {
      for (const { bytes, event } of sealed(given)) {
        const { run, actorId, toolName } = event
        const whole = decodeEntry(bytes)
        expect(decodeWithRun(bytes)).toMatchObject({ run, actorId, toolName })
        expect(whole && filedEvent(whole)).toMatchObject({ run, actorId, toolName })
      }
    }),
    { numRuns: 300 },
  )
})

test('a row is the same wherever its state was stored and read back between two events', () => {
  fc.assert(
    fc.property(inputs, fc.array(fc.boolean(), { minLength: 30, maxLength: 30 }), (given, isStored) => {
      const entries = sealed(given)
      const stored = (fold: RunRowFold, at: number) =>
        isStored[at] ? new RunRowFold(decodeRow(encodeRow(fold.state))) : fold
      expect(rowOf(entries, stored)).toStrictEqual(rowOf(entries, (fold) => fold))
    }),
    { numRuns: 300 },
  )
})

test('the sums of two parts of a run are joined to that of all of it, where they can be', () => {
  let joined = 0
  const start = input.map((one) => ({ ...one, type: 'run_started' }))
  const parts = fc.tuple(start, fc.array(input, { maxLength: 4 }), fc.array(input, { minLength: 1, maxLength: 4 }))
  fc.assert(
    fc.property(parts, ([first, before, after]) => {
      const entries = sealed([...[first, ...before].map((one) => ({ ...one, tenantId: 'before' })), ...after])
      const at = before.length + 1
      const sumOf = (from: number, to: number, tenantId: string) => {
        const fold = RunRowFold.of({ runId: 'r' }, from, { ...(entries[from] as SealedEntry).event, tenantId })
        for (let seq = from; seq < to; seq++) fold.add(seq, (entries[seq] as SealedEntry).event)
        return fold
      }
      const rest = sumOf(at, entries.length, 'after')
      const state = joinedState(sumOf(0, at, 'before').state, rest.state)
      if (!state) return
      joined++
      const all = sumOf(0, entries.length, 'after')
      // A session that is its trace, told by no event of its part, is overruled by that of the statement.
      expect(new RunRowFold(state).overview()).toEqual(all.overview())
      expect(new Map(state.firstSeqs)).toEqual(all.state.firstSeqs)
    }),
    { numRuns: 3_000 },
  )
  expect(joined).toBeGreaterThan(100)
})

test('a row says what the summary of the run says, but for the ends of long texts', () => {
  fc.assert(
    fc.property(inputs, (given) => {
      const entries = sealed(given)
      const events = entries.map(({ bytes }, seq) => ({ ...decodeEntry(bytes), seq }) as StoredEvent)
      const fold = new RunFold('r', events[0] as StoredEvent)
      const ofEvents = RunRowFold.of({ runId: 'r' }, 0, events[0] as StoredEvent)
      for (const event of events) {
        fold.add(event)
        ofEvents.add(event.seq, filedEvent(event))
      }
      const summary = fold.summary()
      const row = rowOf(entries, (unchanged) => unchanged)
      expect(ofEvents.overview()).toStrictEqual(row)
      for (const [name, value] of Object.entries(row)) {
        const whole = summary[name as keyof RunOverview]
        if (name === 'reason' || name === 'finishReason') expectBeginning(value, whole)
        else if (name === 'error') {
          expectBeginning(row.error?.code, summary.error?.code)
          expectBeginning(row.error?.message, summary.error?.message)
        } else expect(value).toStrictEqual(whole)
      }
      expect(Object.keys(summary)).toEqual(expect.arrayContaining(Object.keys(row)))
    }),
    { numRuns: 300, examples: [[[...ENDS_OF_ONE_ID]]] },
  )
})

function expectBeginning(cut: unknown, whole: unknown): void {
  if (String(cut).endsWith('…')) expect(String(whole).startsWith(String(cut).slice(0, -1))).toBe(true)
  else expect(cut).toBe(whole)
}

test('a row names a bounded number of agents, tools and models, and counts what it leaves out', () => {
  const named = (n: number) => ({ id: `a-${n}`, name: `agent ${n}` })
  const entries = sealed(
    Array.from({ length: 20 }, (_, n) => [
      {
        type: 'tool_call_started',
        runId: 'r',
        agent: named(n),
        data: { callId: `c-${n}`, tool: { name: `tool-${n}` } },
      },
      { type: 'token_usage_updated', runId: 'r', agent: named(n), data: { totalTokens: 1, model: `model-${n}` } },
    ]).flat(),
  )
  const { agents, tools, models, counts, eventCount } = rowOf(entries, (fold) => fold)
  const left = 20 - MAX_NAMED
  expect([agents.items.length, tools.items.length, models.items.length]).toEqual([MAX_NAMED, MAX_NAMED, MAX_NAMED])
  expect([agents.omitted, tools.omitted, models.omitted]).toEqual([2 * left, left, left])
  expect(counts.toolCalls).toEqual({ started: 20, completed: 0, failed: 0 })
  expect(eventCount).toBe(40)
})

test('a row of hostile events has a bounded size', () => {
  const long = (n: number) => `${n}${'x'.repeat(20_000)}`
  const entries = sealed(
    Array.from({ length: 200 }, (_, n) => ({
      type: TYPES[n % TYPES.length],
      runId: 'r',
      data: {
        agent: { id: long(n) },
        model: long(n),
        tool: { name: long(n) },
        error: { message: long(n) },
        reason: long(n),
      },
    })),
  )
  let fold: RunRowFold | undefined
  for (const [seq, { event }] of entries.entries()) {
    fold ??= RunRowFold.of({ runId: 'r' }, seq, event)
    fold.add(seq, event)
  }
  expect(encodeRow((fold as RunRowFold).state).length).toBeLessThan(64 * 1024)
})

test.each(['', '{}', '[]', 'null', '[1,2,3]', '\xff', JSON.stringify(Array(30).fill(null))])(
  'a value that is no row, as %j, is refused',
  (value) => {
    expect(() => decodeRow(Buffer.from(value, 'latin1'))).toThrow(RangeError)
  },
)
