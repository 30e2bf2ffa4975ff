import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type AuditLog, openAuditLog } from '../../src/audit-log/index.js'
import { commands } from '../../src/cli/commands/index.js'
import { sharedBuild } from '../support/build.js'
import { ended, run, start as startBuilt } from './command-line.js'

// The command line as a person has it: a process, with pipes, beside the process that has the log open (this one).
const dist = await sharedBuild()
let directory: string
let log: AuditLog

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'spanledger-'))
  log = await openAuditLog(directory)
  const session = { sessionId: 's-1', tenantId: 'acme' }
  const parent = { ...session, runId: 'run-planner' }
  const child = { ...session, runId: 'run-writer', parentRunId: 'run-planner' }
  const tool = { name: 'search' }
  const usage = { inputTokens: 10, outputTokens: 5, totalTokens: 15 }
  await log.append({ ...parent, type: 'run_started', data: { agent: { name: 'planner' }, model: 'm-1' } })
  await log.append({ ...parent, type: 'tool_call_started', data: { callId: 'c-1', tool } })
  await log.append({ ...parent, type: 'tool_call_completed', data: { callId: 'c-1', tool, durationMs: 310 } })
  await log.append({ ...child, type: 'run_started', data: { agent: { name: 'writer' } } })
  const error = { code: 'Timeout', message: 'no answer\u001b[2J\nfor =2+2, "sir"' }
  await log.append({ ...child, type: 'run_failed', data: { durationMs: 600, error } })
  await log.append({ ...parent, type: 'run_completed', data: { durationMs: 1200, usage } })
  await log.append({ type: 'custom', sessionId: '=s', time: '2020-01-01T00:00:00Z', data: { name: 'old' } })
})

afterAll(async () => {
  await log.close()
  await rm(directory, { recursive: true, force: true })
})

const start = (args: readonly string[], env: NodeJS.ProcessEnv = {}) =>
  startBuilt(dist, args, { SPANLEDGER_LOG: directory, ...env })
const STDIN = '{"name":"from stdin"}'
const asProcess = (...args: string[]) => ended(start(args), STDIN)
/** The same within this process, for what is not about pipes, exit codes and who holds the log. */
const spanledger = (...args: string[]) =>
  run(args, { env: { SPANLEDGER_LOG: directory }, input: Readable.from([STDIN]) })

const rows = (out: string) => out.trimEnd().split('\n')
const seqs = (out: string) => rows(out).map((line) => (JSON.parse(line) as { seq: number }).seq)

describe('spanledger', () => {
  it('query filters, counts and formats, beside a process that has the log open', async () => {
    const found = await asProcess('query', '--jsonl', '-t', 'run_started', '-t', 'run_failed')
    expect(seqs(found.out)).toEqual([0, 3, 4])
    expect(seqs((await spanledger('query', '--jsonl', '--since', '2h', '--order', 'desc', '-n', '2')).out)).toEqual([
      5, 4,
    ])
    expect(seqs((await spanledger('query', '--jsonl', '--until', 'yesterday')).out)).toEqual([6])
    expect(JSON.parse((await spanledger('query', '--json', '--run', 'run-writer')).out)).toHaveLength(2)
    expect(JSON.parse((await spanledger('query', '--json', '--run', 'nobody')).out)).toEqual([])
    expect((await spanledger('query', '--session', 's-1', '--count')).out).toBe('6\n')
    expect((await spanledger('query', '--session', 's-1', '--count', '--jsonl')).out).toBe('{"count":6}\n')
  })

  it('shows an event in one line, whatever it says, and without colours in a pipe', async () => {
    const { out } = await asProcess('query', '-t', 'run_failed', '--content', 'diagnostics')
    expect(rows(out)).toHaveLength(1)
    expect(out).toContain('no answer\\u{1b}[2J\\u{a}for')
    expect(out).not.toContain('\u001b')
  })

  it('tail gives the latest, and with -f what comes until it is interrupted', async () => {
    expect(seqs((await spanledger('tail', '-n', '2', '--jsonl')).out)).toEqual([5, 6])
    const child = start(['tail', '-f', '-n', '1', '--jsonl', '--session', 'live'])
    const closed = new Promise<number>((resolve) => child.once('close', resolve))
    const { seq } = await log.append({ type: 'custom', sessionId: 'live', data: { name: 'a' } })
    let out = ''
    for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
      out += chunk.toString()
      if (out.endsWith('\n')) child.kill('SIGINT')
    }
    expect(seqs(out)).toEqual([seq])
    expect(await closed).toBe(130)
  })

  it('runs and sessions come with the newest first', async () => {
    const { out } = await asProcess('runs', '--jsonl')
    expect(rows(out).map((line) => (JSON.parse(line) as { runId: string }).runId)).toEqual([
      'run-writer',
      'run-planner',
    ])
    expect((await spanledger('runs', '--status', 'failed')).out).toMatch(/failed .*run-writer .*Timeout/)
    expect((await spanledger('sessions', '--tenant', 'acme')).out).toMatch(/s-1 .*6 events {2}2 runs/)
  })

  it('show draws a run as a tree, by the beginning of its id', async () => {
    const { out } = await asProcess('show', 'run-p')
    expect(rows(out)[0]).toMatch(/^planner {2}completed {2}1\.2s/)
    expect(out).toContain('├─ session s-1  tenant=acme\n')
    expect(out).toContain('├─ model m-1\n')
    expect(out).toContain('15 tokens (10 in, 5 out)')
    expect(out).toMatch(/├─ tool search {2}completed {2}310ms/)
    expect(out).toMatch(/└─ writer {2}failed {2}600ms/)
    expect(out).toContain('   └─ failed Timeout: no answer')
    const asJson = await Promise.all(['--json', '--jsonl'].map((format) => spanledger('show', 'run-planner', format)))
    for (const { out } of asJson) expect(JSON.parse(out)).toMatchObject({ runId: 'run-planner' })
    expect(asJson.map(({ out }) => rows(out).length > 1)).toEqual([true, false])
    expect(await spanledger('show', 'run-')).toMatchObject({
      code: 70,
      err: expect.stringMatching(/several runs .*run-p/),
    })
    expect(await spanledger('show', 'nobody')).toMatchObject({
      code: 66,
      err: expect.stringContaining("no run 'nobody'"),
    })
  })

  it('record appends one event, and says that a writer has the log', async () => {
    expect(await asProcess('record', '-d', '{"name":"x"}')).toMatchObject({
      code: 75,
      err: expect.stringMatching(/^spanledger: The audit log .* is open/),
    })
    const own = join(directory, 'own')
    const missing = await asProcess('record', '-d', '-', '--log', own)
    expect(missing).toMatchObject({ code: 66, err: expect.stringContaining('--create') })
    expect(await readdir(directory)).not.toContain('own')
    expect(await asProcess('record', '-d', '-', '--log', own, '--create', '--actor', 'ada')).toMatchObject({
      out: '0\n',
    })
    const { out } = await spanledger('query', '--jsonl', '--log', own)
    expect(JSON.parse(out)).toMatchObject({ type: 'custom', actor: { id: 'ada' }, data: { name: 'from stdin' } })
    const { out: receipt } = await spanledger('record', '-d', '-', '--log', own, '--jsonl')
    expect(JSON.parse(receipt)).toEqual({ seq: 1, leafHash: expect.stringMatching(/^[0-9a-f]{64}$/) })
    expect(await spanledger('record', '-t', 'resumd', '-d', '{}', '--log', own)).toMatchObject({ code: 64 })
  })

  it('doctor looks at a log without touching it', async () => {
    const found = JSON.parse((await asProcess('doctor', '--json')).out) as Record<string, unknown>
    expect(found).toMatchObject({
      directory,
      formatVersion: expect.stringMatching(/^\d+$/),
      lastEventAt: expect.any(String),
    })
    expect(found.events).toBe((await log.head()).size)
    expect(['open', 'unknown']).toContain(found.writer)
    expect((await spanledger('doctor')).out).toMatch(/^directory .*\nformat {5}version \d+\n/)
  })

  it.each([
    [['tial'], "did you mean 'tail'?"],
    [['query', '--sesion', 's'], "did you mean '--session'?"],
    [['query', '--since', 'whenever'], 'is no time'],
    [['query', '--limit', 'ten'], 'no whole number'],
    [['query', '--limit', '0'], 'at least 1'],
    [['query', '-t', 'run_faild'], "did you mean 'run_failed'?"],
    [['query', '--after-seq', '-x'], "use '--after-seq=-XYZ'"],
    [['help', 'query', 'runs'], 'one word too many'],
    [['help', '--hlep'], "did you mean '--help'?"],
    [['query', 'more'], 'one word too many'],
    [['prove', 'dir', '1', '--store', 'postgres://host/db#log'], 'not both'],
    [['query', '--store', 'postgres://[::1#log'], 'it is malformed'],
    [['query', '--store', 'postgres://host:none/db#log'], 'its port is no number'],
    [['query', '--store', 'postgres://host/db?sslrootcert=/nowhere/ca.pem#log'], 'cannot be read (ENOENT)'],
    [['query', '--json', '--jsonl'], 'not both'],
    [['runs', '--status', 'dead'], 'expected one of'],
    [['help', 'exit-code'], "did you mean 'exit-codes'?"],
    [['record'], '--data'],
    [['record', '-d', '{'], 'no JSON'],
    [['show'], 'name one run'],
    [[], "'spanledger help'"],
  ])('says in a line what is wrong with %j, and ends with 64', async (args, message) => {
    const { code, out, err } = await run(args, { env: { SPANLEDGER_LOG: directory } })
    expect({ code, out }).toEqual({ code: 64, out: '' })
    expect(err).toContain(message)
    expect(rows(err)).toHaveLength(1)
  })

  it('ends with 66 where there is no log', async () => {
    const { code, err } = await asProcess('runs', '--log', join(directory, 'nothing'))
    expect(code).toBe(66)
    expect(err).toMatch(/^spanledger: There is no audit log in .*nothing\n$/)
    expect(await run(['verify', join(directory, 'nothing')])).toEqual({ code: 66, out: '', err })
  })

  it('says which version it is', async () => {
    const { version } = JSON.parse(await readFile('package.json', 'utf8')) as { version: string }
    expect(await run(['--version'])).toEqual({ code: 0, out: `${version}\n`, err: '' })
  })

  it('has help with examples for every command, all of which it understands', async () => {
    const { code, out } = await asProcess('--help')
    expect(code).toBe(0)
    const names = [...out.matchAll(/^ {2}(?!help)(\w+) /gm)].map(([, name]) => name as string)
    expect(names).toEqual(Object.keys(commands))
    const topics = [...out.matchAll(/^ {2}help ([\w-]+) /gm)].map(([, name]) => name as string)
    expect(topics).toEqual(['exit-codes', 'environment', 'times'])
    expect((await run(['help', 'exit-codes'])).out).toMatch(
      /^ {2}0 .*\n {2}2 .*\n {2}3 .*\n {2}4 .*\n {2}5 .*\n(?:.*\n)*? {2}64 .*\n(?:.*\n)*? {2}77 /,
    )
    for (const help of await Promise.all(names.map((name) => run([name, '--help'])))) {
      expect(help.out).toMatch(/Examples:\n {2}.*spanledger/)
    }
    expect(await run(['help', 'query'])).toEqual(await run(['query', '--help']))
    for (const args of [['help'], ['help', '--help'], ['--help'], ['-h'], ['help', 'help']]) {
      expect(await run(args)).toEqual({ code: 0, out, err: '' })
    }
  })

  it('takes a negative number for the value of an option', async () => {
    const all = await run(['query', '--count'], { env: { SPANLEDGER_LOG: directory } })
    expect(await run(['query', '--after-seq', '-1', '--count'], { env: { SPANLEDGER_LOG: directory } })).toEqual(all)
  })

  it('ends quietly when its reader has seen enough', async () => {
    const child = start(['export'])
    const closed = new Promise<number>((resolve) => child.once('close', resolve))
    child.stdout?.destroy()
    expect(await text(child.stderr as never)).toBe('')
    expect(await closed).toBe(0)
  })

  it('can be interrupted while nobody reads on, and leaves nothing behind', async () => {
    const temporary = await mkdtemp(join(tmpdir(), 'spanledger-'))
    const long = join(temporary, 'audit')
    const writer = await openAuditLog(long)
    for (let n = 0; n < 300; n++) writer.record({ type: 'custom', data: { name: 'x'.repeat(2000) } })
    await writer.close()
    const child = start(['export', '--log', long], { TMPDIR: temporary })
    const closed = new Promise<number>((resolve) => child.once('exit', resolve))
    await once(child.stdout as never, 'readable')
    child.kill('SIGINT')
    expect(await closed).toBe(130)
    child.stdout?.destroy()
    expect(await readdir(temporary)).toEqual(['audit'])
    await rm(temporary, { recursive: true })
  })

  it('gives what every command has to say as JSON, too', () => {
    const without = Object.entries(commands).filter(([, { options }]) => !('json' in options && 'jsonl' in options))
    // A script for a shell and a proof have forms of their own.
    expect(without.map(([name]) => name).filter((name) => name !== 'completion' && name !== 'prove')).toEqual([])
  })

  it('is what package.json installs', async () => {
    const manifest = JSON.parse(await readFile(join(import.meta.dirname, '../../package.json'), 'utf8'))
    expect(manifest.bin).toEqual({ spanledger: './dist/cli/index.js' })
    expect(await readFile(join(dist, 'cli/index.js'), 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/)
  })
})
