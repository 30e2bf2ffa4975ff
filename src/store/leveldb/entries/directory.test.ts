import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeSeq } from '../../seq-bytes.js'
import { type BlockEntry, entrySlot, MAX_SLOTS } from './block.js'
import { blockOf, OpenPages, pageOf } from './directory.js'
import { PAGE_POSITIONS } from './keys.js'
import { FULL_BLOCK_BYTES, OpenBlocks } from './open-blocks.js'

const NO_PAGES = new OpenPages()
const entriesOf = (lengths: readonly number[]): BlockEntry[] =>
  lengths.map((length) => entrySlot(new Uint8Array(length), false))

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => from + n)

/** A log's blocks and pages as a database has them, and the entries that each commit wrote. */
class Log {
  readonly blocks = new Map<number, number>()
  readonly pages = new Map<number, Uint8Array>()
  readonly lengths: number[] = []
  /** The number of times that each entry was written. */
  readonly written: number[] = []
  blocksOpen = OpenBlocks.startingAt(0)
  pagesOpen = NO_PAGES

  commit(lengths: readonly number[]): void {
    const size = this.lengths.length
    const { added, removed, open } = this.blocksOpen.add(entriesOf(lengths), size)
    const { pages, closed } = this.pagesOpen.change(removed, added, open.from)
    this.lengths.push(...lengths)
    for (const { firstSeq, end, slots } of added) {
      const isOther = (seq: number) => {
        const slot = slots[seq - firstSeq]
        return !(slot && 'bytes' in slot && slot.bytes.length === this.lengths[seq])
      }
      expect(range(firstSeq, end).filter(isOther)).toEqual([])
      this.blocks.set(firstSeq, end)
      for (let seq = firstSeq; seq < end; seq++) this.written[seq] = (this.written[seq] ?? 0) + 1
    }
    for (const firstSeq of removed) expect(this.blocks.delete(firstSeq)).toBe(true)
    expect(closed.filter(([page]) => this.pages.has(page))).toEqual([])
    for (const [page, value] of closed) this.pages.set(page, Buffer.from(value))
    this.blocksOpen = open
    this.pagesOpen = pages
  }

  /** First positions of the blocks, ascending. */
  get starts(): number[] {
    return [...this.blocks.keys()].sort((a, b) => a - b)
  }

  /** A page, wherever it is. */
  page(page: number): Uint8Array {
    return this.pagesOpen.page(page) ?? (this.pages.get(page) as Uint8Array)
  }

  bytesFrom(from: number): number {
    return this.lengths.slice(from).reduce((sum, length) => sum + length, 0)
  }
}

function expectConsistent(log: Log): void {
  const size = log.lengths.length
  const { starts } = log
  const ends = starts.map((start) => log.blocks.get(start) as number)
  expect(starts).toEqual(size === 0 ? [] : [0, ...ends.slice(0, -1)])
  expect(ends.at(-1) ?? 0).toBe(size)
  expect(ends.filter((end, n) => end - (starts[n] as number) > MAX_SLOTS)).toEqual([])

  const misplaced = starts.filter((start) => {
    const end = log.blocks.get(start) as number
    const pageStarts = range(pageOf(start) + 1, pageOf(end - 1) + 1).map((page) => page * PAGE_POSITIONS)
    return [start, ...pageStarts, end - 1].some((seq) => blockOf(seq, log.page(pageOf(seq))) !== start)
  })
  expect(misplaced).toEqual([])
  expect(range(0, size).filter((seq) => blockOf(seq, log.page(pageOf(seq))) === seq)).toEqual(starts)

  const { from } = log.blocksOpen
  expect(log.bytesFrom(from)).toBeLessThan(FULL_BLOCK_BYTES)
  expect(from === size || log.blocks.has(from)).toBe(true)
  // A page is stored once nothing of it changes any more, and is in memory until then.
  expect([...log.pages.keys()].sort((a, b) => a - b)).toEqual(range(0, pageOf(from)))
  for (const page of range(0, pageOf(size) + 1)) {
    expect(log.pagesOpen.page(page) !== undefined).toBe(page >= pageOf(from) && page * PAGE_POSITIONS < size)
  }
}

const length = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 1, max: 900 }) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 5 }) },
  { weight: 1, arbitrary: fc.integer({ min: FULL_BLOCK_BYTES - 2, max: 2 * FULL_BLOCK_BYTES }) },
)
const group = fc.oneof(
  { weight: 4, arbitrary: fc.array(length, { minLength: 0, maxLength: 70 }) },
  { weight: 2, arbitrary: fc.array(length, { minLength: 1, maxLength: 2 }) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.integer({ min: 1, max: 2_000 }), fc.integer({ min: 1, max: 30 }))
      .map(([count, each]) => Array.from({ length: count }, () => each)),
  },
)

describe('the blocks of a log and their directory', () => {
  it('find every entry after each commit, and write none more than twice', () => {
    fc.assert(
      fc.property(fc.array(group, { minLength: 1, maxLength: 30 }), (groups) => {
        const log = new Log()
        for (const lengths of groups) {
          log.commit(lengths)
          expectConsistent(log)
        }
        expect(log.written.filter((times) => times > 2)).toEqual([])
      }),
      { numRuns: 60 },
    )
  })

  it('are the same when the log is opened anew between the commits', () => {
    fc.assert(
      fc.property(fc.array(group, { minLength: 1, maxLength: 12 }), fc.nat(11), (groups, reopenedAfter) => {
        const [log, reopened] = [new Log(), new Log()]
        for (const [n, lengths] of groups.entries()) {
          log.commit(lengths)
          reopened.commit(lengths)
          if (n !== reopenedAfter) continue
          const { from } = reopened.blocksOpen
          const small = reopened.starts.filter((start) => start >= from)
          reopened.blocksOpen = new OpenBlocks(from, small, entriesOf(reopened.lengths.slice(from)))
          const places = reopened.starts.map((firstSeq) => ({ firstSeq, end: reopened.blocks.get(firstSeq) as number }))
          reopened.pagesOpen = NO_PAGES.change([], places, from).pages
        }
        expect(reopened.blocks).toEqual(log.blocks)
        expect(reopened.pages).toEqual(log.pages)
      }),
      { numRuns: 40 },
    )
  })

  it('hold no more entries in a block than its count can say, also where they have no bytes', () => {
    const log = new Log()
    for (let n = 0; n < 3; n++) log.commit(Array.from({ length: MAX_SLOTS - 1 }, () => 0))
    expectConsistent(log)
    expect(log.written.filter((times) => times > 2)).toEqual([])
  })

  it('stay as they were when a commit fails: what a change returns is another value', () => {
    const log = new Log()
    log.commit([100, 100])
    const [before, page] = [log.pagesOpen, Buffer.from(log.pagesOpen.page(0) as Uint8Array)]
    const { added, removed, open } = log.blocksOpen.add(entriesOf([FULL_BLOCK_BYTES]), 2)
    before.change(removed, added, open.from)
    expect(before.page(0)).toEqual(page)
    log.commit([5])
    expectConsistent(log)
  })
})

describe('a page of the directory', () => {
  it.each([0, 39, 41])('of %i bytes is refused', (bytes) => {
    expect(() => blockOf(3, new Uint8Array(bytes))).toThrow(RangeError)
  })

  it.each([1, 256, 700])('that names block %i for a position before it is refused', (named) => {
    const page = Buffer.concat([encodeSeq(named), Buffer.alloc(PAGE_POSITIONS / 8)])
    expect(() => blockOf(Math.min(named, 255), page)).toThrow(RangeError)
  })

  it('names the block that its first position is in for all positions before the first that begins in it', () => {
    const page = Buffer.concat([encodeSeq(200), Buffer.alloc(PAGE_POSITIONS / 8)])
    page[8 + 1] = 0b100
    expect([256, 256 + 9, 256 + 10, 511].map((seq) => blockOf(seq, page))).toEqual([200, 200, 266, 266])
  })
})
