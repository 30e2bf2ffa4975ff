import { expect, test } from 'vitest'
import { readerOfEvents } from '../../test/reader/reader-of.js'
import { at, runEvent, started } from '../../test/reader/run-events.js'
import { eventLine, runLine, treeLines } from './render.js'

test('a run tells for whom it was, who approved what and when, and that once', async () => {
  const scope = { tenantId: 'acme', sessionId: 's-1' }
  const tool = { name: 'refund' }
  const reader = await readerOfEvents(
    started({ ...scope, time: at(0), actor: { id: 'ada' }, runId: 'r-1' }),
    runEvent('tool_approval_granted', { callId: 'c', tool, by: 'bob' }, { ...scope, time: at(1), runId: 'r-1' }),
    started({ ...scope, time: at(2), runId: 'r-2', parentRunId: 'r-1' }),
  )
  const run = await reader.run('r-1', { tenantId: 'acme' })
  const lines = run ? treeLines(run, (_, text) => text) : []
  expect(lines).toContain('├─ session s-1  tenant=acme  actor=ada')
  expect(lines.filter((line) => line.includes('session'))).toHaveLength(1)
  expect(lines).toContainEqual(
    expect.stringMatching(/tool_approval_granted \d{4}-.*Z {2}callId=c tool\.name=refund by=bob$/),
  )
})

test('who was asked about a tool stands among its calls, in the order of time', async () => {
  const call = (callId: string) => ({ callId, tool: { name: callId } })
  const reader = await readerOfEvents(
    started({ time: at(0) }),
    runEvent('tool_call_started', call('first'), { time: at(1) }),
    runEvent('tool_approval_requested', call('second'), { time: at(2) }),
    runEvent('tool_approval_granted', { ...call('second'), by: 'bob' }, { time: at(3) }),
    runEvent('tool_call_started', call('second'), { time: at(4) }),
    runEvent('tool_call_completed', { ...call('second'), durationMs: 1 }, { time: at(5) }),
    runEvent('tool_approval_denied', { ...call('third'), by: 'bob' }, { time: at(6) }),
    runEvent('tool_call_completed', { ...call('late'), durationMs: 1 }, { time: at(7) }),
  )
  const run = await reader.run('r-1')
  const lines = run ? treeLines(run, (_, text) => text) : []
  const shown = lines.flatMap((line) => /─ (tool\S* (?!20)\w+|tool_\w+)/.exec(line)?.[1] ?? [])
  expect(shown).toEqual([
    'tool first',
    'tool_approval_requested',
    'tool_approval_granted',
    'tool second',
    'tool_approval_denied',
    'tool late',
  ])
})

test('a list within an event shows its first items, and how many more there are', async () => {
  const many = Array.from({ length: 60_000 }, (_, n) => n)
  const data = { none: [], some: ['a', 'b\u001b', { c: [1] }, null], many, long: ['x'.repeat(1000)] }
  const line = (name: keyof typeof data) =>
    eventLine({ seq: 1, type: 'custom', time: at(0), data: { [name]: data[name] } } as never, (_, text) => text)
  expect(line('none')).toMatch(/none=\[\]$/)
  expect(line('some')).toMatch(/some=\[a, b\\u\{1b\}, \{"c":\[1\]\}, null\]$/)
  expect(line('many')).toMatch(/many=\[0, 1, 2, 3, 4, … 59995 more\]$/)
  expect(line('long')).toMatch(/long=\[x{39}…\]$/)
})

test.each(['tool_approval_requested', 'tool_approval_granted', 'tool_approval_denied', 'agent_handoff'])(
  '%s is never shown without the mark of what it rests on',
  async (type) => {
    const plain = (_: unknown, text: string) => text
    const data = type === 'agent_handoff' ? { to: 'b' } : { callId: 'c', tool: { name: 'refund' } }
    for (const confidence of ['claimed', 'heuristic'] as const) {
      const source = { convention: 'ai-sdk', scope: 'ai', confidence }
      const event = runEvent(type as 'tool_approval_granted', data as never, { time: at(1), source })
      const reader = await readerOfEvents(started({ time: at(0) }), event)
      const run = await reader.run('r-1')
      const [, stored] = await reader.events().toArray()
      const label = type === 'agent_handoff' ? 'handoff' : type
      expect(run ? treeLines(run, plain) : []).toContainEqual(expect.stringContaining(`${label} (${confidence}) `))
      expect(stored && eventLine(stored, plain)).toContain(`${type} (${confidence})`)
      const colours: string[] = []
      if (stored) eventLine(stored, (colour, text) => `${colours.push(colour)}${text}`)
      expect(colours.includes('green')).toBe(confidence === 'heuristic' && type === 'tool_approval_granted')
    }
  },
)

test('a run whose end is a guess says so, in the list and as a tree', async () => {
  const source = { convention: 'mastra', scope: 'm', confidence: 'heuristic' as const }
  const reader = await readerOfEvents(
    started({ time: at(0) }),
    runEvent('run_suspended', { reason: 'approval' }, { time: at(1), source }),
  )
  const run = await reader.run('r-1')
  const plain = (_: unknown, text: string) => text
  expect(run && runLine(run, plain)).toContain('suspended (heuristic)')
  expect(run ? treeLines(run, plain)[0] : '').toContain('suspended (heuristic)')
})
