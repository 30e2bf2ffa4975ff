import { describe, expect, it } from 'vitest'
import { tilePath, tileWidth } from './tiles.js'

describe('tilePath', () => {
  it('writes the index in elements of three digits', () => {
    expect(tilePath(0, 0)).toBe('tile/0/000')
    expect(tilePath(3, 999)).toBe('tile/3/999')
    expect(tilePath(63, 1000)).toBe('tile/63/x001/000')
    expect(tilePath(0, 1234067)).toBe('tile/0/x001/x234/067')
    expect(tilePath('entries', 1234067n)).toBe('tile/entries/x001/x234/067')
    expect(tilePath(0, 2n ** 56n - 1n)).toBe('tile/0/x072/x057/x594/x037/x927/935')
  })

  it('adds the width of a partial tile only', () => {
    expect(tilePath(0, 1234067, 8)).toBe('tile/0/x001/x234/067.p/8')
    expect(tilePath('entries', 0, 255)).toBe('tile/entries/000.p/255')
    expect(tilePath(1, 5, 256)).toBe('tile/1/005')
  })

  it('refuses what is no tile', () => {
    expect(() => tilePath(64, 0)).toThrow(TypeError)
    expect(() => tilePath(-1, 0)).toThrow(TypeError)
    expect(() => tilePath(0, -1n)).toThrow(TypeError)
    expect(() => tilePath(0, 2 ** 53)).toThrow(TypeError)
    expect(() => tilePath(0, 0.5)).toThrow(TypeError)
    expect(() => tilePath(0, 0, 0)).toThrow(TypeError)
    expect(() => tilePath(0, 0, 257)).toThrow(TypeError)
  })
})

describe('tileWidth', () => {
  it('is what the specification says of a tree of 70,000 leaves', () => {
    expect([272, 273, 274].map((index) => tileWidth(0, index, 70_000))).toEqual([256, 112, -144])
    expect([0, 1, 2].map((index) => tileWidth(1, index, 70_000))).toEqual([256, 17, -239])
    expect(tileWidth(2, 0, 70_000)).toBe(1)
    expect(tileWidth(3, 0, 70_000)).toBe(0)
    expect([tileWidth(0, 0, 256), tileWidth(0, 1, 256), tileWidth(1, 0, 256)]).toEqual([256, 0, 1])
  })
})
