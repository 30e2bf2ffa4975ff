import { expect, test } from 'vitest'
import { parseManifest } from './manifest.js'

const BLOCK_BYTES = 32 * 1024

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) | 0x80, ...varint(Math.floor(value / 128))]
}

const text = (value: string) => [...varint(value.length), ...Buffer.from(value)]
const newTable = (number: number, key = 'a') => [7, 1, ...varint(number), ...varint(4096), ...text(key), ...text(key)]
const deletedTable = (number: number) => [6, 1, ...varint(number)]
const firstLog = (number: number) => [2, ...varint(number)]

/** Writes records as LevelDB does: cut at the ends of blocks, whose last bytes stay empty where no header fits. */
function written(...edits: readonly (readonly number[])[]): Buffer {
  const out: number[] = []
  for (const edit of edits) {
    for (let at = 0, isFirst = true; isFirst || at < edit.length; isFirst = false) {
      const left = BLOCK_BYTES - (out.length % BLOCK_BYTES)
      if (left < 7) out.push(...new Array<number>(left).fill(0))
      const room = BLOCK_BYTES - (out.length % BLOCK_BYTES) - 7
      const part = edit.slice(at, at + room)
      at += part.length
      const isLast = at === edit.length
      const kind = isFirst ? (isLast ? 1 : 2) : isLast ? 4 : 3
      out.push(0, 0, 0, 0, part.length & 0xff, part.length >> 8, kind)
      for (const byte of part) out.push(byte)
    }
  }
  return Buffer.from(out)
}

test('applies the edits in their order', () => {
  const comparator = [1, ...text('leveldb.BytewiseComparator')]
  const numbers = [3, ...varint(300), 4, ...varint(2 ** 40), 9, ...varint(0), 5, 2, ...text('key')]
  const bytes = written(
    [...comparator, ...firstLog(3), ...numbers],
    [...newTable(5), ...newTable(200)],
    [...firstLog(290), ...deletedTable(5), ...newTable(7)],
    // Moved to another level.
    [...deletedTable(200), ...newTable(200)],
  )
  const { tables, ...rest } = parseManifest(bytes)
  expect([...tables].sort()).toEqual([200, 7])
  expect(rest).toEqual({ firstLog: 290, nextFile: 300 })
})

test('puts together what blocks cut apart, and passes over their trailers', () => {
  const edits = [newTable(1, 'x'.repeat(BLOCK_BYTES)), newTable(2), deletedTable(2)]
  for (let filler = 0; filler < 12; filler++) {
    // The record after this one begins 0 to 11 bytes before the end of a block.
    const upToEnd = written([1, ...text('c'.repeat(BLOCK_BYTES - 7 - 4 - filler))])
    expect(upToEnd.length).toBe(BLOCK_BYTES - filler)
    const bytes = written([1, ...text('c'.repeat(BLOCK_BYTES - 7 - 4 - filler))], ...edits)
    expect([...parseManifest(bytes).tables]).toEqual([1])
  }
})

test('leaves out a record that is not all there yet', () => {
  const whole = written(newTable(1), newTable(2))
  const first = written(newTable(1)).length
  for (let end = first; end < whole.length; end++) {
    expect([...parseManifest(whole.subarray(0, end)).tables]).toEqual([1])
  }
  expect(parseManifest(Buffer.alloc(0))).toEqual({ tables: new Set(), firstLog: 0, nextFile: 0 })
})

test('refuses what is no edit', () => {
  expect(() => parseManifest(written([8, 1]))).toThrow(RangeError)
  expect(() => parseManifest(written([2, ...new Array<number>(12).fill(0xff)]))).toThrow(RangeError)
  expect(() => parseManifest(written([2]))).toThrow(RangeError)
})
