import { expect, test } from 'vitest'
import { linesOf } from '../../test/cli/tree.js'
import { filled, readerOf, readerOfEvents } from '../../test/reader/reader-of.js'
import { at, runEvent, started } from '../../test/reader/run-events.js'
import { memoryStore } from '../store/memory/index.js'
import { sealedEntries } from '../testing/index.js'
import { type EventsOf, fullRun } from './full-run.js'
import { type StreamedObject, streamedJson } from './streamed-json.js'
import type { StepsOf } from './tree-lines.js'

test('a run tells for whom it was, who approved what and when, and that once', async () => {
  const scope = { tenantId: 'acme', sessionId: 's-1' }
  const tool = { name: 'refund' }
  const reader = await readerOfEvents(
    started({ ...scope, time: at(0), actor: { id: 'ada' }, runId: 'r-1' }),
    runEvent('tool_approval_granted', { callId: 'c', tool, by: 'bob' }, { ...scope, time: at(1), runId: 'r-1' }),
    started({ ...scope, time: at(2), runId: 'r-2', parentRunId: 'r-1' }),
  )
  const run = await reader.run('r-1', { tenantId: 'acme' })
  const lines = await linesOf(run)
  expect(lines).toContain('├─ session s-1  tenant=acme  actor=ada')
  expect(lines.filter((line) => line.includes('session'))).toHaveLength(1)
  expect(lines).toContainEqual(
    expect.stringMatching(/tool_approval_granted \d{4}-.*Z {2}approved by bob {2}callId=c tool\.name=refund$/),
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
  const lines = await linesOf(run)
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

const LONG = 1200

/** A run of many calls and a few recalls, and one below it that is as long. */
async function longRun() {
  const step = (n: number, runId: string) => {
    if (n % 400 === 399) return runEvent('memory_recall', { tier: 'long', hits: n }, { runId })
    return runEvent('tool_call_completed', { callId: `c-${n}`, tool: { name: `tool-${n}` } }, { runId })
  }
  const begun = [
    started({ time: at(0) }),
    started({ runId: 'r-2', parentRunId: 'r-1', agent: { name: 'below' }, time: at(0) }),
  ]
  const store = await filled(memoryStore(), [
    sealedEntries(2, (n) => begun[n] as (typeof begun)[0]),
    sealedEntries(LONG, (n) => step(n, 'r-1')),
    sealedEntries(LONG, (n) => step(n, 'r-2')),
  ])
  const reader = readerOf(store)
  const run = (await reader.run('r-1')) ?? expect.unreachable()
  const stepsOf: StepsOf = ({ runId }) => reader.run(runId).steps()
  const eventsOf: EventsOf = ({ runId }, type) => reader.events({ runId, type })
  return { run, stepsOf, eventsOf }
}

test('a run of any length is shown with all that it did, in append order, and so is one below it', async () => {
  const { run, stepsOf } = await longRun()
  const lines = await linesOf(run, stepsOf)
  const steps = Array.from({ length: LONG }, (_, n) =>
    n % 400 === 399 ? `memory tier=long hits=${n}` : `tool tool-${n}  completed`,
  )
  const own = lines.filter((line) => line.startsWith('├─ ')).map((line) => line.slice(3))
  expect(own.slice(1)).toEqual(steps)
  const below = lines.indexOf(lines.find((line) => line.startsWith('└─ below')) ?? '')
  const ofBelow = lines.slice(below + 1)
  expect(ofBelow.slice(0, -1)).toEqual(steps.slice(0, -1).map((line) => `   ├─ ${line}`))
  expect(ofBelow.at(-1)).toBe(`   └─ ${steps.at(-1)}`)
})

async function jsonOf(whole: StreamedObject, indent: number): Promise<string> {
  let json = ''
  for await (const piece of streamedJson(whole, indent)) json += piece
  return json
}

test('as JSON, of a run with several long lists the steps are read once, and else the events of those lists', async () => {
  const step = (n: number) =>
    n % 3 === 0
      ? runEvent('tool_call_completed', { callId: `c-${n}`, tool: { name: 'search' } })
      : runEvent(n % 3 === 1 ? 'memory_recall' : 'error_occurred', {
          tier: 'long',
          hits: n,
          error: { code: 'E', message: `m-${n}` },
        })
  const reader = readerOf(await filled(memoryStore(), [sealedEntries(3 * LONG, step)]))
  const run = (await reader.run('r-1')) ?? expect.unreachable()
  const read: unknown[] = []
  const stepsOf: StepsOf = ({ runId }) => {
    read.push('steps')
    return reader.run(runId).steps()
  }
  const eventsOf: EventsOf = ({ runId }, type) => {
    read.push(type)
    return reader.events({ runId, type })
  }
  const said = JSON.parse(await jsonOf(fullRun(run, stepsOf, eventsOf), 0))
  expect(read).toEqual(['steps', ['memory_recall'], ['error_occurred']])
  expect(said.toolCalls).toHaveLength(LONG)
  const events = await reader.events({ type: 'memory_recall' }).toArray()
  expect(said.memoryRecalls).toEqual(events)
  expect(said.errors.map(({ seq }: { seq: number }) => seq)).toEqual(Array.from({ length: LONG }, (_, n) => 3 * n + 2))
  expect(said.omitted).toBe(0)
})

test.each([0, 2])('as JSON with an indent of %i it has lists that leave nothing out', async (indent) => {
  const { run, stepsOf, eventsOf } = await longRun()
  const json = await jsonOf(fullRun(run, stepsOf, eventsOf), indent)
  const said = JSON.parse(json)
  expect(json).toBe(JSON.stringify(said, null, indent))
  const toolCalls = Array.from({ length: LONG }, (_, n) => n)
    .filter((n) => n % 400 !== 399)
    .map((n) => ({ callId: `c-${n}`, name: `tool-${n}`, status: 'completed', endedAt: expect.any(String) }))
  expect(run.omitted).toBe(toolCalls.length - 1000)
  const expected = { ...run, toolCalls, omitted: 0 }
  expect({ ...said, subRuns: [] }).toEqual({ ...expected, subRuns: [] })
  expect(said.subRuns).toEqual([{ ...run.subRuns[0], toolCalls, omitted: 0 }])
})

test('a run that a summary lists whole is the same JSON as the summary, and its steps are not read', async () => {
  const reader = await readerOfEvents(started({ time: at(0) }), started({ runId: 'r-2', parentRunId: 'r-1' }))
  const run = (await reader.run('r-1')) ?? expect.unreachable()
  for (const indent of [0, 2]) {
    const whole = fullRun(
      run,
      () => expect.unreachable(),
      () => expect.unreachable(),
    )
    const json = await jsonOf(whole, indent)
    expect(json).toBe(JSON.stringify(run, null, indent))
  }
})
