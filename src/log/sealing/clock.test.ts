import { afterEach, describe, expect, it, vi } from 'vitest'
import { type HrTime, type Timestamp, timestampFromHrTime } from '../../events/time.js'
import { isSetBack, systemClock, WatchedClock } from './clock.js'

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

describe('a watched clock', () => {
  const SECONDS = 1_795_300_506

  function setUp(recordedAt?: Timestamp) {
    const at = { millis: 0, monotonicMillis: 5 }
    const clock = (): HrTime => [SECONDS + Math.floor(at.millis / 1000), (at.millis % 1000) * 1e6]
    const watched = new WatchedClock(clock, recordedAt, () => at.monotonicMillis)
    return {
      watched,
      /** @param step - by which the clock is set besides */
      pass(millis: number, step = 0) {
        at.monotonicMillis += millis
        at.millis += millis + step
        return watched.now()
      },
    }
  }

  it('tells what the clock tells, and no step while both clocks agree', () => {
    const { watched, pass } = setUp()
    expect(pass(0)).toBe('2026-11-21T22:35:06.000000000Z')
    expect(pass(3_600_000)).toBe('2026-11-21T23:35:06.000000000Z')
    expect(pass(10, 1000)).toBe('2026-11-21T23:35:07.010000000Z')
    expect(pass(10, -1000)).toBe('2026-11-21T23:35:06.020000000Z')
    expect(watched.takeStep()).toBeUndefined()
  })

  it.each([1001, 86_400_000, -1001, -86_400_000])('notices a step of %i ms, once', (step) => {
    const { watched, pass } = setUp()
    const before = pass(0)
    const to = pass(0, step)
    expect(watched.takeStep()).toEqual({ from: before, to })
    pass(50)
    expect(watched.takeStep()).toBeUndefined()
  })

  it('notices many small steps when they add up', () => {
    const { watched, pass } = setUp()
    pass(0)
    const steps = Array.from({ length: 40 }, () => {
      pass(100, 90)
      return watched.takeStep()
    })
    expect(steps.filter(Boolean)).toHaveLength(3)
  })

  it('keeps a step that could not be recorded, from where it began to where it ended', () => {
    const { watched, pass } = setUp()
    const from = pass(0)
    pass(0, 5000)
    const step = watched.takeStep()
    const to = pass(0, 7000)
    if (step) watched.putBack(step)
    expect(watched.takeStep()).toEqual({ from, to })
  })

  it('was set back when it is behind the last entry of the log', () => {
    const later = '2046-01-01T00:00:00.000000000Z'
    const { watched, pass } = setUp(later)
    expect(watched.takeStep()).toBeUndefined()
    const to = pass(0)
    expect(watched.takeStep()).toEqual({ from: later, to })
    pass(10)
    expect(watched.takeStep()).toBeUndefined()
    watched.follow(later)
    pass(10)
    expect(watched.takeStep()).toMatchObject({ from: later })
  })

  it('was not set when an entry is a moment ahead, or from before', () => {
    for (const recordedAt of ['2026-11-21T22:35:07.000000000Z', '2020-01-01T00:00:00.000000000Z', '']) {
      const { watched, pass } = setUp(recordedAt)
      pass(0)
      expect(watched.takeStep()).toBeUndefined()
    }
    expect(isSetBack('2026-11-21T22:35:07.000000000Z', '2026-11-21T22:35:06.000000000Z')).toBe(false)
    expect(isSetBack('2026-11-21T22:35:07.000000001Z', '2026-11-21T22:35:06.000000000Z')).toBe(true)
  })

  it('survives a clock that throws or tells nonsense, and tells of no step then', () => {
    for (const clock of [() => undefined, () => 'noon', () => [Number.NaN, 0]]) {
      const watched = new WatchedClock(clock as unknown as () => HrTime)
      for (let n = 0; n < 3; n++) expect(watched.now()).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/)
      expect(watched.takeStep()).toBeUndefined()
    }
  })
})
