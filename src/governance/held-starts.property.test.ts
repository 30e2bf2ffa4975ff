import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { RecordInput } from '../log/contract.js'
import { Governor } from './governor.js'
import { MAX_HELD_BYTES, MAX_HELD_STARTS } from './held-starts.js'
import type { PolicyRule } from './policy/policy.js'

const NO_REDACTION = { redact: ({ value }: { value: unknown }) => ({ value, found: [] }), takeDisabled: () => [] }

function governorOf(rules: readonly PolicyRule[], report: (problem: Error) => void = () => {}) {
  let seconds = 0
  const now = () => `2026-12-01T00:00:${String(seconds++ % 60).padStart(2, '0')}.000000000Z`
  const policy = { policy: { name: 'p', rules }, digest: 'sha256:0', redaction: NO_REDACTION }
  return new Governor({ policy, keys: undefined, now, report })
}

/** An event of any type, without what its `data` should have: policies do not ask for it. */
function event(fields: { readonly type: string; readonly runId?: string }): RecordInput {
  return { data: {}, ...fields } as RecordInput
}

const ENDS = ['run_completed', 'run_failed', 'run_cancelled', 'run_interrupted'] as const
const inner = fc.constantFrom('tool_call_started', 'run_suspended', 'resumed', 'run_started', 'custom')

/** The life of a run: its start, what happens in it, its end, and the same end once more. */
const life = (runId: string) =>
  fc
    .tuple(fc.array(inner, { maxLength: 5 }), fc.constantFrom(...ENDS), fc.nat({ max: 2 }))
    .map(([within, end, late]) =>
      ['run_started', ...within, end, ...Array<string>(late).fill(end)].map((type) => event({ type, runId })),
    )

const lives = fc.tuple(life('a'), life('b'), life('c')).chain((all) => {
  const turns = all.flatMap((events, run) => events.map(() => run))
  return fc.shuffledSubarray(turns, { minLength: turns.length, maxLength: turns.length }).map((order) => {
    const rest = all.map((events) => [...events])
    return order.map((run) => rest[run]?.shift() as RecordInput)
  })
})

const type = fc.constantFrom(
  'run_*',
  'run_started',
  'run_suspended',
  'resumed',
  'tool_*',
  'custom',
  'run_completed',
  '*',
)
const rules = fc.array(
  fc.record({ match: fc.record({ type }), payload: fc.constantFrom('none', 'digest') }) as fc.Arbitrary<PolicyRule>,
  { minLength: 1, maxLength: 4 },
)

test('a run with any recorded event has its start first, and its end; what is left out is counted', () => {
  fc.assert(
    fc.property(rules, lives, (given, events) => {
      const governor = governorOf(given)
      const recorded = events.flatMap((event) => {
        const verdict = governor.govern(event)
        return verdict.kind === 'record' ? verdict.events.map(({ input }) => input) : []
      })
      for (const runId of ['a', 'b', 'c']) {
        const types = recorded.filter((event) => event.runId === runId).map((event) => event.type)
        if (types.length === 0) continue
        expect(types[0]).toBe('run_started')
        expect(types.some((each) => (ENDS as readonly string[]).includes(each))).toBe(true)
      }
      const [statement] = governor.statements(true)
      const counted = statement?.type === 'events_left_out' ? statement.data.rules : []
      expect(counted.reduce((sum, { count }) => sum + count, 0) + recorded.length).toBe(events.length)
    }),
    { numRuns: 2_000 },
  )
})

const NOTHING_OF_RUNS: readonly PolicyRule[] = [
  { name: 'runs', match: { type: ['run_*', 'resumed'] }, payload: 'none' },
]

test('a start that is held back is recorded as it was, with its time, in front of what follows', () => {
  const governor = governorOf(NOTHING_OF_RUNS)
  const agent = { id: 'a-1' }
  expect(governor.govern({ type: 'run_started', runId: 'r', data: { agent } })).toEqual({ kind: 'held' })
  agent.id = 'changed meanwhile'
  const verdict = governor.govern({ type: 'custom', runId: 'r', data: { name: 'x' } })
  expect(verdict).toMatchObject({
    kind: 'record',
    events: [
      { input: { type: 'run_started', time: '2026-12-01T00:00:00.000000000Z', data: { agent: { id: 'a-1' } } } },
      { input: { type: 'custom' } },
    ],
  })
})

test('a start that somebody waits for is recorded, and so is its end', () => {
  const governor = governorOf(NOTHING_OF_RUNS)
  expect(governor.governAwaited(event({ type: 'run_started', runId: 'r' })).kind).toBe('record')
  expect(governor.govern(event({ type: 'run_completed', runId: 'r' })).kind).toBe('record')
})

test('an event that somebody waits for and that the policy leaves out says by which rule', () => {
  const governor = governorOf([{ name: 'no customs', match: { type: 'custom' }, payload: 'none' }])
  expect(governor.governAwaited({ type: 'custom', data: { name: 'x' } })).toEqual({
    kind: 'left_out',
    rule: 'no customs',
  })
})

test('the end of a run that began before the log was open is recorded', () => {
  expect(governorOf(NOTHING_OF_RUNS).govern(event({ type: 'run_failed', runId: 'r' })).kind).toBe('record')
})

test('starts and ends without a run are left out', () => {
  const governor = governorOf(NOTHING_OF_RUNS)
  expect(governor.govern(event({ type: 'run_started' })).kind).toBe('left_out')
  expect(governor.govern(event({ type: 'run_completed' })).kind).toBe('left_out')
})

test('starts beyond the limit are recorded, with their ends', () => {
  const governor = governorOf(NOTHING_OF_RUNS)
  const start = (n: number) => governor.govern(event({ type: 'run_started', runId: `r-${n}` })).kind
  for (let n = 0; n < MAX_HELD_STARTS; n++) start(n)
  expect(start(MAX_HELD_STARTS)).toBe('record')
  expect(governor.govern(event({ type: 'run_completed', runId: `r-${MAX_HELD_STARTS}` })).kind).toBe('record')
})

test('starts that take too much memory are recorded, and that is reported once', () => {
  const problems: Error[] = []
  const governor = governorOf(NOTHING_OF_RUNS, (problem) => problems.push(problem))
  const start = (n: number) =>
    governor.govern({ ...event({ type: 'run_started', runId: `r-${n}` }), agent: { id: 'x'.repeat(1024 * 1024) } }).kind
  const kinds = Array.from({ length: 16 }, (_, n) => start(n))
  const held = kinds.filter((kind) => kind === 'held').length
  expect(held * 2 * 1024 * 1024).toBeLessThanOrEqual(MAX_HELD_BYTES)
  expect(kinds.slice(held)).toEqual(Array(16 - held).fill('record'))
  expect(problems).toEqual([expect.objectContaining({ message: expect.stringContaining('Record the ends of runs') })])
  for (let n = 0; n < 16; n++) governor.govern(event({ type: 'run_completed', runId: `r-${n}` }))
  expect(start(17)).toBe('held')
})

const IDENTIFIED = { type: 'run_identified', runId: 'r', data: { previous: { tenantId: 'default' } } } as const

test('a statement on the identity of a run waits with its start, and goes with it', () => {
  const governor = governorOf(NOTHING_OF_RUNS)
  governor.govern(event({ type: 'run_started', runId: 'r' }))
  expect(governor.governStatement(IDENTIFIED)).toEqual([])
  const verdict = governor.govern({ type: 'custom', runId: 'r', data: { name: 'x' } })
  expect(verdict).toMatchObject({
    events: [
      { input: { type: 'run_started' } },
      { input: { type: 'run_identified', time: expect.any(String) }, isStatement: true },
      { input: { type: 'custom' } },
    ],
  })
  expect(governor.governStatement(IDENTIFIED)).toMatchObject([{ input: IDENTIFIED, isStatement: true }])
})

test('a statement that says what is missing of a run has its start in front', () => {
  const governor = governorOf(NOTHING_OF_RUNS)
  governor.govern(event({ type: 'run_started', runId: 'r' }))
  expect(governor.governStatement(event({ type: 'events_dropped', runId: 'r' }))).toMatchObject([
    { input: { type: 'run_started' } },
    { input: { type: 'events_dropped' }, isStatement: true },
  ])
  expect(governor.govern(event({ type: 'run_completed', runId: 'r' })).kind).toBe('record')
})

test('a start that was held back under an earlier policy is counted for that one', () => {
  const governor = governorOf(NOTHING_OF_RUNS)
  governor.govern(event({ type: 'run_started', runId: 'r' }))
  const rules = [{ name: 'tools', match: { type: ['tool_*', 'run_*'] }, payload: 'none' }] as const
  governor.apply({ ...governor.policy, policy: { name: 'q', rules }, digest: 'sha256:1' })
  governor.govern(event({ type: 'run_completed', runId: 'r' }))
  expect(governor.statements(true).map(({ data }) => data)).toMatchObject([
    { policy: 'p', rules: [{ rule: 'runs', count: 1 }] },
    { policy: 'q', rules: [{ rule: 'tools', count: 1 }] },
  ])
})

test('an event that cannot be read never throws', () => {
  const hostile = new Proxy(
    {},
    {
      get: () => {
        throw new Error('no')
      },
      has: () => {
        throw new Error('no')
      },
    },
  )
  for (const given of [[], NOTHING_OF_RUNS, [{ name: 'all', payload: 'none' }] as const]) {
    expect(() => governorOf(given).govern(hostile as RecordInput)).not.toThrow()
  }
})
