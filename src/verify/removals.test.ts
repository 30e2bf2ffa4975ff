import { describe, expect, it } from 'vitest'
import { unrecordedRemovals } from './removals.js'

const types = { removed: (data: unknown) => data as readonly { from: number; to: number }[] }
const ORIGIN = 'log.example'
const event = { type: 'removed', statementOf: ORIGIN, data: [{ from: 2, to: 4 }] }

describe('a removal', () => {
  it('is recorded by a statement of the log that names its position', () => {
    expect(unrecordedRemovals([1, 2, 3, 4], event, [ORIGIN], types)).toEqual([1, 4])
    expect(unrecordedRemovals([2, 3], event, undefined, types)).toEqual([])
  })

  it.each([
    undefined,
    { ...event, statementOf: undefined },
    { ...event, statementOf: 'other.example' },
    { ...event, type: 'custom' },
    { ...event, type: 'toString' },
    { ...event, type: 7 },
  ])('is recorded by no other entry: %j', (other) => {
    expect(unrecordedRemovals([2, 3], other, [ORIGIN], types)).toEqual([2, 3])
  })

  it('is recorded by no type of event yet', () => {
    for (const type of ['custom', 'events_dropped', 'removed', 'constructor']) {
      expect(unrecordedRemovals([2], { ...event, type }, [ORIGIN])).toEqual([2])
    }
  })
})
