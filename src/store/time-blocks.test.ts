import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { timestampFromMillis } from '../events/time.js'
import { sealedEntries } from '../testing/index.js'
import type { SeqRange, Walk } from './contract.js'
import { lastOfEachLevel, openBlocks, type TimeBlock, timeRanges, widenBlocks } from './time-blocks.js'

const SECOND_TOP_BLOCK = 2 ** 24
const at = (second: number) => timestampFromMillis(Date.UTC(2026, 0, 1) + second * 1000)

/** A log whose first entry stands at `firstSeq`, and how many blocks were read of it. */
class Blocks {
  readonly #levels: Map<number, TimeBlock>[] = [new Map(), new Map(), new Map()]
  last: readonly TimeBlock[] = []
  read = 0
  size = 0

  commit(firstSeq: number, seconds: readonly number[]): void {
    const widened = widenBlocks(
      this.last,
      sealedEntries(seconds.length, (n) => ({ time: at(seconds[n] ?? 0) })),
      firstSeq,
    )
    for (const block of widened) this.#levels[block.level]?.set(block.block, block)
    this.last = lastOfEachLevel(widened)
    this.size = firstSeq + seconds.length
  }

  async ranges(since: number, until: number, walk: Walk): Promise<SeqRange[]> {
    const ranges: SeqRange[] = []
    for await (const range of timeRanges(this, at(since), at(until), walk)) ranges.push(range)
    return ranges
  }

  async *timeBlocks(level: number, { from, to, reverse }: Walk) {
    const blocks = [...(this.#levels[level]?.values() ?? [])].filter(({ block }) => block >= from && block < to)
    this.read += blocks.length
    yield blocks.sort((a, b) => (reverse ? b.block - a.block : a.block - b.block))
  }
}

describe('time blocks', () => {
  it('leave out nothing of a window, across the borders of every level', async () => {
    const groups = fc.array(fc.array(fc.nat(50), { minLength: 1, maxLength: 700 }), { minLength: 1, maxLength: 4 })
    await fc.assert(
      fc.asyncProperty(
        groups,
        fc.record({ before: fc.nat(1_000), since: fc.nat(50), until: fc.nat(50), reverse: fc.boolean() }),
        async (committed, { before, since, until, reverse }) => {
          const start = SECOND_TOP_BLOCK - before
          const blocks = new Blocks()
          let seq = start
          for (const seconds of committed) {
            blocks.commit(seq, seconds)
            seq += seconds.length
          }
          const ranges = await blocks.ranges(since, until, { from: start, to: seq, reverse })
          committed.flat().forEach((second, n) => {
            if (second < since || second >= until) return
            expect(ranges.some(({ from, to }) => start + n >= from && start + n < to)).toBe(true)
          })
          const ordered = reverse ? ranges.toReversed() : ranges
          ordered.forEach(({ from, to }, n) => {
            expect(from < to && from >= (ordered[n - 1]?.to ?? start)).toBe(true)
          })
        },
      ),
      { numRuns: 60 },
    )
  })

  it('are searched from the top: what lies outside is not read further', async () => {
    const blocks = new Blocks()
    const seconds = Array.from({ length: 2 ** 17 }, (_, n) => n)
    blocks.commit(SECOND_TOP_BLOCK - 2 ** 16, seconds)
    const found = await blocks.ranges(100, 101, { from: 0, to: SECOND_TOP_BLOCK * 2, reverse: false })
    expect(found).toEqual([{ from: SECOND_TOP_BLOCK - 2 ** 16, to: SECOND_TOP_BLOCK - 2 ** 16 + 256 }])
    // Two on top, one below the first of them, and its 256 blocks.
    expect(blocks.read).toBe(2 + 1 + 256)
  })

  it('are not searched below a block that lies in the window', async () => {
    const blocks = new Blocks()
    blocks.commit(
      0,
      Array.from({ length: 2 ** 17 }, (_, n) => n),
    )
    const all = { from: 0, to: 2 ** 17, reverse: false }
    expect(await blocks.ranges(0, 2 ** 17, all)).toEqual([all].map(({ from, to }) => ({ from, to })))
    expect(blocks.read).toBe(1)
    expect(await blocks.ranges(2 ** 16, 2 ** 17, all)).toEqual([{ from: 2 ** 16, to: 2 ** 17 }])
    // The one on top again, which the window begins within, and the two below it.
    expect(blocks.read).toBe(1 + 1 + 2)
  })

  it('leave out entries that were removed, and have none where all of a block were', () => {
    const times = sealedEntries(600, (n) => ({ time: at(n) })).map((entry, n) => (n < 256 || n % 2 ? undefined : entry))
    const lowest = widenBlocks([], times, 0).filter(({ level }) => level === 0)
    expect(lowest).toEqual([
      { level: 0, block: 1, min: at(256), max: at(510) },
      { level: 0, block: 2, min: at(512), max: at(598) },
    ])
    expect(widenBlocks([], [undefined, undefined], 0)).toEqual([])
  })

  it('go on after a reopening as they would have without it', () => {
    fc.assert(
      fc.property(fc.constantFrom(1, 255, 256, 257, 65_535, 65_536, SECOND_TOP_BLOCK), fc.nat(600), (size, length) => {
        const open = openBlocks(size)
        for (const { level, block } of open) expect(block).toBe(Math.floor(size / 256 ** (level + 1)))
        const known = open.map((block) => ({ ...block, min: at(0), max: at(0) }))
        const seconds = sealedEntries(length + 1, () => ({ time: at(9) }))
        for (const { level, block, min, max } of widenBlocks(known, seconds, size)) {
          expect(min).toBe(open.some((each) => each.level === level && each.block === block) ? at(0) : at(9))
          expect(max).toBe(at(9))
        }
      }),
    )
  })
})
