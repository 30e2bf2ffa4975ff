import { describe, expect, it } from 'vitest'
import { mergeAsTheyCome } from './merge.js'

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
