import { trace } from '@opentelemetry/api'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { agentRecords } from '../../../test/support/agent-records.js'
import { startRecordingSdk } from '../../../test/support/audited-sdk.js'
import type { Convention, RunReport } from '../conventions/contract.js'

vi.mock(import('../../timers/real-timers.js'), async (actual) => ({
  ...(await actual()),
  ...(await import('../../../test/support/replaceable-timers.js')),
}))

const MINUTE = 60_000

/** Tells what an event carries as JSON. */
const told: Convention = {
  name: 'told',
  namePrefixes: ['prompt '],
  eventPrefixes: ['told.'],
  recognise: (span) => ({ kind: 'run', agent: { name: 'teller' }, keys: [span.name.slice('prompt '.length)] }),
  report: ({ attributes }) => ({
    sessionId: 's',
    keys: [],
    agent: { name: 'teller' },
    ...parsed(attributes.report),
  }),
}

function parsed(report: unknown): Partial<RunReport> {
  return JSON.parse(String(report)) as Partial<RunReport>
}

function teller() {
  const { audit, log } = startRecordingSdk({ conventions: [told] })
  const emit = agentRecords(audit, { prefix: 'told.', scope: 'teller', common: {} })
  const types = () => log.events.map(({ type }) => type).filter((type) => !type.startsWith('audit_'))
  const tell = (report: Partial<RunReport>) => emit('it', { report: JSON.stringify(report) })
  const begin = (key: string) =>
    tell({ keys: [key], begins: { runId: `run-${key}`, mark: key }, progress: { status: 'working' } })
  return { audit, log, tell, begin, types }
}

beforeEach(() => {
  vi.useFakeTimers()
})

afterEach(() => {
  vi.useRealTimers()
})

describe('a run that log records tell of', () => {
  test('ends after five minutes of silence once it has been answered', async () => {
    const { tell, begin, types } = teller()
    begin('a')
    tell({ keys: ['a'], progress: { status: 'answered' } })
    await vi.advanceTimersByTimeAsync(4 * MINUTE)
    expect(types()).toEqual(['run_started'])
    await vi.advanceTimersByTimeAsync(2 * MINUTE)
    expect(types()).toEqual(['run_started', 'run_completed'])
  })

  test('is given up as any other while it has not', async () => {
    const { begin, types } = teller()
    begin('a')
    await vi.advanceTimersByTimeAsync(29 * MINUTE)
    expect(types()).toEqual(['run_started'])
    await vi.advanceTimersByTimeAsync(2 * MINUTE)
    expect(types()).toEqual(['run_started', 'run_interrupted'])
  })

  test('ends when another of its session has begun', async () => {
    const { log, begin } = teller()
    begin('a')
    begin('b')
    await vi.advanceTimersByTimeAsync(10_000)
    expect(log.events.at(-1)).toMatchObject({
      type: 'run_cancelled',
      runId: 'run-a',
      source: { confidence: 'heuristic' },
    })
  })

  test('ends with the record that says so, and not again', async () => {
    const { audit, tell, begin, types } = teller()
    begin('a')
    tell({ keys: ['a'], ends: { outcome: 'failed', error: { code: 'E', message: '' } } })
    tell({ keys: ['a'], progress: { status: 'answered' } })
    await audit.shutdown()
    expect(types()).toEqual(['run_started', 'run_failed'])
  })

  test('is the one of a span with its key, which ends it', async () => {
    const { audit, log, tell, begin, types } = teller()
    begin('a')
    await vi.advanceTimersByTimeAsync(1)
    const span = trace.getTracer('teller').startSpan('prompt a')
    tell({ keys: ['a'], progress: { status: 'answered' } })
    await vi.advanceTimersByTimeAsync(10 * MINUTE)
    expect(types()).toEqual(['run_started'])
    span.end()
    await audit.shutdown()
    expect(types()).toEqual(['run_started', 'run_completed'])
    expect(new Set(log.events.flatMap(({ runId }) => runId ?? []))).toEqual(new Set(['run-a']))
  })

  test('whose start is late begins with what waits for it', async () => {
    const { tell, types } = teller()
    tell({ keys: ['a'], call: { callId: 'c', tool: { name: 't' }, outcome: 'completed' } })
    await vi.advanceTimersByTimeAsync(10_000)
    expect(types()).toEqual([])
    await vi.advanceTimersByTimeAsync(10_000)
    expect(types()).toEqual(['run_started', 'tool_call_started', 'tool_call_completed'])
  })
})

test('more runs than are followed at a time end the oldest', async () => {
  const { log, begin, types } = teller()
  for (let i = 0; i < 4100; i++) begin(`k${i}`)
  await vi.advanceTimersByTimeAsync(1)
  expect(types().filter((type) => type === 'run_started')).toHaveLength(4100)
  expect(log.events.find(({ type }) => type === 'run_cancelled')?.runId).toBe('run-k0')
})
