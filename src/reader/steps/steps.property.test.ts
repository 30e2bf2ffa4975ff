import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type EngineName, enginesHere, growingLog } from '../../../test/reader/engines.js'
import { readPages } from '../../../test/reader/pages.js'
import { filled, readerOf, unchecked } from '../../../test/reader/reader-of.js'
import type { StoredEvent } from '../../events/types.js'
import { memoryStore } from '../../store/memory/index.js'
import { sealedEntry } from '../../testing/index.js'
import { MAX_LISTED, type Order, type RunStep, type RunTree } from '../index.js'
import { callOf } from './call-events.js'
import { stepOf } from './run-step.js'

// A model of the steps: all events of the run, taken together by the ids of their calls in one pass that keeps everything.

/** So many events of one kind, one behind the other. */
interface Stretch {
  readonly type: string
  readonly callId: string
  readonly repeat: number
  readonly runId: string
  readonly tenantId: string
}

const types = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('tool_call_started', 'tool_call_completed', 'tool_call_failed') },
  { weight: 2, arbitrary: fc.constantFrom('agent_handoff', 'tool_approval_denied', 'policy_violation') },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      'policy_decision',
      'guardrail_evaluated',
      'memory_written',
      'memory_deleted',
      'intervention',
    ),
  },
  { weight: 1, arbitrary: fc.constantFrom('run_started', 'run_completed', 'run_suspended', 'custom') },
)
const stretch: fc.Arbitrary<Stretch> = fc.record({
  type: types,
  callId: fc.constantFrom('c-1', 'c-2', 'c-3', ''),
  repeat: fc.oneof({ weight: 3, arbitrary: fc.constant(1) }, { weight: 1, arbitrary: fc.constantFrom(3, 200, 300) }),
  runId: fc.oneof({ weight: 9, arbitrary: fc.constant('r-1') }, { weight: 1, arbitrary: fc.constant('r-2') }),
  tenantId: fc.oneof({ weight: 9, arbitrary: fc.constant('t-1') }, { weight: 1, arbitrary: fc.constant('t-2') }),
})
const log = fc.array(stretch, { minLength: 1, maxLength: 24, size: 'max' }).map((stretches) =>
  stretches
    .flatMap(({ repeat, ...one }) => Array.from({ length: repeat }, () => one))
    .map(({ callId, ...event }, at) => {
      const time = `2026-05-01T12:${String(Math.floor(at / 60) % 60).padStart(2, '0')}:00.000000000Z`
      const data = { callId, tool: { name: 'search' }, ...(at % 5 === 0 && { durationMs: at }), n: at }
      return sealedEntry(unchecked({ ...event, time, data }))
    }),
)

function expectedSteps(events: readonly StoredEvent[], isOver: boolean): RunStep[] {
  const steps: RunStep[] = []
  const open = new Map<string, { readonly at: number; readonly start: StoredEvent }>()
  for (const event of events) {
    const { seq, type } = event
    const { callId } = event.data as { callId: string }
    if (type === 'tool_call_started') {
      open.set(callId, { at: steps.length, start: event })
      steps.push({ kind: 'tool_call', seq, call: callOf(event, undefined) })
    } else if (type === 'tool_call_completed' || type === 'tool_call_failed') {
      const started = open.get(callId)
      open.delete(callId)
      if (!started) steps.push({ kind: 'tool_call', seq, call: callOf(undefined, event) })
      else steps[started.at] = { kind: 'tool_call', seq: started.start.seq, call: callOf(started.start, event) }
    } else {
      const step = stepOf(event)
      if (step) steps.push(step)
    }
  }
  return steps.map((step) =>
    isOver && step.kind === 'tool_call' && step.call.status === 'running'
      ? { ...step, call: { ...step.call, status: 'unfinished' } }
      : step,
  )
}

function inOrder(steps: readonly RunStep[], order: Order): readonly RunStep[] {
  return order === 'desc' ? steps.toReversed() : steps
}

const asked = fc.record({
  order: fc.constantFrom<Order>('asc', 'desc'),
  sizes: fc.constantFrom([1, 300], [700], [100, 256, 257], [40, 500]),
  limit: fc.constantFrom(undefined, undefined, undefined, 5, 400),
})

const engines: readonly { name: EngineName; logs: number }[] = [
  { name: 'memory', logs: 20 },
  { name: 'LevelDB', logs: 5 },
  { name: 'a snapshot of LevelDB', logs: 3 },
  { name: 'PostgreSQL', logs: 3 },
]

test.each(enginesHere(engines))(
  'the steps of a run are all that happened in it, read at once and in pages while the log grows, on $name',
  async (engine) => {
    await fc.assert(
      fc.asyncProperty(log, asked, async (entries, { order, sizes, limit }) => {
        const { reader, commit, close } = await growingLog(engine.name, [entries])
        try {
          const run = reader.run('r-1', { tenantId: 't-1' })
          const tree = await run
          const events = (await reader.events({ runId: 'r-1', tenantId: 't-1' }).toArray()) as StoredEvent[]
          const isOver = tree !== undefined && tree.status !== 'running' && tree.status !== 'suspended'
          const all = inOrder(expectedSteps(events, isOver), order).slice(0, limit)
          const steps = run.steps({ order, ...(limit !== undefined && { limit }) })
          expect(await steps.toArray()).toEqual(all)
          let pages = 0
          const paged = await readPages(steps, sizes, async () => {
            if (pages++ < 2) await commit(entries.slice(0, 20))
          })
          expect(paged).toEqual(all)
        } finally {
          await close()
        }
      }),
      { numRuns: engine.logs },
    )
  },
  30_000,
)

test('the lists of a summary are the first steps of their kind', async () => {
  const LISTS = {
    tool_call: 'toolCalls',
    handoff: 'handoffs',
    approval: 'approvals',
    policy_violation: 'policyViolations',
    policy_decision: 'policyDecisions',
    guardrail: 'guardrails',
    memory_write: 'memoryWrites',
    intervention: 'interventions',
  }
  await fc.assert(
    fc.asyncProperty(log, async (entries) => {
      const run = readerOf(await filled(memoryStore(), [entries])).run('r-1', { tenantId: 't-1' })
      const tree = await run
      const steps = await run.steps().toArray()
      for (const [kind, list] of Object.entries(LISTS)) {
        const told = steps
          .filter((step) => step.kind === kind)
          .map((step) => (step.kind === 'tool_call' ? step.call : step.event))
        expect(tree?.[list as keyof RunTree] ?? []).toEqual(told.slice(0, MAX_LISTED))
      }
    }),
    { numRuns: 20 },
  )
})
