import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parquetReadObjects } from 'hyparquet'
import { expect, test } from 'vitest'
import { exportLog } from '../../src/export/index.js'
import { type AuditLog, openAuditLog } from '../../src/index.js'
import { type AuditLogDirectoryReader, openAuditLogReader } from '../../src/reader/index.js'
import { run } from '../cli/command-line.js'
import { ledgerDirectory } from './ledger-directory.js'

const ledger = ledgerDirectory()

async function opened(number: number): Promise<AuditLog> {
  // Without a checkpoint there is nothing that the other log notes.
  const log = await openAuditLog(ledger.logDirectory(number), { checkpointIntervalMillis: 3_600_000 })
  ledger.onEnd(() => log.close())
  return log
}

async function reading(refreshMillis = 0): Promise<AuditLogDirectoryReader> {
  const reader = await openAuditLogReader(ledger.location, { refreshMillis })
  ledger.onEnd(() => reader.close())
  return reader
}

function at(second: number): string {
  return `2026-01-01T00:00:${String(second).padStart(2, '0')}.000000000Z`
}

/** A run that begins in log 0 and goes on in log 1, and a sub-run there that its trace alone joins with it. */
async function writeRuns(zero: AuditLog, one: AuditLog): Promise<void> {
  const trace = (spanId: string, parentSpanId?: string) => ({
    traceId: 'a'.repeat(32),
    spanId: spanId.repeat(16),
    ...(parentSpanId !== undefined && { parentSpanId: parentSpanId.repeat(16) }),
  })
  const planner = { runId: 'r-1', sessionId: 's-1', agent: { name: 'planner' } }
  const usage = { model: 'm-1', inputTokens: 5, outputTokens: 5, totalTokens: 10 }
  await zero.append({ ...planner, type: 'run_started', time: at(1), trace: trace('1'), data: { agent: planner.agent } })
  await one.append({ ...planner, type: 'token_usage_updated', time: at(2), data: usage })
  await zero.append({ ...planner, type: 'token_usage_updated', time: at(3), data: usage })
  const writer = { runId: 'r-2', sessionId: 's-2', agent: { name: 'writer' } }
  await one.append({
    ...writer,
    type: 'run_started',
    time: at(4),
    trace: trace('2', '3'),
    data: { agent: writer.agent },
  })
  await one.append({
    ...writer,
    type: 'run_completed',
    time: at(5),
    trace: trace('2', '3'),
    data: { durationMs: 5000 },
  })
  await one.append({ ...planner, type: 'run_completed', time: at(6), data: { durationMs: 5000 } })
}

function places(events: readonly { readonly log?: number; readonly seq: number }[]): string[] {
  return events.map(({ log, seq }) => `${log}:${seq}`)
}

test('a location with one log is read as ever: no event has the number of a log', async () => {
  const zero = await opened(0)
  await zero.append({ type: 'custom', data: { name: 'a' } })
  const reader = await reading()
  const [event] = await reader.events().toArray()
  expect(event).not.toHaveProperty('log')
  expect(await reader.get(0)).toEqual(event)
  expect(await reader.head()).not.toHaveProperty('logs')
  expect([...reader.logs.keys()]).toEqual([0])
  expect((await run(['query', '--jsonl', '--log', ledger.location])).out).toBe(`${JSON.stringify(event)}\n`)
})

test('events of all logs are merged by time, with the number of their log', async () => {
  await writeRuns(await opened(0), await opened(1))
  const reader = await reading()
  const events = await reader.events().toArray()
  expect(places(events)).toEqual(['0:0', '1:0', '0:1', '1:1', '1:2', '1:3'])
  expect(places(await reader.events({ order: 'desc', limit: 3 }).toArray())).toEqual(['1:3', '1:2', '1:1'])
  expect(await reader.events().count()).toBe(6)
  expect(await reader.events({ type: 'run_started', limit: 1 }).count()).toBe(1)
  const head = await reader.head()
  expect(head).toMatchObject({
    size: 6,
    logs: [
      { log: 0, size: 2 },
      { log: 1, size: 4 },
    ],
  })
  expect(await reader.logs.get(1)?.get(0)).toMatchObject({ runId: 'r-1', time: at(2) })
  expect(await reader.verify()).toMatchObject({
    logs: [
      { log: 0, size: 2 },
      { log: 1, size: 4 },
    ],
  })
  const ofOne = await reader.logs.get(1)?.verify()
  expect(ofOne).toMatchObject({ size: 4 })
  expect(ofOne).not.toHaveProperty('logs')
  await expect(reader.get(0)).rejects.toMatchObject({ code: 'AUDIT_QUERY_INVALID' })
  await expect(reader.events({ afterSeq: 1 }).toArray()).rejects.toMatchObject({ code: 'AUDIT_QUERY_INVALID' })
})

test('a run of several logs is listed once, with its sums, and has the runs of its trace below it', async () => {
  await writeRuns(await opened(0), await opened(1))
  const reader = await reading()
  const runs = await reader.runs().toArray()
  expect(runs).toMatchObject([
    {
      runId: 'r-1',
      status: 'completed',
      eventCount: 4,
      usage: { totalTokens: 20 },
      log: 0,
      firstSeq: 0,
      lastLog: 1,
      lastSeq: 3,
    },
    { runId: 'r-2', status: 'completed', log: 1, firstSeq: 1 },
  ])
  expect((await reader.runs({ status: 'running' }).toArray()).length).toBe(0)
  const tree = await reader.run('r-1')
  expect(tree).toMatchObject({ eventCount: 4, subRuns: [{ runId: 'r-2', claimedParentRunId: 'r-1', log: 1 }] })
  expect(await reader.sessions().toArray()).toMatchObject([
    { sessionId: 's-1', events: 4, runs: 1, log: 0, lastLog: 1 },
    { sessionId: 's-2', events: 2, runs: 1, log: 1 },
  ])
  expect(await reader.agents().toArray()).toMatchObject([
    { name: 'planner', events: 4, runs: 1 },
    { name: 'writer', events: 2 },
  ])
  expect((await reader.stats({ groupBy: 'agent' })).total).toMatchObject({
    usage: { totalTokens: 20 },
    runs: { completed: 2 },
  })
})

test('a cursor holds the position in every log, and a malformed one is an invalid query', async () => {
  const zero = await opened(0)
  await zero.append({ type: 'custom', data: { name: 'before' } })
  const reader = await reading()
  const cursor = await reader.cursor()
  // A log that is added later is behind the cursor.
  const one = await opened(1)
  await one.append({ type: 'custom', data: { name: 'in a new log' } })
  await zero.append({ type: 'custom', data: { name: 'after' } })
  expect(places(await reader.events({ after: cursor }).toArray())).toEqual(['1:0', '0:1'])
  expect(places(await reader.events({ before: cursor }).toArray())).toEqual(['0:0'])
  expect(await reader.events({ after: cursor }).count()).toBe(2)
  for (const bad of ['', 'x', cursor.slice(1), `${cursor}AA`, 5 as never, undefined as never]) {
    expect(() => reader.events({ after: bad })).toThrow(expect.objectContaining({ code: 'AUDIT_QUERY_INVALID' }))
  }
  const other = await openAuditLog(join(ledger.root, 'other'))
  ledger.onEnd(() => other.close())
  const foreign = await openAuditLogReader(join(ledger.root, 'other'))
  ledger.onEnd(() => foreign.close())
  const read = reader.events({ after: await foreign.cursor() }).toArray()
  await expect(read).rejects.toMatchObject({ code: 'AUDIT_QUERY_INVALID' })
  const page = await reader.events().page({ size: 1 })
  const next = reader.events().page({ cursor: `${page.cursor}A` })
  await expect(next).rejects.toMatchObject({ code: 'AUDIT_CURSOR_INVALID' })
  expect(places((await reader.events().page({ cursor: page.cursor })).items)).toEqual(['1:0', '0:1'])
})

async function textOf(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  let text = ''
  for await (const chunk of chunks) text += String(Buffer.from(chunk))
  return text
}

test('an export of a ledger says where the next one goes on', async () => {
  const [zero, one] = [await opened(0), await opened(1)]
  await writeRuns(zero, one)
  const reader = await reading()
  const seen: string[] = []
  let cursor: string | undefined
  for (const limit of [2, 3, 100]) {
    const exported = exportLog(reader, {
      format: 'events',
      query: { limit, ...(cursor !== undefined && { after: cursor }) },
    })
    for await (const chunk of exported) {
      for (const line of String(Buffer.from(chunk)).split('\n')) if (line !== '') seen.push(line)
    }
    cursor = exported.cursor
  }
  const events = seen.map((line) => JSON.parse(line) as { log: number; seq: number })
  expect(places(events)).toEqual(['0:0', '1:0', '0:1', '1:1', '1:2', '1:3'])
  await one.append({ type: 'custom', data: { name: 'later' } })
  const rest = exportLog(reader, { format: 'csv', query: { after: cursor as string } })
  const text = await textOf(rest)
  expect(
    text
      .trim()
      .split('\r\n')
      .slice(1)
      .map((line) => line.split(',')[0]),
  ).toEqual(['1:4'])
})

test('the command line shows log and position, and picks one log by its number', async () => {
  await writeRuns(await opened(0), await opened(1))
  const { out, err } = await run(['query', '--log', ledger.location])
  expect(err).toBe('')
  expect(out.split('\n').map((line) => line.trim().split(' ')[0])).toEqual([
    '0:0',
    '1:0',
    '0:1',
    '1:1',
    '1:2',
    '1:3',
    '',
  ])
  const one = (await run(['query', '--log', ledger.location, '--log-number', '1', '--jsonl'])).out.trim().split('\n')
  expect(one.map((line) => Object.hasOwn(JSON.parse(line) as object, 'log'))).toEqual([false, false, false, false])
  expect((await run(['query', '--count', '--log', join(ledger.location, 'logs/1')])).out).toBe('4\n')
  expect((await run(['query', '--count', '--log', ledger.location, '--log-number', '0'])).out).toBe('2\n')
  expect(
    (await run(['tail', '-n', '2', '--log', ledger.location])).out
      .trim()
      .split('\n')
      .map((line) => line.trim().slice(0, 3)),
  ).toEqual(['1:2', '1:3'])
  expect((await run(['show', 'r-1', '--log', ledger.location])).out).toContain('claimed parent r-1, by the trace alone')
  for (const command of ['runs', 'sessions', 'agents', 'stats']) {
    expect(await run([command, '--json', '--log', ledger.location])).toMatchObject({ code: 0, err: '' })
  }
  for (const format of ['jsonl', 'events', 'csv', 'cloudevents', 'ocsf', 'otlp', 'parquet']) {
    const file = join(ledger.root, `out.${format}`)
    const told = await run(['export', '-f', format, '-o', file, '--jsonl', '--log', ledger.location])
    expect(JSON.parse(told.out)).toMatchObject({ events: 6, cursor: expect.any(String) })
  }
  const { buffer } = new Uint8Array(await readFile(join(ledger.root, 'out.parquet')))
  const rows = await parquetReadObjects({ file: buffer, columns: ['log', 'seq'] })
  expect(rows.map(({ log, seq }) => `${log}:${seq}`)).toEqual(['0:0', '1:0', '0:1', '1:1', '1:2', '1:3'])
})
