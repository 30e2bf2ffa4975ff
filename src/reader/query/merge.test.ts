import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { mergeAsTheyCome, mergeByTime } from './merge.js'

async function* given<T>(items: readonly T[], onEnd = () => {}): AsyncGenerator<T> {
  try {
    yield* items
  } finally {
    onEnd()
  }
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const taken: T[] = []
  for await (const item of items) taken.push(item)
  return taken
}

describe('merging by time', () => {
  it('sorts what is sorted in each source, the first source first where times are equal', async () => {
    const source = fc.array(fc.constantFrom('1', '2', '3', '4')).map((times) => times.sort())
    await fc.assert(
      fc.asyncProperty(fc.array(source), fc.boolean(), async (sources, reverse) => {
        const tagged = sources.map((times, from) =>
          (reverse ? times.toReversed() : times).map((time, at) => ({ time, from, at })),
        )
        const merged = await all(
          mergeByTime(
            tagged.map((items) => given(items)),
            ({ time }) => time,
            reverse,
          ),
        )
        const sign = reverse ? -1 : 1
        const expected = tagged
          .flat()
          .sort((a, b) => sign * a.time.localeCompare(b.time) || a.from - b.from || a.at - b.at)
        expect(merged).toEqual(expected)
      }),
    )
  })

  it('keeps the order of a source that is not sorted', async () => {
    const merged = await all(mergeByTime([given(['5', '1', '4']), given(['2', '6'])], (time) => time, false))
    expect(merged).toEqual(['2', '5', '1', '4', '6'])
  })

  it('ends its sources when the consumer leaves', async () => {
    let ended = 0
    const sources = [1, 2].map(() => given(['1', '2', '3'], () => ended++))
    for await (const _ of mergeByTime(sources, (time) => time, false)) break
    expect(ended).toBe(2)
  })
})

describe('merging as they come', () => {
  it('gives everything of every source, each in its order', async () => {
    const sources = [given([1, 2, 3]), given([]), given([4, 5])]
    const merged = await all(mergeAsTheyCome(sources, new AbortController()))
    expect(merged.toSorted()).toEqual([1, 2, 3, 4, 5])
    expect(merged.filter((n) => n < 4)).toEqual([1, 2, 3])
  })

  it('fails with what a source fails with, after ending the others', async () => {
    let ended = 0
    async function* failing(): AsyncGenerator<number> {
      yield 1
      throw new Error('of a source')
    }
    const stop = new AbortController()
    const merged = all(mergeAsTheyCome([failing(), given([1, 2, 3], () => ended++)], stop))
    await expect(merged).rejects.toThrow('of a source')
    expect([ended, stop.signal.aborted]).toEqual([1, true])
  })

  it('ends its sources when the consumer leaves', async () => {
    let ended = 0
    const sources = [given([1, 2, 3], () => ended++), given([4, 5, 6], () => ended++)]
    for await (const _ of mergeAsTheyCome(sources, new AbortController())) break
    expect(ended).toBe(2)
  })
})
