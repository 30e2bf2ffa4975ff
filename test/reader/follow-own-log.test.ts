import { expect, test } from 'vitest'
import { openAuditLog } from '../../src/audit-log/index.js'
import { memoryStore } from '../../src/store/memory/index.js'

// No look is repeated in the time of a test: what is seen, the commit has told.
const pollMillis = 3_600_000
const note = (n: number) => ({ type: 'custom', data: { name: 'note', n } }) as const

test('a follower is woken by each commit of its process, and misses and repeats none', async () => {
  await using log = await openAuditLog({ store: memoryStore() })
  for (let n = 0; n < 5; n++) log.record(note(n))
  const seqs: number[] = []
  for await (const { seq } of log.follow({}, { pollMillis })) {
    seqs.push(seq)
    if (seq === 4) setImmediate(() => log.record(note(5)))
    if (seq === 5) {
      for (let n = 0; n < 300; n++) log.record(note(n))
      setImmediate(() => log.append(note(0)))
    }
    if (seq === 306) break
  }
  expect(seqs).toEqual(Array.from({ length: 307 }, (_, n) => n))
})

test('each of several followers goes at its own pace', async () => {
  await using log = await openAuditLog({ store: memoryStore() })
  const [quick, slow] = [0, 0].map(() => log.follow({}, { pollMillis })[Symbol.asyncIterator]())
  const waiting = quick?.next()
  await log.append(note(0))
  expect((await waiting)?.value).toMatchObject({ seq: 0 })
  await log.append(note(1))
  expect((await quick?.next())?.value).toMatchObject({ seq: 1 })
  expect((await slow?.next())?.value).toMatchObject({ seq: 0 })
  await Promise.all([quick?.return?.(), slow?.return?.()])
})

test('an aborted signal ends a follower that waits for a commit', async () => {
  await using log = await openAuditLog({ store: memoryStore() })
  const waiting = new AbortController()
  const next = log.follow({}, { signal: waiting.signal, pollMillis })[Symbol.asyncIterator]().next()
  setImmediate(() => waiting.abort())
  expect(await next).toEqual({ done: true, value: undefined })
})

test('closing the log ends a follower with AUDIT_LOG_CLOSED', async () => {
  const log = await openAuditLog({ store: memoryStore() })
  const next = log.follow({}, { pollMillis })[Symbol.asyncIterator]().next()
  setImmediate(() => log.close())
  await expect(next).rejects.toMatchObject({ code: 'AUDIT_LOG_CLOSED' })
})

test('the statistics of the log and the counters of its writer are told apart by the query', async () => {
  await using log = await openAuditLog({ store: memoryStore() })
  await log.append({ type: 'run_started', runId: 'r-1', data: { agent: { name: 'writer' } } })
  expect(log.counters()).toMatchObject({ recorded: 1 })
  expect((await log.stats({})).total.runs.started).toBe(1)
  expect(await log.agents().toArray()).toMatchObject([{ name: 'writer', runs: 1 }])
})
