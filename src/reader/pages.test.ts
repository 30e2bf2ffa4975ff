import { describe, expect, test } from 'vitest'
import { readPages } from '../../test/reader/pages.js'
import { filled, readerOf, seqsOf, unchecked } from '../../test/reader/reader-of.js'
import { memoryStore } from '../store/memory/index.js'
import { sealedEntries, sealedEntry } from '../testing/index.js'

const INVALID = { code: 'AUDIT_CURSOR_INVALID' }

async function logOf(length: number) {
  const store = await filled(memoryStore(), [sealedEntries(length, (n) => ({ sessionId: n % 2 ? 'odd' : 'even' }))])
  return { store, reader: readerOf(store) }
}

async function firstCursor(results: { page(options: object): Promise<{ cursor?: string }> }): Promise<string> {
  const { cursor } = await results.page({ size: 1 })
  return cursor ?? expect.unreachable('there is no second page')
}

async function collected<T>(batches: AsyncIterable<readonly T[]>): Promise<(readonly T[])[]> {
  const all: (readonly T[])[] = []
  for await (const batch of batches) all.push(batch)
  return all
}

describe('batches', () => {
  test('have every result once, in their order, and none is empty', async () => {
    const { reader } = await logOf(1000)
    const query = { sessionId: 'odd', limit: 400 }
    const batches = await collected(reader.events(query).batches())
    expect(batches.flat()).toEqual(await reader.events(query).toArray())
    expect(Math.min(...batches.map(({ length }) => length))).toBeGreaterThan(0)
    const runs = await collected(reader.runs().batches())
    expect(runs.flat()).toEqual(await reader.runs().toArray())
    expect(await collected(reader.events({ type: 'run_failed' }).batches())).toEqual([])
  })
})

describe('pages', () => {
  test('hold 100 items unless told otherwise, and the last has no cursor', async () => {
    const { reader } = await logOf(200)
    const first = await reader.events().page()
    expect(seqsOf(first.items)).toEqual(Array.from({ length: 100 }, (_, n) => n))
    const second = await reader.events().page({ cursor: first.cursor })
    expect(seqsOf(second.items).at(-1)).toBe(199)
    expect(second).not.toHaveProperty('cursor')
    expect(await reader.events({ type: 'run_failed' }).page()).toEqual({ items: [] })
  })

  test('share the limit of their query', async () => {
    const { reader } = await logOf(50)
    expect(seqsOf(await readPages(reader.events({ limit: 7 }), [3]))).toEqual([0, 1, 2, 3, 4, 5, 6])
    expect(await reader.events({ limit: 7 }).page({ size: 7 })).not.toHaveProperty('cursor')
  })

  test('show the newest first without repetition while newer ones come', async () => {
    const { store, reader } = await logOf(5)
    const grow = async () => void (await store.commit(sealedEntries(2)))
    expect(seqsOf(await readPages(reader.events({ order: 'desc' }), [2], grow))).toEqual([4, 3, 2, 1, 0])
  })

  test('of runs tell what was known at the first, though a run has ended since', async () => {
    const started = (runId: string) => sealedEntry(unchecked({ type: 'run_started', runId, data: {} }))
    const store = await filled(memoryStore(), [[started('r-1'), started('r-2')]])
    const end = async () => {
      await store.commit([sealedEntry(unchecked({ type: 'run_failed', runId: 'r-2', data: {} }))])
    }
    const runs = await readPages(readerOf(store).runs({ status: 'running' }), [1], end)
    expect(runs.map(({ runId }) => runId)).toEqual(['r-1', 'r-2'])
  })

  test('read a little more than they hold, and not the whole log', async () => {
    const { store } = await logOf(5000)
    let read = 0
    const counting = new Proxy(store, {
      get(target, name) {
        if (name !== 'read') {
          const value = Reflect.get(target, name, target) as unknown
          return typeof value === 'function' ? value.bind(target) : value
        }
        return (seqs: readonly number[]) => {
          read += seqs.length
          return target.read(seqs)
        }
      },
    })
    const results = readerOf(counting).events({ sessionId: 'odd' })
    const { cursor } = await results.page({ size: 20 })
    await results.page({ size: 20, cursor })
    expect(read).toBeLessThan(50)
  })

  test('go on with another reader, also of the stored bytes', async () => {
    const { store, reader } = await logOf(6)
    const { cursor } = await reader.events({ sessionId: 'odd' }).page({ size: 1 })
    const { items } = await readerOf(store).entries({ sessionId: 'odd' }).page({ cursor })
    expect(items.map(({ seq }) => seq)).toEqual([3, 5])
  })

  test('bring a reader that lags behind up to what the cursor was read from', async () => {
    const { reader } = await logOf(6)
    const { cursor } = await reader.events().page({ size: 4 })
    const behind = await filled(memoryStore(), [])
    const { createReader } = await import('./index.js')
    const asked: (number | undefined)[] = []
    const barrier = async (atLeast?: number) => void asked.push(atLeast)
    await expect(createReader(behind, { barrier, eventTypes: [] }).events().page({ cursor })).rejects.toThrow()
    expect(asked).toEqual([6])
  })
})

describe('a cursor', () => {
  test('is text that a URL can hold', async () => {
    const { reader } = await logOf(3)
    expect(await firstCursor(reader.events())).toMatch(/^[\w-]{20,80}$/)
  })

  test('is good for its query however that is put', async () => {
    const { reader } = await logOf(4)
    const query = { type: ['custom', 'run_failed'], since: '2026-01-01T00:00:00Z' } as const
    const cursor = await firstCursor(reader.events(query))
    const same = { order: 'asc', since: new Date('2026-01-01T00:00:00Z'), type: ['run_failed', 'custom'], afterSeq: -1 }
    expect(seqsOf((await reader.events(same as object).page({ cursor })).items)).toEqual([1, 2, 3])
  })

  test.each([
    [{ sessionId: 'odd' }],
    [{ order: 'desc' as const }],
    [{ limit: 3 }],
    [{ afterSeq: 0 }],
    [{ type: 'custom' as const }],
  ])('of another query than %j is refused', async (query) => {
    const { reader } = await logOf(9)
    const cursor = await firstCursor(reader.events(query))
    await expect(reader.events().page({ cursor })).rejects.toMatchObject(INVALID)
    await expect(reader.events({ ...query, tenantId: 't' }).page({ cursor })).rejects.toThrow('another query')
  })

  test('of something else that is listed is refused', async () => {
    const { reader } = await logOf(9)
    const cursor = await firstCursor(reader.sessions())
    await expect(reader.agents().page({ cursor })).rejects.toMatchObject(INVALID)
    await expect(reader.events().page({ cursor })).rejects.toMatchObject(INVALID)
  })

  test('of another log is refused', async () => {
    const [log, other, shorter] = [await logOf(9), await logOf(9), await logOf(2)]
    const cursor = await firstCursor(log.reader.events())
    await expect(other.reader.events().page({ cursor })).rejects.toThrow('another log')
    await expect(shorter.reader.events().page({ cursor })).rejects.toMatchObject(INVALID)
  })

  test('that is damaged, or never was one, is refused in a short message', async () => {
    const { reader } = await logOf(9)
    const cursor = await firstCursor(reader.events())
    const flipped = [...cursor].map((at, n) => `${cursor.slice(0, n)}${at === 'A' ? 'B' : 'A'}${cursor.slice(n + 1)}`)
    const others = ['', 'x', `${cursor}A`, `${cursor}=`, ` ${cursor}`, cursor.slice(1), 'x'.repeat(1e6), 7, null, {}]
    for (const damaged of [...flipped, ...others]) {
      await expect(reader.events().page({ cursor: damaged as string })).rejects.toMatchObject({
        ...INVALID,
        message: expect.stringMatching(/^.{10,200}$/),
      })
    }
  })

  test.each([
    [{ size: 0 }, /size: expected a whole number from 1 to 10000, not 0/],
    [{ size: 10_001 }, /size/],
    [{ size: undefined }, /size/],
    [{ sise: 1 }, /sise: no such field; did you mean 'size'/],
  ])('or a size that cannot be meant, as in %j, is an error that names it', async (options, message) => {
    const { reader } = await logOf(1)
    const expected = { code: 'AUDIT_QUERY_INVALID', message: expect.stringMatching(message) }
    await expect(reader.events().page(options as object)).rejects.toMatchObject(expected)
  })
})
