import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { mergeBatches } from './merge-batches.js'

async function* given<T>(batches: readonly (readonly T[])[], onEnd = () => {}): AsyncGenerator<readonly T[]> {
  try {
    yield* batches
  } finally {
    onEnd()
  }
}

async function all<T>(sources: readonly AsyncIterable<readonly T[]>[], timeOf: (item: T) => string, reverse = false) {
  const taken: { readonly item: T; readonly source: number }[] = []
  for await (const batch of mergeBatches(sources, timeOf, reverse)) taken.push(...batch)
  return taken
}

describe('merging by time', () => {
  const batches = fc.array(fc.array(fc.constantFrom('1', '2', '3', '4'), { maxLength: 4 }))

  it('sorts what is sorted in each source, and gives the reverse of it in reverse', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(batches), fc.boolean(), async (sources, reverse) => {
        const sorted = sources.map((source) => {
          const times = source.flat().sort()
          const ordered = reverse ? times.reverse() : times
          return source.map(({ length }, at) => {
            const from = source.slice(0, at).flat().length
            return ordered.slice(from, from + length)
          })
        })
        const merged = await all(
          sorted.map((source) => given(source)),
          (time) => time,
          reverse,
        )
        const expected = sources
          .flatMap((source, number) => source.flat().map((item) => ({ item, source: number })))
          .sort((one, other) => one.item.localeCompare(other.item) || one.source - other.source)
        expect(merged).toEqual(reverse ? expected.reverse() : expected)
      }),
    )
  })

  it('keeps the order of a source that is not sorted', async () => {
    const merged = await all([given([['5', '1'], [], ['4']]), given([['2', '6']])], (time) => time)
    expect(merged.map(({ item }) => item)).toEqual(['2', '5', '1', '4', '6'])
  })

  it('ends its sources when the consumer leaves', async () => {
    let ended = 0
    const sources = [1, 2].map(() => given([['1'], ['2'], ['3']], () => ended++))
    for await (const _ of mergeBatches(sources, (time) => time, false)) break
    expect(ended).toBe(2)
  })
})
