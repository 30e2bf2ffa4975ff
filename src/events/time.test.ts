import { describe, expect, it } from 'vitest'
import { isTimestamp, millisBetween, parseTimestamp, timestampFromHrTime, timestampFromMillis } from './time.js'

describe('parseTimestamp', () => {
  it.each([
    ['2026-11-21T22:35:06Z', '2026-11-21T22:35:06.000000000Z'],
    ['2026-11-21T22:35:06.753Z', '2026-11-21T22:35:06.753000000Z'],
    ['2026-11-21T22:35:06.123456789Z', '2026-11-21T22:35:06.123456789Z'],
    ['2026-11-21t22:35:06.5z', '2026-11-21T22:35:06.500000000Z'],
    ['2026-11-21 22:35:06Z', '2026-11-21T22:35:06.000000000Z'],
    ['2026-11-21T22:35:06+02:00', '2026-11-21T20:35:06.000000000Z'],
    ['2026-11-21T22:35:06.25-05:30', '2026-11-22T04:05:06.250000000Z'],
    ['2026-01-01T00:30:00+01:00', '2025-12-31T23:30:00.000000000Z'],
    ['2026-11-21T22:35:06-00:00', '2026-11-21T22:35:06.000000000Z'],
    ['2024-02-29T12:00:00Z', '2024-02-29T12:00:00.000000000Z'],
    ['2000-02-29T00:00:00Z', '2000-02-29T00:00:00.000000000Z'],
    ['0000-01-01T00:00:00Z', '0000-01-01T00:00:00.000000000Z'],
    ['9999-12-31T23:59:59.999999999Z', '9999-12-31T23:59:59.999999999Z'],
  ])('reads %s', (given, stored) => {
    expect(parseTimestamp(given)).toBe(stored)
  })

  it('cuts fraction digits past the ninth', () => {
    expect(parseTimestamp('2026-11-21T22:35:06.9999999999Z')).toBe('2026-11-21T22:35:06.999999999Z')
  })

  it('reads a Date and milliseconds since the epoch', () => {
    expect(parseTimestamp(new Date(1_500))).toBe('1970-01-01T00:00:01.500000000Z')
    expect(parseTimestamp(-1)).toBe('1969-12-31T23:59:59.999000000Z')
    expect(parseTimestamp(0.5)).toBe('1970-01-01T00:00:00.000500000Z')
  })

  it.each([
    '',
    'yesterday',
    '2026-11-21',
    '2026-11-21T22:35Z',
    '2026-11-21T22:35:06',
    '2026-13-01T00:00:00Z',
    '2026-00-10T00:00:00Z',
    '2026-02-29T00:00:00Z',
    '1900-02-29T00:00:00Z',
    '2026-04-31T00:00:00Z',
    '2026-11-21T24:00:00Z',
    '2026-11-21T22:60:00Z',
    '2016-12-31T23:59:60Z',
    '2026-11-21T22:35:06+24:00',
    '2026-11-21T22:35:06+02:60',
    '2026-11-21T22:35:06+0200',
    '0000-01-01T00:00:00+00:01',
    '9999-12-31T23:59:59-00:01',
    '2026-11-21T22:35:06.Z',
    ' 2026-11-21T22:35:06Z',
    '2026-11-21T22:35:06Z\n',
    Number.NaN,
    Number.POSITIVE_INFINITY,
    253_402_300_800_000,
    new Date(Number.NaN),
    null,
    undefined,
    {},
    1n,
  ])('refuses %o', (given) => {
    expect(parseTimestamp(given)).toBeUndefined()
  })
})

describe('isTimestamp', () => {
  it('accepts the stored form only, with days that are in the calendar', () => {
    expect(isTimestamp('2026-11-21T22:35:06.753000000Z')).toBe(true)
    expect(isTimestamp('2024-02-29T00:00:00.000000000Z')).toBe(true)
    expect(isTimestamp('2026-02-29T00:00:00.000000000Z')).toBe(false)
    expect(isTimestamp('2026-11-21T22:35:06.753Z')).toBe(false)
    expect(isTimestamp('2026-11-21T22:35:06.753000000+00:00')).toBe(false)
    expect(isTimestamp(0)).toBe(false)
  })
})

it('knows the days of the calendar', () => {
  for (const year of ['1900', '2000', '2023', '2024']) {
    for (let month = 1; month <= 12; month++) {
      const days = new Date(Date.UTC(Number(year), month, 0)).getUTCDate()
      for (let day = 0; day <= 32; day++) {
        const date = `${year}-${String(month).padStart(2, '0')}-${String(day).padStart(2, '0')}`
        expect(isTimestamp(`${date}T22:35:06.753000000Z`), date).toBe(day >= 1 && day <= days)
      }
    }
  }
})

describe('timestampFromHrTime', () => {
  it('keeps every nanosecond', () => {
    expect(timestampFromHrTime([1_795_300_506, 1])).toBe('2026-11-21T22:35:06.000000001Z')
    expect(timestampFromHrTime([1_795_300_506, 999_999_999])).toBe('2026-11-21T22:35:06.999999999Z')
  })

  it('makes string order time order', () => {
    const times = [timestampFromHrTime([9, 999_999_999]), timestampFromHrTime([10, 0]), timestampFromHrTime([10, 1])]
    expect([...times].reverse().sort()).toEqual(times)
  })

  it('clamps what the format has no room for', () => {
    expect(timestampFromHrTime([1e15, 5])).toBe('9999-12-31T23:59:59.000000005Z')
    expect(timestampFromHrTime([-1e15, 0])).toBe('0000-01-01T00:00:00.000000000Z')
    expect(timestampFromHrTime([0, 2e9])).toBe('1970-01-01T00:00:00.999999999Z')
    expect(timestampFromHrTime([0, -1])).toBe('1970-01-01T00:00:00.000000000Z')
    expect(timestampFromHrTime([Number.NaN, Number.NaN])).toBe('1970-01-01T00:00:00.000000000Z')
    expect(timestampFromHrTime([Number.POSITIVE_INFINITY, 0])).toBe('9999-12-31T23:59:59.000000000Z')
  })
})

describe('timestampFromMillis', () => {
  it('keeps fractions of a millisecond, before the epoch too', () => {
    expect(timestampFromMillis(1_500.25)).toBe('1970-01-01T00:00:01.500250000Z')
    expect(timestampFromMillis(-0.5)).toBe('1969-12-31T23:59:59.999500000Z')
  })
})

describe('millisBetween', () => {
  it('counts nanoseconds', () => {
    expect(millisBetween('2026-11-21T22:35:06.000000000Z', '2026-11-21T22:35:07.000000500Z')).toBe(1000.0005)
    expect(millisBetween('2026-11-21T22:35:06.900000000Z', '2026-11-21T22:35:07.100000000Z')).toBe(200)
  })

  it('is never negative', () => {
    expect(millisBetween('2026-11-21T22:35:07.000000000Z', '2026-11-21T22:35:06.000000000Z')).toBe(0)
  })
})
