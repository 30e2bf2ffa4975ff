import { describe, expect, test } from 'vitest'
import { filled, readerOf, seqsOf, unchecked } from '../../test/reader/reader-of.js'
import type { AuditStore, SealedEntry } from '../store/contract.js'
import { memoryStore } from '../store/memory/index.js'
import { sealedEntries, sealedEntry } from '../testing/index.js'
import { createReader } from './index.js'

const noon = '2026-05-01T12:00:00Z'

describe('reading', () => {
  test('sees everything recorded before it began, and nothing of what comes while it goes on', async () => {
    const store = await filled(memoryStore(), [])
    const queued: SealedEntry[][] = [sealedEntries(3)]
    const barrier = async () => {
      for (const group of queued.splice(0)) await store.commit(group)
    }
    const reader = createReader(store, { barrier, eventTypes: [] })
    const results = reader.events()
    const seen: number[] = []
    for await (const { seq } of results) {
      seen.push(seq)
      await store.commit([sealedEntry()])
    }
    expect(seen).toEqual([0, 1, 2])
    expect(seqsOf(await results.toArray())).toEqual([0, 1, 2, 3, 4, 5])
  })

  test('does not list a session that begins while it goes on', async () => {
    const store = await filled(memoryStore(), [sealedEntries(1)])
    const growing = wrapping(store, {
      async *entries(walk) {
        await store.commit([sealedEntry({ sessionId: 'new' })])
        yield* store.entries(walk)
      },
    })
    expect(await readerOf(growing).sessions().toArray()).toMatchObject([{ sessionId: 's', events: 1 }])
  })

  test('reads nothing until it is iterated', async () => {
    const { reader, reads } = await counting(sealedEntries(3))
    reader.events()
    expect(reads).toEqual({ entries: 0, chunks: 0, walks: 0, barriers: 0, openCursors: 0 })
  })

  test('reads only the entries that the indexes agree on', async () => {
    const entries = sealedEntries(5000, (n) => ({
      sessionId: n % 100 === 7 ? 's-7' : `s-${n}`,
      ...(n % 500 === 7 && unchecked({ type: 'resumed', data: {} })),
    }))
    const { reader, reads } = await counting(entries)
    expect(await reader.events({ sessionId: 's-7', type: 'resumed' }).toArray()).toHaveLength(10)
    expect(reads).toMatchObject({ entries: 10, openCursors: 0 })
  })

  test('asks the entries of a rare value, rather than the index of a frequent one time after time', async () => {
    const entries = sealedEntries(6000, (n) => ({
      agent: { name: n % 400 === 0 ? 'other' : 'frequent' },
      ...(n % 100 === 0 && unchecked({ type: 'resumed', data: {} })),
    }))
    const { reader, reads } = await counting(entries)
    const query = { type: 'resumed', agent: 'frequent' } as const
    expect(await reader.events(query).toArray()).toHaveLength(45)
    expect(reads.entries).toBeLessThanOrEqual(60)
    expect(reads.chunks).toBeLessThan(12)
    expect(await reader.events(query).count()).toBe(45)
    expect(seqsOf(await reader.events({ ...query, limit: 40 }).toArray()).at(-1)).toBe(5300)
    expect(await reader.events({ ...query, limit: 44 }).count()).toBe(44)
    expect(reads.openCursors).toBe(0)
  })

  test('counts what two frequent values share, and reads only the entries that it is unsure of', async () => {
    const entries = sealedEntries(15_000, (n) => ({
      ...(n % 3 === 0 && { agent: { name: 'writer' } }),
      ...(n % 5 === 0 && unchecked({ type: 'resumed', data: {} })),
    }))
    const { reader, reads } = await counting(entries)
    expect(await reader.events({ type: 'resumed', agent: 'writer' }).count()).toBe(1000)
    expect(reads.entries).toBeLessThan(100)
  })

  test('gives up a value that ends early, though it was frequent until then', async () => {
    const entries = sealedEntries(5000, (n) => ({
      sessionId: n < 100 ? 'over soon' : 'other',
      ...(n % 50 === 0 && unchecked({ type: 'resumed', data: {} })),
    }))
    const { reader, reads } = await counting(entries)
    expect(await reader.events({ sessionId: 'over soon', type: 'resumed' }).toArray()).toHaveLength(2)
    expect(reads.entries).toBeLessThan(40)
  })

  test('reads no more entries than the limit when an index can tell, in either order', async () => {
    const { reader, reads } = await counting(sealedEntries(5000))
    await reader.events({ tenantId: 't', limit: 1 }).toArray()
    expect(reads.entries).toBe(1)
    await reader.events({ order: 'desc', limit: 20 }).toArray()
    expect(reads.entries).toBe(21)
  })

  test('reads little past what the consumer takes, and closes what it opened', async () => {
    const { reader, reads } = await counting(sealedEntries(5000))
    for await (const _event of reader.events({ sessionId: 's' })) break
    for await (const _event of reader.events()) break
    expect(reads.entries).toBeLessThanOrEqual(32)
    expect(reads.openCursors).toBe(0)
  })

  test('reads only the part of the log where a time window can be', async () => {
    const entries = sealedEntries(5000, (n) => ({ time: new Date(Date.parse(noon) + n * 1000).toISOString() }))
    const { reader, reads } = await counting(entries)
    const since = Date.parse(noon) + 2000 * 1000
    expect(await reader.events({ since, until: since + 10_000 }).count()).toBe(10)
    expect(reads.entries).toBeLessThan(600)
  })

  test('reads the end of a time window without what lies far from it', async () => {
    // Blocks of 256 entries beyond the window have an event of it each, which came late.
    const secondOf = (n: number) => (n % 256 === 255 && n >= 2048 && n < 2560 ? 2000 : n)
    const entries = sealedEntries(5000, (n) => ({
      time: new Date(Date.parse(noon) + secondOf(n) * 1000).toISOString(),
    }))
    const { reader, reads } = await counting(entries)
    const window = { since: noon, until: Date.parse(noon) + 2048 * 1000 }
    const found = seqsOf(await reader.events({ ...window, order: 'desc', limit: 100 }).toArray())
    expect(found).toEqual([2559, 2303, ...Array.from({ length: 98 }, (_, at) => 2047 - at)])
    expect(reads.entries).toBeLessThan(900)
  })

  test('counts without reading entries where the indexes can tell', async () => {
    const { reader, reads } = await counting(sealedEntries(300, (n) => ({ sessionId: `s-${n % 3}` })))
    expect(await reader.events().count()).toBe(300)
    expect(await reader.events({ sessionId: 's-1' }).count()).toBe(100)
    expect(await reader.events({ sessionId: 's-1', type: 'custom', afterSeq: 1 }).count()).toBe(99)
    expect(reads).toMatchObject({ entries: 0, openCursors: 0 })
  })

  test('walks much of the log in a few large steps', async () => {
    const { reader, reads } = await counting(sealedEntries(5000))
    expect(await reader.events().toArray()).toHaveLength(5000)
    expect(reads.walks).toBeLessThan(10)
  })

  test('a closed log is an error, not an empty answer', async () => {
    const store = await filled(memoryStore(), [sealedEntries(600)])
    const reader = readerOf(store)
    const midway = reader.events({ sessionId: 's' })[Symbol.asyncIterator]()
    await midway.next()
    await store.close()
    const closed = { code: 'AUDIT_LOG_CLOSED' }
    await expect(reader.events().toArray()).rejects.toMatchObject(closed)
    await expect(reader.sessions().toArray()).rejects.toMatchObject(closed)
    const rest = async () => {
      while (!(await midway.next()).done);
    }
    await expect(rest()).rejects.toMatchObject(closed)
  })
})

describe('damage', () => {
  test.each([
    ['is no JSON', Buffer.from('{"v":1,')],
    ['is no UTF-8', Buffer.from('{"id":"\xff"}', 'latin1')],
    ['is no object', Buffer.from('null')],
  ])('an entry that %s is AUDIT_LOG_CORRUPT, naming it', async (_what, bytes) => {
    const store = await filled(memoryStore(), [[sealedEntry(), { ...sealedEntry(), bytes }]])
    const reader = readerOf(store)
    const corrupt = { code: 'AUDIT_LOG_CORRUPT', message: expect.stringContaining('entry 1 ') }
    await expect(reader.events().toArray()).rejects.toMatchObject(corrupt)
    await expect(reader.events({ sessionId: 's' }).toArray()).rejects.toMatchObject(corrupt)
    await expect(reader.get(1)).rejects.toMatchObject(corrupt)
    expect(seqsOf(await reader.events({ limit: 1 }).toArray())).toEqual([0])
  })

  test('an entry that is missing is AUDIT_LOG_CORRUPT, naming it', async () => {
    const store = await filled(memoryStore(), [sealedEntries(3)])
    const holed: AuditStore = wrapping(store, {
      read: async (seqs) => (await store.read(seqs)).map((bytes, at) => (seqs[at] === 1 ? undefined : bytes)),
      async *entries(walk) {
        for await (const chunk of store.entries(walk)) yield chunk.filter(({ seq }) => seq !== 1)
      },
    })
    const reader = readerOf(holed)
    const corrupt = { code: 'AUDIT_LOG_CORRUPT', message: expect.stringContaining('entry 1 is missing') }
    await expect(reader.events().toArray()).rejects.toMatchObject(corrupt)
    await expect(reader.events({ order: 'desc', afterSeq: 0 }).toArray()).rejects.toMatchObject(corrupt)
    await expect(reader.events({ sessionId: 's' }).toArray()).rejects.toMatchObject(corrupt)
    await expect(reader.get(1)).rejects.toMatchObject(corrupt)
  })
})

/** The store with some of its methods replaced. */
function wrapping(store: AuditStore, replaced: Partial<AuditStore>): AuditStore {
  return new Proxy(store, {
    get(target, name) {
      const value = Reflect.get(name in replaced ? replaced : target, name, target) as unknown
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

/** A reader that counts what it reads. */
async function counting(entries: readonly SealedEntry[]) {
  const store = await filled(memoryStore(), [entries])
  const reads = { entries: 0, chunks: 0, walks: 0, barriers: 0, openCursors: 0 }
  const counted = wrapping(store, {
    read: (seqs) => {
      reads.entries += seqs.length
      return store.read(seqs)
    },
    async *entries(walk) {
      reads.walks++
      for await (const chunk of store.entries(walk)) {
        reads.entries += chunk.length
        yield chunk
      }
    },
    postings: (index, value, walk) => {
      const cursor = store.postings(index, value, walk)
      reads.openCursors++
      return {
        next: (target) => {
          reads.chunks++
          return cursor.next(target)
        },
        close: () => {
          reads.openCursors--
          return cursor.close()
        },
      }
    },
  })
  const barrier = async () => {
    reads.barriers++
  }
  return { reader: createReader(counted, { barrier, eventTypes: [] }), reads }
}
