import { describe, expect, test } from 'vitest'
import { confidenceOf, isClaim, marked, weakest } from './confidence.js'

describe('confidence', () => {
  test.each([
    [[], undefined],
    [[undefined, undefined], undefined],
    [[undefined, 'heuristic'], 'heuristic'],
    [['heuristic', 'claimed', undefined], 'claimed'],
    [['claimed', 'heuristic'], 'claimed'],
    [['claimed', 'of-a-newer-version'], 'of-a-newer-version'],
  ])('of what rests on %j is %s', (grounds: (string | undefined)[], confidence) => {
    expect(weakest(...grounds)).toBe(confidence)
  })

  test('below that of a guess is a claim, also where it has a word that this version does not know', () => {
    expect([undefined, 'heuristic', 'claimed', 'of-a-newer-version'].map(isClaim)).toEqual([false, false, true, true])
  })

  test('of an event is a text, whatever somebody has recorded', () => {
    expect(confidenceOf({ source: { confidence: 'claimed' } })).toBe('claimed')
    for (const confidence of [undefined, '', 1, {}]) expect(confidenceOf({ source: { confidence } })).toBeUndefined()
    expect(confidenceOf({})).toBeUndefined()
  })

  test('stands behind what it is about', () => {
    expect(marked('tool_approval_granted', 'claimed')).toBe('tool_approval_granted (claimed)')
    expect(marked('tool_approval_granted', undefined)).toBe('tool_approval_granted')
  })
})
