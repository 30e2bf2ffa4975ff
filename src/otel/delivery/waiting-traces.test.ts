import { describe, expect, test } from 'vitest'
import { takenSpan } from '../../../test/support/taken-span.js'
import type { TakenSpan } from './taken.js'
import { type WaitingTrace, WaitingTraces } from './waiting-traces.js'

const WAIT_MILLIS = 1000

function span(traceId: string, from = 0, to = 1, parentId?: string): TakenSpan {
  return takenSpan({
    name: traceId,
    ids: { traceId, spanId: `${traceId}-${from}`, traceFlags: 1 },
    parent: parentId === undefined ? undefined : { traceId, spanId: parentId, traceFlags: 1 },
    startTime: [from, 0],
    endTime: [to, 0],
    attributes: { text: 'x'.repeat(1000) },
  })
}

function names(traces: readonly WaitingTrace[]): readonly string[] {
  return traces.map(({ spans }) => spans[0]?.name ?? '')
}

describe('traces that wait', () => {
  test('are ripe when no span of theirs has come for long enough', () => {
    const waiting = new WaitingTraces(WAIT_MILLIS)
    waiting.addSpan(span('a', 5), 0)
    waiting.addSpan(span('b', 9), 500)
    waiting.addSpan(span('a', 7), 900)
    expect(names(waiting.takeRipe(1499))).toEqual([])
    expect(names(waiting.takeRipe(1500))).toEqual(['b'])
    expect(names(waiting.takeRipe(1900))).toEqual(['a'])
    expect(waiting.size).toBe(0)
  })

  test('are let go, the one that has been quiet for longest first, where there is no room', () => {
    const waiting = new WaitingTraces(WAIT_MILLIS, { count: 2, bytes: 1e6 })
    for (const [millis, name] of ['a', 'b', 'a', 'c'].entries()) waiting.addSpan(span(name, millis), millis)
    expect(names(waiting.takeExcess())).toEqual(['b', 'a'])
    expect(names(waiting.takeAll())).toEqual(['c'])
  })

  test('are let go where they take too many bytes', () => {
    const waiting = new WaitingTraces(WAIT_MILLIS, { count: 10, bytes: 4000 })
    for (const name of ['a', 'b', 'c']) waiting.addSpan(span(name), 0)
    expect(names(waiting.takeExcess())).toEqual(['a'])
  })
})

describe('a span that is a trace by itself', () => {
  test('waits for one that was around it, and came later', () => {
    const waiting = new WaitingTraces(WAIT_MILLIS)
    waiting.addSpan(span('inner', 10, 20), 0)
    waiting.addSpan(span('outer', 5, 30), 900)
    expect(names(waiting.takeRipe(1000))).toEqual([])
    expect(names(waiting.takeRipe(1900))).toEqual(['inner', 'outer'])
  })

  test('does not wait for one that began later, or ended earlier, or has others below', () => {
    const waiting = new WaitingTraces(WAIT_MILLIS)
    waiting.addSpan(span('inner', 10, 20), 0)
    for (const other of [
      span('later', 11, 30),
      span('earlier', 5, 19),
      span('tree', 5, 30),
      span('tree', 6, 7, 'tree-5'),
    ])
      waiting.addSpan(other, 900)
    expect(names(waiting.takeRipe(1000))).toEqual(['inner'])
  })

  test('does not wait for ever', () => {
    const waiting = new WaitingTraces(WAIT_MILLIS)
    waiting.addSpan(span('inner', 10, 20), 0)
    waiting.addSpan(span('outer', 5, 30), 900)
    waiting.addSpan(span('outer', 5, 30), 1900)
    expect(names(waiting.takeRipe(2000))).toEqual(['inner'])
  })
})
