import { expect, test } from 'vitest'
import { linesOf } from '../../test/cli/tree.js'
import { readerOfEvents } from '../../test/reader/reader-of.js'
import { at, runEvent, started } from '../../test/reader/run-events.js'
import { eventLine, runLine } from './render.js'

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
      expect(await linesOf(run)).toContainEqual(expect.stringContaining(`${label} (${confidence}) `))
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
  expect((await linesOf(run))[0]).toContain('suspended (heuristic)')
})
