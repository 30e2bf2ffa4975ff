import { describe, expect, test } from 'vitest'
import { deliver, play } from '../../../test/replay/play.js'
import { labelsOf, type Recording, readRecording } from '../../../test/replay/recording.js'
import { scoreOf } from '../../../test/replay/score.js'
import { trailOf } from '../../../test/replay/trail.js'
import { CollectingLog } from '../../../test/support/collecting-log.js'
import { withoutPayloads } from '../../../test/support/without-payloads.js'
import type { StoredEvent } from '../../events/index.js'
import { AuditLogRecordProcessor } from '../log-records.js'
import { AuditSpanProcessor } from '../processor.js'

const AGENTS = ['claude-code', 'codex-cli', 'gemini-cli', 'qwen-code']
const WITH_SPANS = ['claude-code', 'codex-cli', 'gemini-cli']

type Play = (audit: AuditSpanProcessor, logs: AuditLogRecordProcessor) => Promise<void>

async function record(bring: Play): Promise<readonly StoredEvent[]> {
  const log = new CollectingLog()
  const audit = new AuditSpanProcessor({ log })
  await bring(audit, new AuditLogRecordProcessor(audit))
  await audit.shutdown()
  return log.events
}

/** Every scenario of an agent, as log records alone. */
function scenarios(agent: string): readonly (readonly [Recording, ReturnType<typeof labelsOf>[string]])[] {
  return Object.entries(labelsOf(`${agent}-logs`)).map(([scenario, label]) => [
    readRecording(`${agent}-logs`, scenario),
    label,
  ])
}

function missesOf(events: readonly StoredEvent[], label: ReturnType<typeof labelsOf>[string]): readonly string[] {
  const { misses } = scoreOf(trailOf(events), label)
  // The command line tells of a limit of turns on its own output only.
  return misses.filter((miss) => !miss.includes('error_max_turns'))
}

/** An order that looks like none, and is the same each time. */
function shuffled<T>(items: readonly T[], seed: number): T[] {
  const left = [...items]
  const mixed: T[] = []
  for (let state = seed; left.length > 0; state = (state * 1103515245 + 12345) % 2 ** 31) {
    mixed.push(...left.splice(state % left.length, 1))
  }
  return mixed
}

describe.each(AGENTS)('log records of %s', (agent) => {
  test.each([1, 2, 3, 4, 5])('tell the same when a batch is out of order (%i)', async (seed) => {
    for (const [recording, label] of scenarios(agent)) {
      const events = await record(async (_, logs) => {
        for (const one of shuffled(recording.logs, seed)) logs.onEmit(one)
      })
      expect(missesOf(events, label), recording.scenario).toEqual([])
    }
  })

  test('count once when they are delivered twice', async () => {
    for (const [recording, label] of scenarios(agent)) {
      const events = await record(async (audit, logs) => {
        for (const one of recording.logs) logs.onEmit(one)
        await audit.forceFlush()
        for (const one of recording.logs) logs.onEmit(structuredClone(one))
      })
      expect(missesOf(events, label), recording.scenario).toEqual([])
    }
  })

  test('start and end each run once, in its session', async () => {
    for (const [recording, label] of scenarios(agent)) {
      const events = await record((audit, logs) => play(recording, audit, logs))
      const started = events.filter(({ type }) => type === 'run_started')
      const ended = events.filter(({ type }) => /^run_(?:completed|failed|cancelled|interrupted|suspended)$/.test(type))
      expect(started.map(({ runId }) => runId).sort()).toEqual(ended.map(({ runId }) => runId).sort())
      expect(new Set(started.map(({ runId }) => runId)).size).toBe(label.runs.length)
    }
  })

  test('leave no text of prompts, arguments and answers but where the log takes it out', async () => {
    const secret = 'TOP-SECRET-TEXT'
    const content = [
      'prompt',
      'prompt_text',
      'response',
      'response_text',
      'request_text',
      'tool_input',
      'arguments',
      'output',
      'function_args',
      'result',
    ]
    for (const [recording] of scenarios(agent)) {
      const events = await record(async (_, logs) => {
        for (const one of recording.logs) {
          const added = Object.fromEntries(content.map((key) => [key, secret]))
          logs.onEmit({ ...one, attributes: { ...one.attributes, ...added } })
        }
      })
      expect(events.length).toBeGreaterThan(2)
      expect(JSON.stringify(events.map((event) => ({ ...event, data: withoutPayloads(event) })))).not.toContain(secret)
    }
  })
})

describe.each(WITH_SPANS)('spans and log records of %s', (agent) => {
  const orders: Readonly<Record<string, (recording: Recording) => Play>> = {
    'log records first': (recording) => async (audit, logs) => {
      for (const one of recording.logs) logs.onEmit(one)
      await play({ ...recording, logs: [] }, audit, logs)
    },
    'log records last': (recording) => async (audit, logs) => {
      await play({ ...recording, logs: [] }, audit, logs)
      for (const one of recording.logs) logs.onEmit(one)
    },
    'log records first, and a flush between': (recording) => async (audit, logs) => {
      for (const one of recording.logs) logs.onEmit(one)
      await audit.forceFlush()
      await play({ ...recording, logs: [] }, audit, logs)
    },
    'log records out of order': (recording) => (audit, logs) =>
      play({ ...recording, logs: shuffled(recording.logs, 7) }, audit, logs),
  }

  test.each(Object.entries(orders))('are one story: %s', async (_, order) => {
    for (const [{ scenario }, label] of scenarios(agent)) {
      const events = await record(order(readRecording(agent, scenario)))
      expect(missesOf(events, label), scenario).toEqual([])
    }
  })
})

test('what came of a call of Claude Code shows whatever span of it comes first', async () => {
  for (const [scenario, label] of Object.entries(labelsOf('claude-code'))) {
    const events = await record((audit, logs) =>
      deliver({ ...readRecording('claude-code', scenario), logs: [] }, audit, logs),
    )
    expect(
      trailOf(events)
        .toolCalls.map(({ name, outcome }) => `${name} ${outcome}`)
        .sort(),
    ).toEqual(label.toolCalls.map(({ name, outcome }) => `${name} ${outcome}`).sort())
  }
})
