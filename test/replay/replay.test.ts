import { afterAll, describe, expect, test } from 'vitest'
import { AuditTracingProcessor } from '../../src/openai-agents/index.js'
import { AuditLogRecordProcessor } from '../../src/otel/log-records.js'
import { AuditSpanProcessor } from '../../src/otel/processor.js'
import { CollectingLog } from '../support/collecting-log.js'
import { play } from './play.js'
import { playNative } from './play-native.js'
import { frameworks, labelsOf, readRecording } from './recording.js'
import { type Score, scoreOf } from './score.js'
import { trailOf } from './trail.js'

/** Recorded as that SDK's own stream of traces, not as OpenTelemetry spans: played into its trace processor. */
const NOT_OPENTELEMETRY = 'openai-agents-native'
const REQUIRED_OF_EACH = 0.95
const REQUIRED_IN_TOTAL = 0.98

const scores = new Map<string, Score>()

describe.each(frameworks())('%s', (framework) => {
  test('the trail tells what happened', async () => {
    const misses: string[] = []
    let right = 0
    let facts = 0
    for (const [scenario, label] of Object.entries(labelsOf(framework))) {
      const score = scoreOf(trailOf(await record(framework, scenario)), label)
      right += score.right
      facts += score.facts
      misses.push(...score.misses.map((miss) => `${scenario}: ${miss}`))
    }
    scores.set(framework, { right, facts, misses })
    expect(facts).toBeGreaterThan(0)
    expect(right / facts, misses.join('\n')).toBeGreaterThanOrEqual(REQUIRED_OF_EACH)
  })
})

test('the trails of all frameworks together tell what happened', () => {
  const all = [...scores.values()]
  const right = all.reduce((sum, score) => sum + score.right, 0)
  const facts = all.reduce((sum, score) => sum + score.facts, 0)
  expect(scores.size).toBeGreaterThan(20)
  expect(right / facts).toBeGreaterThanOrEqual(REQUIRED_IN_TOTAL)
})

afterAll(() => {
  const rows = [...scores].map(([framework, { right, facts, misses }]) =>
    [`${framework}: ${right} / ${facts}`, ...misses.map((miss) => `  ${miss}`)].join('\n'),
  )
  console.log(['facts right / facts', ...rows].join('\n'))
})

async function record(framework: string, scenario: string): Promise<CollectingLog['events']> {
  const log = new CollectingLog()
  const audit = new AuditSpanProcessor({ log })
  if (framework === NOT_OPENTELEMETRY) await playNative(scenario, new AuditTracingProcessor(audit))
  else await play(readRecording(framework, scenario), audit, new AuditLogRecordProcessor(audit))
  await audit.shutdown()
  return log.events
}
