import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { SpanLike } from '../../src/otel/span.js'
import { parentSpanIdOf } from '../../src/otel/span.js'
import { atRandom, factsFrom } from './facts.js'
import { deliver, type Way } from './play.js'
import { frameworks, labelsOf, type Recording, readRecording } from './recording.js'

vi.mock(import('../../src/timers/real-timers.js'), async (actual) => ({
  ...(await actual()),
  ...(await import('../support/replaceable-timers.js')),
}))

/*
 * The same spans tell the same, in whatever order and batches they are delivered.
 */

const MINUTE_MILLIS = 60_000
const SEED = 20_261_130

const one = (spans: readonly SpanLike[]) => spans.map((span) => [span])

const WAYS: Readonly<Record<string, Way>> = {
  'one by one, as they ended': { batches: one },
  'children first': { batches: (spans) => [childrenFirst(spans)] },
  'in the order of their start': {
    batches: (spans) => [
      spans.toSorted((a, b) => Number(a.startTime[0] - b.startTime[0]) || a.startTime[1] - b.startTime[1]),
    ],
  },
  'in batches at random': { batches: (spans) => atRandom(spans, SEED) },
  'in other batches at random': { batches: (spans) => atRandom(spans, SEED + 1) },
  'everything twice': { batches: (spans) => [spans, ...one(spans)] },
  'with a minute between parent and child': {
    batches: (spans) => byDepth(spans),
    between: () => void vi.advanceTimersByTime(MINUTE_MILLIS),
  },
}

beforeEach(() => void vi.useFakeTimers({ toFake: ['Date', 'setInterval', 'clearInterval'] }))
afterEach(() => void vi.useRealTimers())

const scenarios = frameworks()
  .filter((framework) => framework !== 'openai-agents-native')
  .flatMap((framework) => Object.keys(labelsOf(framework)).map((scenario) => [framework, scenario] as const))
  .filter(([framework, scenario]) => !hasRepeatedIds(readRecording(framework, scenario)))

describe('spans tell the same, however they are delivered', () => {
  test.each(scenarios)('%s: %s', async (framework, scenario) => {
    const recording = readRecording(framework, scenario)
    const facts = await factsOf(recording)
    for (const [name, way] of Object.entries(WAYS)) expect(await factsOf(recording, way), name).toEqual(facts)
  })
})

/** Of spans that say different things under the same ids, the one that comes first counts. */
function hasRepeatedIds({ spans }: Recording): boolean {
  return new Set(spans.map(({ traceId, spanId }) => `${traceId} ${spanId}`)).size < spans.length
}

function factsOf(recording: Recording, way?: Way): Promise<readonly string[]> {
  return factsFrom((audit) => deliver(recording, audit, undefined, way))
}

function childrenFirst(spans: readonly SpanLike[]): readonly SpanLike[] {
  return byDepth(spans).flat()
}

/** The deepest spans first. */
function byDepth(spans: readonly SpanLike[]): readonly (readonly SpanLike[])[] {
  const byId = new Map(spans.map((span) => [span.spanContext().spanId, span]))
  const depthOf = (span: SpanLike): number => {
    const parent = byId.get(parentSpanIdOf(span) ?? '')
    return parent ? depthOf(parent) + 1 : 0
  }
  const levels: SpanLike[][] = []
  for (const span of spans) {
    const depth = depthOf(span)
    levels[depth] = [...(levels[depth] ?? []), span]
  }
  return levels.map((level) => level ?? []).reverse()
}
