import { expect, test } from 'vitest'
import { filled, readerOf } from '../../../test/reader/reader-of.js'
import { memoryStore } from '../../store/memory/index.js'
import { sealedEntries } from '../../testing/index.js'

test('gives the backlog after a position, and then what comes, none left out and none twice', async () => {
  const store = await filled(memoryStore(), [sealedEntries(5)])
  const seqs: number[] = []
  for await (const event of readerOf(store).follow({}, { afterSeq: 1, pollMillis: 1 })) {
    seqs.push(event.seq)
    if (event.seq === 4) await store.commit(sealedEntries(300))
    if (event.seq === 304) queueMicrotask(() => void store.commit(sealedEntries(1)))
    if (event.seq === 305) break
  }
  expect(seqs).toEqual(Array.from({ length: 304 }, (_, n) => n + 2))
})

test('gives only what passes the filters', async () => {
  const store = await filled(memoryStore(), [sealedEntries(10, (n) => ({ sessionId: n % 2 ? 'odd' : 'even' }))])
  const seqs: number[] = []
  for await (const { seq } of readerOf(store).follow({ sessionId: 'odd' }, { pollMillis: 1 })) {
    seqs.push(seq)
    if (seq === 9) await store.commit(sealedEntries(3, (n) => ({ sessionId: n % 2 ? 'odd' : 'even' })))
    if (seq > 9) break
  }
  expect(seqs).toEqual([1, 3, 5, 7, 9, 11])
})

test('an aborted signal ends it without an error: before, between events, while it waits', async () => {
  const store = await filled(memoryStore(), [sealedEntries(3)])
  const reader = readerOf(store)
  const none = reader.follow({}, { signal: AbortSignal.abort() })
  for await (const event of none) expect.unreachable(String(event.seq))

  const between = new AbortController()
  const seqs: number[] = []
  for await (const { seq } of reader.follow({}, { signal: between.signal })) {
    seqs.push(seq)
    between.abort()
  }
  expect(seqs).toEqual([0])

  const waiting = new AbortController()
  const events = reader.follow({}, { afterSeq: 2, signal: waiting.signal, pollMillis: 3_600_000 })
  const next = events[Symbol.asyncIterator]().next()
  setImmediate(() => waiting.abort())
  expect(await next).toEqual({ done: true, value: undefined })
})

test('starts no earlier than asked where the log does not reach that far yet', async () => {
  const store = await filled(memoryStore(), [sealedEntries(1)])
  const events = readerOf(store).follow({}, { afterSeq: 2, pollMillis: 1 })[Symbol.asyncIterator]()
  const next = events.next()
  await store.commit(sealedEntries(3))
  expect((await next).value).toMatchObject({ seq: 3 })
  await events.return?.()
})

test('ends with AUDIT_LOG_CLOSED when the log is closed', async () => {
  const store = await filled(memoryStore(), [sealedEntries(1)])
  const events = readerOf(store).follow({}, { pollMillis: 1 })[Symbol.asyncIterator]()
  await events.next()
  const next = events.next()
  await store.close()
  await expect(next).rejects.toMatchObject({ code: 'AUDIT_LOG_CLOSED' })
})

test('refuses what cannot be meant', async () => {
  const reader = readerOf(await filled(memoryStore(), []))
  expect(() => reader.follow({ limit: 1 } as object)).toThrow('limit')
  expect(() => reader.follow({}, { pollMillis: 0 })).toThrow(TypeError)
  expect(() => reader.follow({}, { afterSeq: -2 })).toThrow(TypeError)
  expect(() => reader.follow({}, { singal: undefined } as object)).toThrow("mean 'signal'")
})
