import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type AuditLog, openAuditLog } from '../../src/audit-log/index.js'
import { ended, run, start } from '../cli/command-line.js'
import { HOSTILE_TEXTS } from '../export/samples.js'
import { sharedBuild } from '../support/build.js'

// Exports as a person makes them, beside the process that writes the log (this one).
const dist = await sharedBuild()
let folder: string
let log: AuditLog

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'spanledger-'))
  log = await openAuditLog(join(folder, 'audit'))
  for (const name of HOSTILE_TEXTS) log.record({ type: 'custom', runId: name, sessionId: name, data: { name, 1: [] } })
  await log.append({ type: 'run_started', runId: 'r-1', data: { agent: { name: 'planner' } } })
  await log.checkpoint() // tiles are those of a signed tree, and signing comes behind the commit
})

afterAll(async () => {
  await log.close()
  await rm(folder, { recursive: true, force: true })
})

const env = () => ({ SPANLEDGER_LOG: join(folder, 'audit') })
const asProcess = (...args: string[]) => ended(start(dist, args, env()))
/** The same within this process, for what is not about pipes and what goes on meanwhile. */
const spanledger = (...args: string[]) => run(args, { env: env() })
const lines = (out: string) => out.trimEnd().split('\n')

describe('spanledger export', () => {
  it('writes tiles for their owner alone, as any other file', async () => {
    const tiles = join(folder, 'tiles')
    expect((await run(['export', '--tiles', tiles], { env: env() })).code).toBe(0)
    const modes = new Set<string>()
    for (const name of ['.', ...(await readdir(tiles, { recursive: true }))]) {
      const found = await stat(join(tiles, name))
      modes.add(`${found.isDirectory() ? 'directory' : 'file'} ${(found.mode & 0o777).toString(8)}`)
    }
    expect(modes).toEqual(new Set(['directory 700', 'file 600']))
  })

  it.each(['jsonl', 'events', 'csv'])(
    'shows nothing unprintable of %s on a terminal, and says the same',
    async (format) => {
      const out = Object.assign(new PassThrough(), { isTTY: true })
      const printed = text(out)
      await run(['export', '-f', format], { env: env(), out })
      out.end()
      const shown = await printed
      expect(shown).not.toMatch(/(?!\n)[\p{C}\p{Zl}\p{Zp}\p{DI}]/u)
      if (format === 'csv') return
      const names = lines(shown).map((line) => (JSON.parse(line) as { data: { name?: string } }).data.name)
      expect(names.slice(0, HOSTILE_TEXTS.length)).toEqual(HOSTILE_TEXTS)
    },
  )

  it('gives the stored bytes, so that the leaf hash of a line is that of its position', async () => {
    const { leafHash, seq } = await log.append({ type: 'custom', data: { name: HOSTILE_TEXTS.join('') } })
    const { code, out } = await asProcess('export')
    expect(code).toBe(0)
    const stored = await log.entries().toArray()
    expect(out).toBe(stored.map(({ bytes }) => `${Buffer.from(bytes)}\n`).join(''))
    const last = lines(out)[seq] as string
    expect(createHash('sha256').update('\0').update(last).digest()).toEqual(Buffer.from(leafHash))
  })

  it('goes on where the last one said', async () => {
    const first = join(folder, 'first.jsonl')
    const { out } = await asProcess('export', '-o', first, '--json')
    const told = JSON.parse(out) as { afterSeq: number; events: number; bytes: number }
    const text = await readFile(first, 'utf8')
    expect(told).toMatchObject({ file: first, format: 'jsonl', firstSeq: 0, lastSeq: told.afterSeq })
    expect(told).toMatchObject({ events: lines(text).length, bytes: Buffer.byteLength(text) })
    expect(await spanledger('export', '--after-seq', String(told.afterSeq))).toMatchObject({ code: 0, out: '' })
    const { seq } = await log.append({ type: 'custom', data: { name: 'later' } })
    const later = await spanledger('export', '-f', 'events', '--after-seq', String(told.afterSeq))
    expect(lines(later.out).map((line) => JSON.parse(line))).toMatchObject([{ seq, data: { name: 'later' } }])
  })

  it('writes each format', async () => {
    const one = async (...args: string[]) => (await spanledger('export', '-t', 'run_started', '-f', ...args)).out
    expect(await one('csv')).toMatch(/^seq,time,.*\r\n9,.*planner.*\r\n$/)
    expect(JSON.parse(await one('cloudevents', '--source', 'urn:shop'))).toMatchObject({
      source: 'urn:shop',
      type: 'spanledger.run_started',
      subject: 'r-1',
    })
    expect(JSON.parse(await one('ocsf'))).toMatchObject({ class_uid: 6002, app: { name: 'planner' } })
    expect(JSON.parse(await one('ocsf', '--ocsf-version', '1.9.0'))).toMatchObject({
      ai_agent: { name: 'planner', instance_uid: 'r-1' },
      attestation_list: [{ uid: '9' }],
    })
    expect(JSON.parse(await one('otlp'))).toMatchObject({
      resourceLogs: [{ scopeLogs: [{ logRecords: [{ eventName: 'spanledger.run_started' }] }] }],
    })
    const file = join(folder, 'audit.parquet')
    expect(await asProcess('export', '-f', 'parquet', '-o', file)).toEqual({ code: 0, out: '', err: '' })
    const bytes = await readFile(file)
    expect([bytes.subarray(0, 4).toString(), bytes.subarray(-4).toString()]).toEqual(['PAR1', 'PAR1'])
  })

  it('ends where the log ended when it began, while a writer goes on', async () => {
    let isDone = false
    const writing = (async () => {
      for (let n = 0; !isDone; n++) {
        log.record({ type: 'custom', sessionId: 'busy', data: { name: String(n), filler: 'x'.repeat(500) } })
        if (n % 200 === 0) await log.flush()
      }
    })()
    const { out } = await asProcess('export', '-f', 'events')
    isDone = true
    await writing
    const events = lines(out).map((line) => JSON.parse(line) as { seq: number; sessionId: string; data: unknown })
    expect(events.map(({ seq }) => seq)).toEqual(Array.from(events, (_, at) => at))
    const busy = events.filter(({ sessionId }) => sessionId === 'busy')
    expect(busy.map(({ data }) => data)).toMatchObject(Array.from(busy, (_, n) => ({ name: String(n) })))
  })

  it('replaces a file only when told to, and leaves nothing half written', async () => {
    const own = join(folder, 'own')
    await mkdir(own)
    const file = join(own, 'a.csv')
    await writeFile(file, 'precious')
    const refused = await spanledger('export', '-f', 'csv', '-o', file)
    expect(refused).toEqual({ code: 73, out: '', err: `spanledger: ${file} is there already; --force replaces it\n` })
    expect(await readFile(file, 'utf8')).toBe('precious')
    expect((await spanledger('export', '-f', 'csv', '-o', file, '--force')).code).toBe(0)
    expect(await readFile(file, 'utf8')).toMatch(/^seq,/)
    expect((await stat(file)).mode & 0o777).toBe(0o600)

    const interrupted = await run(['export', '-o', join(own, 'b.csv')], { env: env(), signal: AbortSignal.abort(143) })
    expect(interrupted).toEqual({ code: 143, out: '', err: '' })
    const missing = await spanledger('export', '-o', join(own, 'c.csv'), '--log', join(folder, 'nothing'))
    expect(missing.code).toBe(66)
    expect(await readdir(own)).toEqual(['a.csv'])

    expect(await spanledger('export', '-o', join(folder, 'no/where'))).toMatchObject({
      code: 73,
      err: expect.stringMatching(/^spanledger: cannot write .*ENOENT/),
    })
    expect(await spanledger('export', '-o', '/dev/null', '--force')).toMatchObject({
      code: 73,
      err: 'spanledger: /dev/null is no file; leave out --output, and redirect\n',
    })
  })

  it('is read no faster than whoever takes it, and ends quietly when that has enough', async () => {
    const child = start(dist, ['export', '-f', 'ocsf'], env())
    await once(child.stdout as never, 'readable')
    child.stdout?.destroy()
    const closed = new Promise<number>((resolve) => child.once('close', resolve))
    expect(await closed).toBe(0)
  })

  it.each([
    [['--format', 'xml'], "'xml' is none of jsonl, events, csv"],
    [['--format', 'csw'], "did you mean 'csv'?"],
    [['--since-seq', '3'], "there is no option '--since-seq'; --help lists those of the command"],
    [['--after-seq', 'x'], 'no whole number'],
    [['--json'], 'give --output'],
    [['--force'], 'give --output'],
    [['-f', 'csv', '--source', 'urn:a'], "of the format 'cloudevents' only"],
    [['-f', 'cloudevents', '--source', 'my log'], 'URI reference'],
    [['-f', 'otlp', '--records-per-request', '0'], 'from 1 to 10000'],
    [['-f', 'csv', '--threads', '0'], 'from 1 to 64'],
    [['--until', '1h', '--since', 'now'], 'since'],
  ])('says in a line what is wrong with %j', async (args, message) => {
    const { code, out, err } = await run(['export', ...args], { env: env() })
    expect({ code, out }).toEqual({ code: 64, out: '' })
    expect(lines(err)).toEqual([expect.stringContaining(message)])
  })
})
