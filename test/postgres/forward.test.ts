import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { openAuditLog } from '../../src/audit-log/index.js'
import { AuditLogError } from '../../src/events/errors.js'
import { forwardAuditLog } from '../../src/forward/index.js'
import { content, openAuditLogReader } from '../../src/index.js'
import { postgresStore } from '../../src/store/postgres/index.js'
import { sealedEntries } from '../../src/testing/index.js'
import { migratedDatabase } from './support/database.js'
import { TcpProxy } from './support/proxy.js'
import { verifiedEvents } from './support/writers.js'

const { url, sql } = await migratedDatabase()
const directory = await mkdtemp(join(tmpdir(), 'spanledger-forward-'))
const ends: (() => Promise<unknown>)[] = [() => rm(directory, { recursive: true })]
afterAll(async () => {
  for (const end of ends.reverse()) await end()
})

const proxy = await TcpProxy.start(() => Number(new URL(url()).port))
ends.push(() => proxy.close())

/** The remote log, through a network that breaks. */
function remoteOf(logId: string) {
  const through = new URL(url())
  through.port = String(proxy.port)
  return postgresStore({
    connectionString: through.href,
    logId,
    writer: 'forwarder',
    pool: { connectionTimeoutMillis: 500, query_timeout: 1_000 },
  })
}

async function localLog(name: string) {
  const log = await openAuditLog(join(directory, name))
  ends.push(() => log.close())
  return log
}

/** Timers of a test run as soon as what is under way has been done. */
function startTimer(_: number, callback: () => void): () => void {
  const immediate = setImmediate(callback)
  return () => clearImmediate(immediate)
}

test('content is carried over with its entries where that is asked for, whatever breaks, and read with the keys of the local log', async () => {
  const log = await localLog('content')
  const contentKeys = { directory: join(directory, 'content', 'keys', 'content') }
  const settings = { maxGroupEntries: 20, content: 'all' as const, onProblem: () => {}, startTimer }
  const note = (n: number) => content('x'.repeat(n * 100) + n)
  let forwarder = forwardAuditLog(log, remoteOf('content'), settings)
  let n = 0
  for (let round = 0; round < 6; round++) {
    for (let count = 0; count < 30; count++, n++) {
      log.record({ type: 'custom', data: { name: 'note', n, ...(n % 2 === 0 && { note: note(n) }) } })
    }
    if (round % 3 === 0) proxy.losesAnswers = true
    else if (round % 3 === 1) proxy.isCut = true
    const flushed = forwarder.flush().catch((problem: unknown) => problem)
    if (round % 3 === 2) proxy.reset()
    else expect(await flushed).toBeInstanceOf(AuditLogError)
    proxy.losesAnswers = false
    proxy.isCut = false
    await forwarder.close()
    forwarder = forwardAuditLog(log, remoteOf('content'), settings)
    await forwarder.flush()
  }
  await forwarder.close()
  const store = postgresStore({ connectionString: url(), logId: 'content' })
  await using reader = await openAuditLogReader({ store, contentKeys })
  const events = await reader.events({ content: 'all' }).toArray()
  expect(events).toEqual(await log.events({ content: 'all' }).toArray())
  expect(events.map(({ data }) => data)).toEqual(
    Array.from({ length: n }, (_, at) => ({ name: 'note', n: at, ...(at % 2 === 0 && { note: note(at).value }) })),
  )
})

test('outages of every kind make the lag grow, and nothing missing or doubled', async () => {
  const log = await localLog('outages')
  const onProblem = () => {}
  const note = (n: number) => log.record({ type: 'custom', sessionId: 's', data: { name: 'note', n } })
  let forwarder = forwardAuditLog(log, remoteOf('outages'), { maxGroupEntries: 50, onProblem, startTimer })
  let n = 0
  for (let round = 0; round < 9; round++) {
    for (let count = 0; count < 200; count++) note(n++)
    if (round % 3 === 0) proxy.losesAnswers = true
    else if (round % 3 === 1) proxy.isCut = true
    const flushed = forwarder.flush().catch((problem: unknown) => problem)
    if (round % 3 === 2) proxy.reset()
    else expect(await flushed).toBeInstanceOf(AuditLogError)
    await flushed
    for (let count = 0; count < 200; count++) note(n++)
    // The process that forwards dies as well.
    if (round % 4 === 3) await forwarder.close()
    proxy.losesAnswers = false
    proxy.isCut = false
    proxy.reset()
    if (round % 4 === 3)
      forwarder = forwardAuditLog(log, remoteOf('outages'), { maxGroupEntries: 50, onProblem, startTimer })
  }
  while (forwarder.progress().safeToTrim < n) await forwarder.flush().catch(() => undefined)
  expect(forwarder.progress()).toMatchObject({ status: 'forwarding', lagEvents: 0, remoteSize: n, safeToTrim: n })
  await forwarder.close()
  const events = await verifiedEvents(url(), 'outages')
  expect(events.map(({ data }) => (data as { n?: number }).n)).toEqual([...Array(n).keys()])
  expect(events).toEqual(await log.events().toArray())
})

test('a log id that holds another log is refused, and left as it is', async () => {
  const log = await localLog('refused')
  await log.append({ type: 'custom', sessionId: 's', data: { name: 'note' } })
  const other = postgresStore({ connectionString: url(), logId: 'taken' })
  await other.open()
  await other.commit(sealedEntries(3))
  await other.close()
  const forwarder = forwardAuditLog(log, remoteOf('taken'), { onProblem: () => {} })
  await expect(forwarder.flush()).rejects.toMatchObject({
    code: 'AUDIT_LOG_DIVERGED',
    message: expect.stringContaining('Give each log that is forwarded a log of its own'),
  })
  await forwarder.close()
  expect(await sql("select size from spanledger.log where id = 'taken'")).toEqual([{ size: '3' }])
})

test('a second forwarder of a log takes over from the first', async () => {
  const log = await localLog('taken over')
  const note = () => log.append({ type: 'custom', sessionId: 's', data: { name: 'note' } })
  await note()
  const first = forwardAuditLog(log, remoteOf('taken over'), { onProblem: () => {} })
  ends.push(() => first.close())
  await first.flush()
  const second = forwardAuditLog(log, remoteOf('taken over'), { onProblem: () => {} })
  ends.push(() => second.close())
  await second.flush()
  await note()
  await Promise.allSettled([first.flush(), second.flush()])
  await second.flush()
  expect(second.progress()).toMatchObject({ status: 'forwarding', safeToTrim: 2 })
  expect(first.progress()).toMatchObject({ status: 'stopped' })
  expect((await verifiedEvents(url(), 'taken over')).length).toBe(2)
})
