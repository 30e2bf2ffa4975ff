import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isCutJson, readJson } from './cut-json.js'

describe('JSON text', () => {
  test('is read whole where it is whole', () => {
    const text = '{"status":"suspended","calls":[{"id":1}]}'
    expect(readJson(text)).toEqual({ extent: 'whole', value: JSON.parse(text) })
    expect(isCutJson(text)).toBe(false)
  })

  test('is read up to a cut, without the value that the cut goes through', () => {
    expect(readJson('{"status":"suspended","calls":[{"id":1,"name":"dele')).toEqual({
      extent: 'cut',
      value: { status: 'suspended', calls: [{ id: 1 }] },
      openMember: 'calls',
    })
    expect(readJson('{"tokens":12')).toMatchObject({ extent: 'cut', value: {} })
    expect(readJson('[true,fal')).toMatchObject({ extent: 'cut', value: [true] })
    expect(readJson('{"a":"b","c')).toMatchObject({ extent: 'cut', value: { a: 'b' } })
    expect(readJson('{"a":"\\\\","b":"\\"')).toMatchObject({ extent: 'cut', value: { a: '\\' } })
  })

  test('that is longer than what is read counts as cut', () => {
    const text = JSON.stringify({ status: 'suspended', pad: 'x'.repeat(300 * 1024), late: true })
    expect(readJson(text)).toEqual({ extent: 'cut', value: { status: 'suspended' }, openMember: undefined })
  })

  test.each([
    ['nothing', undefined],
    ['a number', 7],
    ['empty', ''],
    ['plain words', 'the answer is, in short, [42'],
    ['JSON with more behind it', '{"a":1} and so on'],
    ['brackets that do not match', '{"a":[1}'],
    ['members without names', '{1,2'],
    ['a text alone', '"cut'],
  ])('is absent where there is none: %s', (_, value) => {
    expect(readJson(value)).toEqual({ extent: 'absent', value: undefined })
  })

  test('is not followed into a nesting without end', () => {
    const read = readJson('[{"a":'.repeat(30_000))
    expect(read.extent).toBe('cut')
    let levels = 0
    for (let value = read.value; value !== undefined; levels++) value = Object.values(Object(value))[0]
    expect(levels).toBeLessThanOrEqual(512)
  })

  test('keeps a member that is named like the prototype as a member', () => {
    const { value } = readJson('{"__proto__":{"admin":true},"x":"cu')
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype)
    expect(Object.keys(Object(value))).toEqual(['__proto__'])
  })

  test('cut anywhere is read as a beginning of what the whole says', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.array(fc.jsonValue()), fc.dictionary(fc.string(), fc.jsonValue())),
        fc.nat(),
        (whole, at) => {
          const text = JSON.stringify(whole)
          const read = readJson(text.slice(0, 1 + (at % (text.length - 1))))
          expect(read.extent).toBe('cut')
          expect(isBeginningOf(read.value, JSON.parse(text))).toBe(true)
          expect(readJson(text)).toEqual({ extent: 'whole', value: JSON.parse(text) })
        },
      ),
      { numRuns: 1000 },
    )
  })
})

/** Whatever is not the last is the same; the last may be a beginning. */
function isBeginningOf(part: unknown, whole: unknown): boolean {
  if (typeof part !== 'object' || part === null || typeof whole !== 'object' || whole === null) return part === whole
  return Object.keys(part).every((key) => {
    const read: unknown = Object.getOwnPropertyDescriptor(part, key)?.value
    return isBeginningOf(read, Object.getOwnPropertyDescriptor(whole, key)?.value)
  })
}
