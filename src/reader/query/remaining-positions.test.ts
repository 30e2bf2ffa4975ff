import fc from 'fast-check'
import { expect, it } from 'vitest'
import { ArrayCursor } from '../../store/memory/cursor.js'
import { PostingsIterator } from './position-iterators.js'
import { RemainingPositions } from './remaining-positions.js'

const SIZE = 5000

// Runs of positions, so that windows are filled, passed over and reached into.
const seqs = fc
  .array(fc.record({ from: fc.nat(SIZE - 1), length: fc.integer({ min: 1, max: 1500 }), step: fc.nat(40) }), {
    maxLength: 4,
  })
  .map((stretches) => {
    const found = new Set<number>()
    for (const { from, length, step } of stretches) {
      for (let seq = from; seq < Math.min(from + length, SIZE); seq += step + 1) found.add(seq)
    }
    return [...found].sort((a, b) => a - b)
  })
const walk = fc
  .record({ from: fc.nat(SIZE), to: fc.nat(SIZE), reverse: fc.boolean() })
  .map(({ from, to, reverse }) => ({ from: Math.min(from, to), to: Math.max(from, to), reverse }))

it('walks the candidates that nobody has excluded by then, each once', async () => {
  await fc.assert(
    fc.asyncProperty(
      walk,
      fc.option(seqs, { nil: undefined }),
      fc.array(seqs, { maxLength: 3 }),
      fc.integer({ min: 1, max: 400 }),
      async (walk, candidates, exclusions, count) => {
        const { from, to, reverse } = walk
        const iterator = (seqs: readonly number[]) =>
          new PostingsIterator(new ArrayCursor(seqs, walk, () => undefined), reverse)
        const remaining = new RemainingPositions(walk, {
          candidates: candidates && iterator(candidates),
          limit: Infinity,
        })
        const left = new Set(candidates ?? Array.from({ length: SIZE }, (_, seq) => seq))
        const nextLeft = () => {
          const ahead = [...left].filter((seq) => seq >= from && seq < to)
          return (reverse ? ahead.reverse() : ahead).slice(0, count)
        }
        for (const excluded of [...exclusions, undefined]) {
          const expected = nextLeft()
          const taken = await remaining.take(count)
          expect(taken).toEqual(expected)
          const last = taken.at(-1)
          if (last === undefined) break
          if (taken.length === count) expect(remaining.reached).toBe(last)
          for (const seq of left) if (reverse ? seq >= last : seq <= last) left.delete(seq)
          for (const seq of excluded ?? []) left.delete(seq)
          if (excluded) await remaining.exclude(iterator(excluded.filter((seq) => (reverse ? seq < last : seq > last))))
        }
        await remaining.close()
      },
    ),
    { numRuns: 200 },
  )
})

it('closes each iterator: one that exclusions nothing any more at once', async () => {
  const closed: string[] = []
  const iteratorOf = (name: string, seqs: readonly number[]) => {
    const iterator = new PostingsIterator(
      new ArrayCursor(seqs, { from: 0, to: SIZE, reverse: false }, () => undefined),
      false,
    )
    iterator.close = async () => void closed.push(name)
    return iterator
  }
  const all = Array.from({ length: SIZE }, (_, seq) => seq)
  const remaining = new RemainingPositions(
    { from: 0, to: SIZE, reverse: false },
    { candidates: iteratorOf('candidates', all), limit: Infinity },
  )
  await remaining.take(1)
  await remaining.exclude(iteratorOf('short', [1, 2]))
  await remaining.exclude(iteratorOf('long', [3, SIZE - 1]))
  expect(closed).toEqual(['short'])
  expect(remaining.exclusions).toBe(1)
  expect(await remaining.take(1)).toEqual([4])
  await remaining.close()
  expect(closed.sort()).toEqual(['candidates', 'long', 'short'])
})

it('ends once it has come by as many candidates as its limit', async () => {
  const remaining = new RemainingPositions({ from: 0, to: SIZE, reverse: true }, { limit: 2000 })
  const taken = await remaining.take(SIZE)
  // It stops between windows.
  expect(taken.length).toBe(2048)
  expect(remaining.isCut).toBe(true)
  expect(remaining.reached).toBe(SIZE - 2048)
  expect(await remaining.take(1)).toEqual([])
})
