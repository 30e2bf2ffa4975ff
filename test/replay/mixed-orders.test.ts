import type { HrTime } from '@opentelemetry/api'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { LogRecordLike } from '../../src/otel/log-record.js'
import type { AuditSpanProcessor } from '../../src/otel/processor.js'
import type { SpanLike } from '../../src/otel/span.js'
import { atRandom, factsFrom } from './facts.js'
import { deliver, deliveryOf } from './play.js'
import { frameworks, labelsOf, type Recording, readRecording } from './recording.js'

vi.mock(import('../../src/timers/real-timers.js'), async (actual) => ({
  ...(await actual()),
  ...(await import('../support/replaceable-timers.js')),
}))

/*
 * Spans and log records of one recording, and the spans of several recordings, tell the same in whatever order and mixture
 * they are delivered.
 */

const MONTHS_SECONDS = 90 * 86_400
const SEED = 20_261_130
const SEEDS = [0, 1, 2, 3].map((more) => SEED + more)

/** A span or a log record. */
type Item = { readonly span: SpanLike } | { readonly logRecord: LogRecordLike }

const recordings = frameworks()
  .filter((framework) => framework !== 'openai-agents-native')
  .flatMap((framework) => Object.keys(labelsOf(framework)).map((scenario) => readRecording(framework, scenario)))
  .filter(({ spans }) => new Set(spans.map(({ spanId }) => spanId)).size === spans.length)

const WAYS: Readonly<Record<string, (spans: readonly Item[], logs: readonly Item[]) => readonly (readonly Item[])[]>> =
  {
    'log records before spans': (spans, logs) => [logs, spans],
    'spans before log records': (spans, logs) => [spans, logs],
    'each by itself, log records first': (spans, logs) => [...logs, ...spans].map((item) => [item]),
    'everything twice': (spans, logs) => [spans, logs, [...logs, ...spans]],
    ...Object.fromEntries(
      SEEDS.map((seed) => [
        `interleaved at random (${seed})`,
        (spans: readonly Item[], logs: readonly Item[]) => atRandom([...spans, ...logs], seed),
      ]),
    ),
  }

beforeEach(() => void vi.useFakeTimers({ toFake: ['Date', 'setInterval', 'clearInterval'] }))
afterEach(() => void vi.useRealTimers())

describe('spans and log records of one recording tell the same in any order', () => {
  const withBoth = recordings.filter(({ spans, logs }) => spans.length > 0 && logs.length > 0)

  test.each(withBoth.map((recording) => [recording.framework, recording.scenario, recording] as const))(
    '%s: %s',
    async (_, __, recording) => {
      const facts = await factsFrom((audit) => deliver(recording, audit))
      for (const [name, way] of Object.entries(WAYS)) {
        const { spans, logRecords } = deliveryOf(recording)
        const batches = way(
          spans.map((span) => ({ span })),
          logRecords.map((logRecord) => ({ logRecord })),
        )
        expect(await factsFrom((audit) => deliverBatches(batches, audit)), name).toEqual(facts)
      }
    },
  )
})

describe('the spans of two recordings in one delivery tell what each tells alone', () => {
  const pairs = pairsOf(recordings.filter(({ spans }) => spans.length > 0))

  test.each(pairs)('$name', async ({ one, other }) => {
    const alone = await Promise.all([one, other].map((recording) => factsFrom((audit) => deliver(recording, audit))))
    const items = [one, other].flatMap((recording) => {
      const { spans, logRecords } = deliveryOf(recording)
      return [...spans.map((span) => ({ span })), ...logRecords.map((logRecord) => ({ logRecord }))]
    })
    const facts = alone.flat().sort()
    for (const seed of SEEDS) {
      expect(await factsFrom((audit) => deliverBatches(atRandom(items, seed), audit))).toEqual(facts)
    }
  })
})

async function deliverBatches(batches: readonly (readonly Item[])[], audit: AuditSpanProcessor): Promise<void> {
  for (const batch of batches) {
    const spans = batch.flatMap((item) => ('span' in item ? [item.span] : []))
    const logRecords = batch.flatMap((item) => ('logRecord' in item ? [item.logRecord] : []))
    audit.deliver({ spans, logRecords })
  }
  await audit.forceFlush()
}

/** Each recording with one that is far from it in the list: mostly of another framework. */
function pairsOf(all: readonly Recording[]) {
  const half = Math.floor(all.length / 2)
  return all.slice(0, half).flatMap((one, at) => {
    const other = all[at + half]
    return other ? [{ name: `${nameOf(one)} and ${nameOf(other)}`, one, other: monthsBefore(other) }] : []
  })
}

/** Mock models give the same ids of responses in all recordings: at about the same time these would be one call. */
function monthsBefore({ spans, logs, ...recording }: Recording): Recording {
  // One of them has times that are none.
  const before = (time: HrTime): HrTime => (Array.isArray(time) ? [time[0] - MONTHS_SECONDS, time[1]] : time)
  return {
    ...recording,
    spans: spans.map((span) => ({
      ...span,
      startTime: before(span.startTime),
      endTime: span.endTime && before(span.endTime),
      events: span.events.map((event) => ({ ...event, time: before(event.time) })),
    })),
    logs: logs.map((log) => ({ ...log, hrTime: before(log.hrTime) })),
  }
}

function nameOf({ framework, scenario }: Recording): string {
  return `${framework}/${scenario}`
}
