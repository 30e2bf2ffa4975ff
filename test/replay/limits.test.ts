import type { SpanLimits } from '@opentelemetry/sdk-trace'
import { describe, expect, test } from 'vitest'
import type { StoredEvent } from '../../src/events/index.js'
import { AuditLogRecordProcessor } from '../../src/otel/log-records.js'
import { AuditSpanProcessor } from '../../src/otel/processor.js'
import { CollectingLog } from '../support/collecting-log.js'
import { deliver, play, retell } from './play.js'
import { frameworks, labelsOf, type Recording, readRecording } from './recording.js'
import { scoreOf } from './score.js'
import { trailOf } from './trail.js'

/*
 * Each recording is played under limits of the SDK that take a part of what spans tell. What is lost then may be missing
 * from the trail, but nothing may come into it instead, and nothing be claimed for certain that only the lost part told.
 */

const LIMITS: Readonly<Record<string, SpanLimits>> = {
  'values cut at 4096': { attributeValueLengthLimit: 4096 },
  'values cut at 1024': { attributeValueLengthLimit: 1024 },
  'values cut at 256': { attributeValueLengthLimit: 256 },
  '128 attributes a span': { attributeCountLimit: 128 },
  '64 attributes a span': { attributeCountLimit: 64 },
  '32 attributes a span': { attributeCountLimit: 32 },
}

const scenarios = frameworks()
  .filter((framework) => framework !== 'openai-agents-native')
  .flatMap((framework) => Object.keys(labelsOf(framework)).map((scenario) => ({ framework, scenario })))

/** LangChain's class stands for the name of a tool that was in the content alone. */
const NAMELESS = 'DynamicStructuredTool'

const ENDS: Readonly<Record<string, string>> = {
  run_completed: 'completed',
  run_failed: 'failed',
  run_cancelled: 'cancelled',
  run_suspended: 'suspended',
}

async function record(recording: Recording, limits?: SpanLimits): Promise<readonly StoredEvent[]> {
  const log = new CollectingLog()
  const audit = new AuditSpanProcessor({ log })
  await play(recording, audit, new AuditLogRecordProcessor(audit), limits)
  await audit.shutdown()
  return log.events
}

function endsOf(events: readonly StoredEvent[]): ReadonlyMap<string, StoredEvent> {
  return new Map(events.flatMap((event) => (event.runId && ENDS[event.type] ? [[event.runId, event] as const] : [])))
}

/** Ends that say something else than they do without limits, without a word that they may. */
function overconfident(whole: readonly StoredEvent[], limited: readonly StoredEvent[]): readonly string[] {
  const known = endsOf(whole)
  return [...endsOf(limited)].flatMap(([runId, { type, altered, source }]) => {
    const before = known.get(runId)
    const isMarked = altered !== undefined || source.confidence !== undefined
    return before === undefined || before.type === type || isMarked ? [] : [`${before.type} told as ${type}`]
  })
}

/** With all that a span tells from its start, so that nobody can have heard what the SDK has taken from it. */
function toldAtOnce(recording: Recording): Recording {
  const spans = recording.spans.map(({ attributes, start, ...span }) => ({
    ...span,
    attributes: {},
    start: { ...start, attributes, keysAfterMicrotask: [] },
  }))
  return { ...recording, spans }
}

const TELLINGS = { 'as it happened': (recording: Recording) => recording, 'told at once': toldAtOnce }
const cases = Object.entries(LIMITS).flatMap(([limit, limits]) =>
  Object.entries(TELLINGS).map(([telling, tell]) => ({ limit, limits, telling, tell })),
)

describe.each(cases)('$limit, $telling', ({ limits, tell }) => {
  test.each(scenarios)('$framework: $scenario', async ({ framework, scenario }) => {
    const recording = tell(readRecording(framework, scenario))
    const whole = await record(recording)
    const limited = await record(recording, limits)
    const told = trailOf(limited)
    const toolCalls = told.toolCalls.filter(({ name }) => name !== NAMELESS)
    const label = { ...trailOf(whole), unrecoverable: [], notes: '' }
    const { invented, misses } = scoreOf({ ...told, toolCalls }, label)
    expect(invented, misses.join('\n')).toBe(0)
    expect(overconfident(whole, limited)).toEqual([])
  })
})

/** The loss of counts in a recording of `wild`, by the limits of the SDK it was made under or is played through. */
const CUT_COUNTS = {
  'genkit-usage-limit-4096': { input: 50, output: 7 },
  'attribute-limit-128': { input: 900, output: 30 },
}

describe.each(Object.entries({ play, deliver, retell }))('counts that are cut, brought by %s', (_, bring) => {
  test.each(Object.entries(CUT_COUNTS))('are counted, or said to be unknown: %s', async (scenario, counts) => {
    const log = new CollectingLog()
    const audit = new AuditSpanProcessor({ log })
    await bring(readRecording('wild', scenario), audit, new AuditLogRecordProcessor(audit))
    await audit.shutdown()
    const told = trailOf(log.events).tokens
    const marks = log.of('token_usage_updated').map(({ altered = [] }) => altered.map(({ field }) => field))
    if (told?.input === 0) expect(marks).toEqual([['data.inputTokens', 'data.outputTokens', 'data.totalTokens']])
    else expect([told, marks]).toEqual([counts, [[]]])
  })
})
