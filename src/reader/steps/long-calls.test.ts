import { expect, test } from 'vitest'
import type { StoredEvent } from '../../events/types.js'
import { LongCalls } from './long-calls.js'

const MAX_CALLS = 16_384

function callEvent(type: 'started' | 'completed', seq: number, callId: string): StoredEvent {
  return { seq, type: `tool_call_${type}`, data: { callId } } as StoredEvent
}

async function* inOneBatch(events: readonly StoredEvent[]): AsyncGenerator<readonly StoredEvent[]> {
  yield events
}

test('finds the calls that end later than the distance, and no others', async () => {
  const events = [
    callEvent('started', 10, 'far'),
    callEvent('started', 11, 'near'),
    callEvent('started', 12, 'again'),
    callEvent('completed', 13, 'near'),
    callEvent('started', 14, 'again'),
    callEvent('completed', 15, 'far'),
    callEvent('completed', 16, 'far'),
    callEvent('completed', 17, 'again'),
  ]
  const calls = await LongCalls.find(inOneBatch(events), 4)
  expect(events.filter(({ seq }) => calls.endOf(seq) !== undefined).map(({ seq }) => seq)).toEqual([10])
  expect(calls.endOf(10)).toBe(15)
  expect(events.filter(({ seq }) => calls.hasEnd(seq)).map(({ seq }) => seq)).toEqual([15])
})

test('of more calls at a time than it keeps takes the oldest for calls that never end', async () => {
  const count = MAX_CALLS + 3
  const starts = Array.from({ length: count }, (_, n) => callEvent('started', n, `c-${n}`))
  const ends = starts.map((_, n) => callEvent('completed', count + n, `c-${n}`))
  const calls = await LongCalls.find(inOneBatch([...starts, ...ends]), 256)
  expect([0, 2, 3, count - 1].map((start) => calls.endOf(start))).toEqual([
    undefined,
    undefined,
    count + 3,
    2 * count - 1,
  ])
  expect([0, 2, 3].map((n) => calls.hasEnd(count + n))).toEqual([false, false, true])
})
