import { afterEach, describe, expect, it, vi } from 'vitest'
import { timestampFromHrTime } from '../events/time.js'
import { systemClock } from './clock.js'

describe('the system clock', () => {
  afterEach(() => {
    vi.useRealTimers()
  })

  function setUp() {
    vi.useFakeTimers({ toFake: ['Date', 'performance'], now: 1_795_300_506_999 })
    const now = systemClock()
    return () => timestampFromHrTime(now())
  }

  it('tells parts of a millisecond', () => {
    const now = setUp()
    expect(now()).toBe('2026-11-21T22:35:06.999000000Z')
    const elapsed = vi.spyOn(performance, 'now')
    const start = performance.now()
    elapsed.mockReturnValue(start + 0.25)
    expect(now()).toBe('2026-11-21T22:35:06.999250000Z')
    elapsed.mockReturnValue(start + 1.5)
    expect(now()).toBe('2026-11-21T22:35:07.000500000Z')
  })

  it('follows the system clock when that is set', () => {
    const now = setUp()
    vi.setSystemTime(1_795_200_000_000)
    expect(now()).toBe('2026-11-20T18:40:00.000000000Z')
    vi.setSystemTime(1_795_300_506_000)
    expect(now()).toBe('2026-11-21T22:35:06.000000000Z')
  })
})
