import { afterAll, describe, expect, test } from 'vitest'
import { AuditTracingProcessor } from '../../src/openai-agents/index.js'
import { AuditLogRecordProcessor } from '../../src/otel/log-records.js'
import { AuditSpanProcessor } from '../../src/otel/processor.js'
import { CollectingLog } from '../support/collecting-log.js'
import { deliver, play, retell } from './play.js'
import { playNative } from './play-native.js'
import { frameworks, labelsOf, type Recording, readRecording } from './recording.js'
import { type Score, scoreOf } from './score.js'
import { trailOf } from './trail.js'

/** Recorded as that SDK's own stream of traces, not as OpenTelemetry spans: played into its trace processor. */
const NOT_OPENTELEMETRY = 'openai-agents-native'
/**
 * Recorded as log records, too, in the folder beside it. What its labels say of the run is what its spans tell, which is
 * nothing: the log records are played with the spans where both are asked for.
 */
const LABELLED_BY_SPANS_ALONE = 'gemini-cli'
/** Coding agents that were recorded with spans and log records: what the log records tell is what both tell. */
const TOLD_TWICE = ['claude-code', 'codex-cli', 'gemini-cli']
const REQUIRED_OF_EACH = 0.9
const REQUIRED_IN_TOTAL = 0.98
const ALLOWED_INVENTIONS = 0.005

/** Brings a recording to a processor. */
type Bring = (recording: Recording, audit: AuditSpanProcessor, logRecords: AuditLogRecordProcessor) => Promise<void>

const ORDERS: Readonly<Record<string, Bring>> = {
  'as it happened': play,
  'delivered afterwards': deliver,
  'told afterwards through an SDK': retell,
}

describe.each(Object.entries(ORDERS))('%s', (order, bring) => {
  const scores = new Map<string, Score>()

  test.each(frameworks())('%s', async (framework) => {
    const total = { right: 0, facts: 0, invented: 0, misses: [] as string[] }
    for (const [scenario, label] of Object.entries(labelsOf(framework))) {
      const score = scoreOf(trailOf(await record(framework, scenario, bring)), label)
      total.right += score.right
      total.facts += score.facts
      total.invented += score.invented
      total.misses.push(...score.misses.map((miss) => `${scenario}: ${miss}`))
    }
    scores.set(framework, total)
    expect(total.facts).toBeGreaterThan(0)
    expect(total.right / total.facts, total.misses.join('\n')).toBeGreaterThanOrEqual(REQUIRED_OF_EACH)
  })

  test('the trails of all frameworks together tell what happened', () => {
    const { right, facts, invented } = sumOf(scores)
    expect(scores.size).toBeGreaterThan(20)
    expect(right / facts).toBeGreaterThanOrEqual(REQUIRED_IN_TOTAL)
    expect(invented / facts).toBeLessThanOrEqual(ALLOWED_INVENTIONS)
  })

  afterAll(() => {
    const rows = [...scores, ['together', sumOf(scores)] as const].map(([framework, score]) =>
      [
        `${framework}: ${score.right} / ${score.facts}, ${score.invented} invented`,
        ...score.misses.map((miss) => `  ${miss}`),
      ].join('\n'),
    )
    console.log([`${order}: facts right / facts`, ...rows].join('\n'))
  })
})

describe.each(Object.entries(ORDERS))('spans and log records together, %s', (_, bring) => {
  test.each(TOLD_TWICE)('%s', async (framework) => {
    const misses: string[] = []
    for (const [scenario, label] of Object.entries(labelsOf(`${framework}-logs`))) {
      const log = new CollectingLog()
      const audit = new AuditSpanProcessor({ log })
      await bring(readRecording(framework, scenario), audit, new AuditLogRecordProcessor(audit))
      await audit.shutdown()
      const unrecoverable = label.runs.flatMap(({ error }) => error ?? [])
      const score = scoreOf(trailOf(log.events), label)
      misses.push(...score.misses.filter((miss) => !unrecoverable.some((error) => miss.includes(error))))
    }
    expect(misses).toEqual([])
  })
})

function asLabelled(recording: Recording): Recording {
  return recording.framework === LABELLED_BY_SPANS_ALONE ? { ...recording, logs: [] } : recording
}

function sumOf(scores: ReadonlyMap<string, Score>): Score {
  const all = [...scores.values()]
  const sum = (field: 'right' | 'facts' | 'invented') => all.reduce((total, score) => total + score[field], 0)
  return { right: sum('right'), facts: sum('facts'), invented: sum('invented'), misses: [] }
}

async function record(framework: string, scenario: string, bring: Bring): Promise<CollectingLog['events']> {
  const log = new CollectingLog()
  const audit = new AuditSpanProcessor({ log })
  if (framework === NOT_OPENTELEMETRY) await playNative(scenario, new AuditTracingProcessor(audit))
  else await bring(asLabelled(readRecording(framework, scenario)), audit, new AuditLogRecordProcessor(audit))
  await audit.shutdown()
  return log.events
}
