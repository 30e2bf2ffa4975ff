import { expect, test } from 'vitest'
import type { RecordInput } from '../log/contract.js'
import { Sealer } from '../log/sealing/seal.js'
import { Governor } from './governor.js'
import type { DisabledRedactor } from './redaction/contract.js'

const POLICY = {
  name: 'p',
  version: '2',
  rules: [
    { name: 'probes', match: { agent: 'probe' }, payload: 'none' },
    { match: { type: 'custom' }, payload: 'none' },
  ],
} as const

function governorAt(time: { now: string }, disabled: DisabledRedactor[] = []) {
  const redaction = {
    redact: ({ value }: { value: unknown }) => ({ value, found: [] }),
    takeDisabled: () => disabled.splice(0),
  }
  const policy = { policy: POLICY, digest: 'sha256:0', redaction }
  return new Governor({ policy, keys: undefined, now: () => time.now, report: () => {} })
}

const at = (hour: number, minute: number) => `2026-12-01T0${hour}:${minute < 10 ? '0' : ''}${minute}:00.000000000Z`
const custom = { type: 'custom', data: { name: 'x' } } as const satisfies RecordInput

test('what is left out is counted by rule, and stated an hour after the first', () => {
  const time = { now: at(1, 0) }
  const governor = governorAt(time)
  governor.govern(custom)
  governor.govern({ ...custom, agent: { id: 'probe' } } as RecordInput)
  time.now = at(1, 59)
  governor.govern(custom)
  expect(governor.statements(false)).toEqual([])
  time.now = at(2, 0)
  const rules = [
    { rule: '2', count: 2 },
    { rule: 'probes', count: 1 },
  ]
  expect(governor.statements(false)).toMatchObject([
    { type: 'events_left_out', data: { policy: 'p', version: '2', rules, from: at(1, 0), to: at(2, 0) } },
  ])
  expect(governor.statements(false)).toEqual([])
})

test('what is left out, and starts that are held back, are stated when the log is closed', () => {
  const governor = governorAt({ now: at(1, 0) })
  const start = { type: 'run_started', runId: 'r', data: { agent: { id: 'probe' } } } as const
  expect(governor.govern(start)).toEqual({ kind: 'held' })
  governor.govern(custom)
  const [statement] = governor.statements(true)
  expect(statement?.data).toMatchObject({
    rules: [
      { rule: '2', count: 1 },
      { rule: 'probes', count: 1 },
    ],
  })
})

test('what is left out is stated by the policy that left it out, before another is applied', () => {
  const governor = governorAt({ now: at(1, 0) })
  governor.govern(custom)
  governor.apply({ ...governor.policy, policy: { name: 'other' }, digest: 'sha256:1' })
  expect(governor.statements(false)).toMatchObject([{ type: 'events_left_out', data: { policy: 'p' } }])
})

test('counts of many rules are several statements, none of which is cut in its entry', () => {
  const rules = Array.from({ length: 200 }, (_, n) => ({
    name: `${n}${'\u0001'.repeat(1000)}`,
    match: { tool: `t-${n}` },
    payload: 'none' as const,
  }))
  const time = { now: at(1, 0) }
  const governor = governorAt(time)
  governor.apply({ ...governor.policy, policy: { name: 'many', rules } })
  for (let n = 0; n < 200; n++) {
    governor.govern({ type: 'tool_call_started', data: { callId: 'c', tool: { name: `t-${n}`, type: 'function' } } })
  }
  const statements = governor.statements(true)
  const sealer = new Sealer(() => [0, 0], 'test')
  const stated = statements.map((statement) => sealer.sealStatement(statement).event)
  expect(stated.flatMap(({ altered = [] }) => altered)).toEqual([])
  const counted = stated.flatMap((event) => (event.type === 'events_left_out' ? event.data.rules : []))
  expect(counted).toEqual(rules.map(({ name }) => ({ rule: name, count: 1 })))
})

test('a clock that is set back keeps no count from being stated', () => {
  const time = { now: at(5, 0) }
  const governor = governorAt(time)
  governor.govern(custom)
  time.now = at(1, 0)
  expect(governor.statements(false)).toMatchObject([{ data: { from: at(5, 0), to: at(5, 0) } }])
})

test('a redactor that was switched off is stated once', () => {
  const governor = governorAt({ now: at(1, 0) }, [{ redactor: 'names', budgetMs: 5 }])
  expect(governor.statements(false)).toMatchObject([
    { type: 'redactor_disabled', data: { redactor: 'names', budgetMs: 5 } },
  ])
  expect(governor.statements(false)).toEqual([])
})
