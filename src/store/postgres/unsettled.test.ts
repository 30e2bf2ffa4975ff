import { describe, expect, it } from 'vitest'
import { sealedEntries } from '../../testing/index.js'
import { UnsettledEntries } from './unsettled.js'

const entries = sealedEntries(6)
const leaves = entries.map(({ leafHash }) => leafHash)

describe('entries of a commit without an answer', () => {
  it('are where they should be when their leaves stand there, all of them', () => {
    const unsettled = new UnsettledEntries()
    expect(unsettled.isEmpty).toBe(true)
    unsettled.expect(10, entries.slice(0, 3))
    expect(unsettled.doubtful).toEqual({ from: 10, to: 13 })
    unsettled.settle(leaves.slice(0, 3))
    expect(unsettled.doubtful).toBeUndefined()
    expect(unsettled.isEmpty).toBe(false)
    // A retry may lack some of them, and bring others.
    const retry = [entries[0], entries[2], entries[5]].filter((entry) => entry !== undefined)
    expect(unsettled.positionsOf(retry)).toEqual([10, 12, undefined])
  })

  it.each([
    ['the log ends before', leaves.slice(0, 2)],
    ['somebody else stands there', leaves.slice(3, 6)],
    ['only some are the same', [...leaves.slice(0, 2), ...leaves.slice(5)]],
    ['there is nothing', []],
  ])('are not stored when %s', (_, stored) => {
    const unsettled = new UnsettledEntries()
    unsettled.expect(10, entries.slice(0, 3))
    unsettled.settle(stored)
    expect(unsettled.positionsOf(entries.slice(0, 3))).toEqual([undefined, undefined, undefined])
  })

  it('stay found when the commit behind them gives no answer either', () => {
    const unsettled = new UnsettledEntries()
    unsettled.expect(10, entries.slice(0, 2))
    unsettled.settle(leaves.slice(0, 2))
    unsettled.expect(20, entries.slice(2, 4))
    unsettled.settle(leaves.slice(2, 4))
    unsettled.expect(30, entries.slice(4))
    unsettled.settle([])
    expect(unsettled.positionsOf(entries)).toEqual([10, 11, 20, 21, undefined, undefined])
    unsettled.expect(40, [])
    expect(unsettled.doubtful).toBeUndefined()
    expect(unsettled.positionsOf(entries.slice(0, 2))).toEqual([10, 11])
  })

  it('that are the same bytes have positions of their own', () => {
    const unsettled = new UnsettledEntries()
    const same = [entries[0], entries[0], entries[1]].filter((entry) => entry !== undefined)
    unsettled.expect(5, same)
    unsettled.settle(same.map(({ leafHash }) => leafHash))
    expect(unsettled.positionsOf([...same, ...same])).toEqual([5, 6, 7, undefined, undefined, undefined])
  })

  it('are forgotten when a commit was acknowledged', () => {
    const unsettled = new UnsettledEntries()
    unsettled.expect(0, entries)
    unsettled.settle(leaves)
    unsettled.clear()
    expect(unsettled.isEmpty).toBe(true)
    expect(unsettled.positionsOf(entries.slice(0, 1))).toEqual([undefined])
  })
})
