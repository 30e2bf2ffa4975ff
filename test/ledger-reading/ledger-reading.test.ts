import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { parquetReadObjects } from 'hyparquet'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { exportLog } from '../../src/export/index.js'
import { type AuditLog, openAuditLog } from '../../src/index.js'
import { type AuditLogDirectoryReader, openAuditLogReader } from '../../src/reader/index.js'
import { run } from '../cli/command-line.js'
import { sharedBuild } from '../support/build.js'

const dist = await sharedBuild()
let root: string
let ledger: string
const closing: (() => Promise<unknown>)[] = []

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'spanledger-'))
  ledger = join(root, 'audit')
})
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
  await rm(root, { recursive: true, force: true })
})

function logDirectory(number: number): string {
  return number === 0 ? ledger : join(ledger, 'logs', String(number))
}

async function opened(number: number): Promise<AuditLog> {
  // Without a checkpoint there is nothing that the other log notes.
  const log = await openAuditLog(logDirectory(number), { checkpointIntervalMillis: 3_600_000 })
  closing.push(() => log.close())
  return log
}

async function reading(refreshMillis = 0): Promise<AuditLogDirectoryReader> {
  const reader = await openAuditLogReader(ledger, { refreshMillis })
  closing.push(() => reader.close())
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
  expect((await run(['query', '--jsonl', '--log', ledger])).out).toBe(`${JSON.stringify(event)}\n`)
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
  await expect(reader.get(0)).rejects.toMatchObject({ code: 'AUDIT_INVALID_QUERY' })
  await expect(reader.events({ afterSeq: 1 }).toArray()).rejects.toMatchObject({ code: 'AUDIT_INVALID_QUERY' })
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
    expect(() => reader.events({ after: bad })).toThrow(expect.objectContaining({ code: 'AUDIT_INVALID_QUERY' }))
  }
  const other = await openAuditLog(join(root, 'other'))
  closing.push(() => other.close())
  const foreign = await openAuditLogReader(join(root, 'other'))
  closing.push(() => foreign.close())
  const read = reader.events({ after: await foreign.cursor() }).toArray()
  await expect(read).rejects.toMatchObject({ code: 'AUDIT_INVALID_QUERY' })
  const page = await reader.events().page({ size: 1 })
  const next = reader.events().page({ cursor: `${page.cursor}A` })
  await expect(next).rejects.toMatchObject({ code: 'AUDIT_INVALID_CURSOR' })
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
  const { out, err } = await run(['query', '--log', ledger])
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
  const one = (await run(['query', '--log', ledger, '--log-number', '1', '--jsonl'])).out.trim().split('\n')
  expect(one.map((line) => Object.hasOwn(JSON.parse(line) as object, 'log'))).toEqual([false, false, false, false])
  expect((await run(['query', '--count', '--log', join(ledger, 'logs/1')])).out).toBe('4\n')
  expect((await run(['query', '--count', '--log', ledger, '--log-number', '0'])).out).toBe('2\n')
  expect(
    (await run(['tail', '-n', '2', '--log', ledger])).out
      .trim()
      .split('\n')
      .map((line) => line.trim().slice(0, 3)),
  ).toEqual(['1:2', '1:3'])
  expect((await run(['show', 'r-1', '--log', ledger])).out).toContain('claimed parent r-1, by the trace alone')
  for (const command of ['runs', 'sessions', 'agents', 'stats']) {
    expect(await run([command, '--json', '--log', ledger])).toMatchObject({ code: 0, err: '' })
  }
  for (const format of ['jsonl', 'events', 'csv', 'cloudevents', 'ocsf', 'otlp', 'parquet']) {
    const file = join(root, `out.${format}`)
    const told = await run(['export', '-f', format, '-o', file, '--jsonl', '--log', ledger])
    expect(JSON.parse(told.out)).toMatchObject({ events: 6, cursor: expect.any(String) })
  }
  const { buffer } = new Uint8Array(await readFile(join(root, 'out.parquet')))
  const rows = await parquetReadObjects({ file: buffer, columns: ['log', 'seq'] })
  expect(rows.map(({ log, seq }) => `${log}:${seq}`)).toEqual(['0:0', '1:0', '0:1', '1:1', '1:2', '1:3'])
})

type Writer = ChildProcessByStdio<Writable, Readable, null>

/** A process that writes a log; `said` waits for its next answer. */
async function writer(number: number) {
  const child: Writer = spawn(process.execPath, [join(import.meta.dirname, 'writer.mjs'), dist, logDirectory(number)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  closing.push(async () => {
    child.kill('SIGKILL')
    await exited
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  await lines.next()
  return {
    exited,
    async say(line: string) {
      child.stdin.write(`${line}\n`)
      await lines.next()
    },
  }
}

test('following finds what processes write, and the log of one that comes later, and goes on from its cursor', async () => {
  const zero = await writer(0)
  await zero.say('append a')
  const reader = await openAuditLogReader(ledger, { refreshMillis: 0 })
  closing.push(() => reader.close())
  const following = reader.follow({}, { pollMillis: 1 })
  const events = following[Symbol.asyncIterator]()
  const next = async () => {
    const { value } = await events.next()
    return [value.log, value.data.name]
  }
  expect(await next()).toEqual([undefined, 'a'])
  const one = await writer(1)
  await one.say('append b')
  expect(await next()).toEqual([1, 'b'])
  await zero.say('append c')
  expect(await next()).toEqual([0, 'c'])
  const { cursor } = following
  await events.return?.()
  await one.say('append d')
  const rest = reader.follow({}, { pollMillis: 1, after: cursor as string })[Symbol.asyncIterator]()
  expect((await rest.next()).value).toMatchObject({ log: 1, data: { name: 'd' } })
  await rest.return?.()
})

test('what a process left in its journal is told by every command, and shown on request, also of a copy', async () => {
  const one = await writer(0)
  await one.say('append committed')
  one.say('exit left').catch(() => undefined)
  await one.exited
  const copy = join(root, 'copy')
  await cp(ledger, copy, { recursive: true })
  for (const directory of [ledger, copy]) {
    for (const command of ['query', 'runs', 'sessions', 'agents', 'stats', 'tail', 'export']) {
      const { code, err } = await run([command, '--log', directory])
      expect(code).toBe(0)
      expect(err).toContain('3 events are not committed yet')
    }
    const shown = await run(['query', '--pending', '--jsonl', '--log', directory])
    const events = shown.out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { seq: number | null; data: object })
    expect(events.map(({ seq, data }) => [seq, data])).toEqual([
      [0, { name: 'committed' }],
      [null, { name: 'left-0' }],
      [null, { name: 'left-1' }],
      [null, { name: 'left-2' }],
    ])
    expect((await run(['query', '--count', '--log', directory])).out).toBe('1\n')
    expect((await run(['tail', '--pending', '--log', directory])).out).toContain('–')
    expect((await run(['show', 'r-1', '--pending', '--log', directory])).out).toContain('left-2')
  }
})
