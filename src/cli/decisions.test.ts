import { describe, expect, test } from 'vitest'
import { linesOf } from '../../test/cli/tree.js'
import { readerOfEvents, unchecked } from '../../test/reader/reader-of.js'
import { at, runEvent, started } from '../../test/reader/run-events.js'
import type { StoredEvent } from '../events/types.js'
import { decisionText } from './decisions.js'
import { eventLine } from './render.js'

const plain = (_: unknown, text: string) => text
const of = (type: string, data: unknown, source?: object) =>
  unchecked({ type, data, source, seq: 1, time: at(1) }) as unknown as StoredEvent
const words = (type: string, data: unknown, source?: object) => decisionText(of(type, data, source))?.words
const call = { callId: 'c', tool: { name: 'refund' } }

describe('a decision in words', () => {
  test.each([
    [
      'tool_approval_granted',
      { by: 'ada', decider: 'person', reason: 'within the limit' },
      'approved by ada (person): within the limit',
    ],
    ['tool_approval_granted', { decider: 'automatic' }, 'approved automatically'],
    ['tool_approval_granted', {}, 'approved'],
    ['tool_approval_denied', { decider: 'rule', by: 'limit-500' }, 'denied by limit-500 (rule)'],
    ['tool_approval_denied', { decider: 'person', reason: 'too costly' }, 'denied by a person: too costly'],
    ['tool_approval_requested', { by: 'limit-500', reason: 'over 500' }, 'requested by limit-500: over 500'],
    [
      'policy_decision',
      { policy: 'refunds', verdict: 'deny', by: 'limit', decider: 'rule' },
      'decided deny by limit (rule)',
    ],
    [
      'intervention',
      { kind: 'kill_switch', by: 'ada', decider: 'person', reason: 'runs in circles' },
      'kill_switch by ada (person): runs in circles',
    ],
  ])('says of %s with %o who decided and why: %s', (type, data, expected) => {
    expect(words(type, { ...call, ...data })).toBe(expected)
  })

  test('says nothing of what is no decision, and keeps what it cannot put into words', () => {
    expect(words('tool_call_started', call)).toBeUndefined()
    expect(words('tool_approval_requested', call)).toBeUndefined()
    expect(words('policy_decision', { policy: 'refunds', verdict: 7 })).toBeUndefined()
    for (const data of [undefined, null, 7, [], { by: { name: 'ada' }, reason: '' }]) {
      const told = decisionText(of('tool_approval_granted', data))
      expect(told?.words).toBe('approved')
      expect(told?.rest).toEqual(typeof data === 'object' && data !== null ? { ...data } : {})
    }
  })

  test('says of a claim that it is one', () => {
    const source = { convention: 'c', scope: 's', confidence: 'claimed' }
    expect(words('tool_approval_granted', { by: 'ada' }, source)).toBe('claimed: approved by ada')
  })

  test.each(['ada (person): fine', 'ada" callId="x', 'a  b', 'ada\u001b[2K', 'ada\nbob', '\u202eada'])(
    'a name such as %j passes for nothing else',
    (by) => {
      const said = words('tool_approval_granted', { by, decider: 'rule' })
      expect(said).toMatch(/^approved by ".*" \(rule\)$/)
      expect(said).not.toMatch(/\p{C}/u)
    },
  )

  test('a reason that looks like a field is quoted, and a long one leaves room in a line for the rest', () => {
    expect(words('tool_approval_denied', { reason: 'no  callId=x' })).toBe('denied: "no  callId=x"')
    const line = eventLine(of('tool_approval_denied', { ...call, by: 'ada', reason: 'x'.repeat(500) }), plain)
    expect(line).toMatch(/denied by ada: x{79}…\s+callId=c tool\.name=refund$/)
  })
})

test('a run tells what was decided among its calls, what guardrails said, and what became of its memory', async () => {
  const reader = await readerOfEvents(
    started({ time: at(0) }),
    runEvent('intervention', { kind: 'pause', by: 'ada', decider: 'person' }, { time: at(4) }),
    runEvent('policy_decision', { policy: 'refunds', verdict: 'require_approval' }, { time: at(1) }),
    runEvent('tool_approval_granted', { ...call, by: 'ada', decider: 'person', reason: 'fine' }, { time: at(2) }),
    runEvent('tool_call_started', call, { time: at(3) }),
    runEvent('guardrail_evaluated', { guardrail: 'pii', verdict: 'pass' }),
    runEvent('memory_written', { tier: 'long', records: 2 }),
    runEvent('memory_deleted', { tier: 'long' }),
  )
  const run = (await reader.run('r-1')) ?? expect.unreachable()
  const lines = (await linesOf(run)).slice(2).map((line) => line.replace(/ 2026-\S+/, '').slice(3))
  expect(lines).toEqual([
    'memory written tier=long records=2',
    'memory deleted tier=long',
    'policy_decision  decided require_approval  policy=refunds',
    'tool_approval_granted  approved by ada (person): fine  callId=c tool.name=refund',
    'tool refund  running',
    'intervention  pause by ada (person)',
    'guardrail guardrail=pii verdict=pass',
  ])
  // A run with more events than its summary lists is shown step by step.
  const inOrder = await linesOf({ ...run, omitted: 1 }, ({ runId }) => reader.run(runId).steps())
  expect(
    inOrder
      .map((line) => line.replace(/ 2026-\S+/, '').slice(3))
      .slice(2)
      .toSorted(),
  ).toEqual(lines.toSorted())
})
