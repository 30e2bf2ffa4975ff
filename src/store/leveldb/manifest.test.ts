import { describe, expect, it, test } from 'vitest'
import { BLOCK_BYTES, encodeLog } from './log-records.js'
import { encodeManifest, LEVELS, type Manifest, parseManifest, type TableFile } from './manifest.js'

const HEADER_BYTES = 7

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) | 0x80, ...varint(Math.floor(value / 128))]
}

const text = (value: string) => [...varint(value.length), ...Buffer.from(value)]
/** A key as LevelDB has it: with a sequence number and a kind. */
const key = (value: string, sequence = 1) => text(`${value}${String.fromCharCode(1, sequence)}${'\0'.repeat(6)}`)
const newTable = (
  number: number,
  {
    level = 0,
    from = 'a',
    to = from,
    bytes = 4096,
  }: { level?: number; from?: string; to?: string; bytes?: number } = {},
) => [...[7, level], ...varint(number), ...varint(bytes), ...key(from), ...key(to)]
const deletedTable = (number: number, level = 0) => [6, level, ...varint(number)]
const firstLog = (number: number) => [2, ...varint(number)]
const numbers = [...firstLog(3), 3, ...varint(300), 4, ...varint(2 ** 40)]

const written = (...edits: readonly (readonly number[])[]) => encodeLog(edits.map((edit) => Uint8Array.from(edit)))
const tableNumbers = (bytes: Buffer) =>
  parseManifest(bytes)
    .tables.map((table) => table.number)
    .sort((a, b) => a - b)

test('applies the edits in their order', () => {
  const bytes = written(
    [1, ...text('leveldb.BytewiseComparator'), ...numbers, 9, 0, 5, 2, ...key('pointer')],
    [...newTable(5), ...newTable(200, { level: 1, from: 'a', to: 'b' })],
    [...firstLog(290), ...deletedTable(5), ...newTable(7, { bytes: 2 ** 33 })],
    // Moved to another level.
    [...deletedTable(200, 1), ...newTable(200, { level: 2 })],
  )
  const { tables, ...rest } = parseManifest(bytes)
  expect(tables).toMatchObject([
    { number: 7, level: 0, bytes: 2 ** 33 },
    { number: 200, level: 2, bytes: 4096 },
  ])
  expect(rest).toEqual({ firstLog: 290, previousLog: 0, nextFile: 300, lastSequence: 2 ** 40 })
})

test('puts together what blocks cut apart, and passes over their trailers', () => {
  const edits = [newTable(1, { from: 'x'.repeat(BLOCK_BYTES) }), newTable(2), deletedTable(2)]
  for (let filler = 0; filler < 12; filler++) {
    // The record after this one begins 0 to 11 bytes before the end of a block.
    const upToEnd = [...numbers, 5, 2, ...key('c'.repeat(BLOCK_BYTES - HEADER_BYTES - 13 - numbers.length - filler))]
    expect(written(upToEnd).length).toBe(BLOCK_BYTES - filler)
    expect(tableNumbers(written(upToEnd, ...edits))).toEqual([1])
  }
})

test('leaves out a record that is not all there yet, and a gap of zeros behind the last', () => {
  const first = written([...numbers, ...newTable(1)])
  const whole = written([...numbers, ...newTable(1)], newTable(2))
  for (let end = first.length; end < whole.length; end++) expect(tableNumbers(whole.subarray(0, end))).toEqual([1])
  expect(tableNumbers(Buffer.concat([whole, Buffer.alloc(100)]))).toEqual([1, 2])
})

const CANNOT_BE: Readonly<Record<string, readonly (readonly number[])[]>> = {
  'an unknown edit': [[...numbers, 8, 1]],
  'a number without an end': [[...numbers, 2, ...new Array<number>(12).fill(0xff)]],
  'a number of more than 53 bits': [[...numbers, 4, ...varint(2 ** 53 - 1).slice(0, -1), 0x7f]],
  'an edit that is cut short': [[...numbers, 2]],
  'bytes that are cut short': [[...numbers, 5, 2, 100, 1]],
  'a comparator that orders otherwise': [[1, ...text('leveldb.ReverseComparator'), ...numbers]],
  'a level that there is none of': [[...numbers, ...newTable(1, { level: LEVELS })]],
  'a key without sequence number': [[...numbers, 7, 0, 1, 1, ...text('short'), ...key('a')]],
  'a table 0': [[...numbers, ...newTable(0)]],
  'a file number that no counting comes to': [[...numbers, ...newTable(2 ** 50)]],
  'a log number that no counting comes to': [[...numbers, ...firstLog(2 ** 50)]],
  'a table named twice': [[...numbers, ...newTable(4), ...newTable(4, { level: 3 })]],
  'tables that overlap': [
    [...numbers, ...newTable(4, { level: 6, from: 'a', to: 'c' }), ...newTable(5, { level: 6, from: 'b', to: 'd' })],
  ],
  'a table that ends before it begins': [[...numbers, ...newTable(4, { from: 'b', to: 'a' })]],
  'nothing at all': [],
  'no next file': [[...firstLog(3), 4, 1]],
  'no last sequence number': [[...firstLog(3), 3, 9]],
  'no log': [[3, 9, 4, 1]],
}

describe('refuses', () => {
  it.each(Object.entries(CANNOT_BE))('%s', (_, edits) => {
    expect(() => parseManifest(written(...edits))).toThrow(RangeError)
  })

  it('every flipped bit but that of a record at the end which becomes one cut short', () => {
    const bytes = written([...numbers, ...newTable(1)], newTable(2))
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = Buffer.from(bytes)
      flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7))
      let found: readonly number[] | undefined
      try {
        found = tableNumbers(flipped)
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError)
      }
      if (found) expect([[1], []]).toContainEqual(found)
    }
  })
})

test('writes what it reads', () => {
  const tables = Array.from({ length: 700 }, (_, n): TableFile => {
    const [smallest, largest] = [`${1e6 + 2 * n}`, `${1e6 + 2 * n + 1}`].map((name) =>
      Buffer.from(key(name.repeat(1 + (n % 40))).slice(n % 40 > 16 ? 2 : 1)),
    ) as [Buffer, Buffer]
    return { number: n + 10, level: n % 2 === 0 ? 6 : 0, bytes: 2 ** (n % 50), smallest, largest }
  })
  const manifest: Manifest = { tables, firstLog: 9, previousLog: 0, nextFile: 2 ** 48 + 2, lastSequence: 2 ** 53 - 1 }
  const read = parseManifest(encodeManifest(manifest))
  expect({ ...read, tables: read.tables.length }).toEqual({ ...manifest, tables: 700 })
  expect(encodeManifest(read).equals(encodeManifest(manifest))).toBe(true)
})
