import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { openAuditLog } from '../../src/audit-log/index.js'
import { stagingAt } from '../../src/ledger/log-directories.js'
import { StagedQueue } from '../../src/log/staging/staged-queue.js'
import { openAuditLogReader } from '../../src/reader/index.js'
import { run } from '../cli/command-line.js'
import { buildBeside } from '../support/build.js'
import { copyLive } from '../support/copy-live.js'

let built: ReturnType<typeof buildBeside>
let base: string
let location: string

beforeAll(() => {
  built = buildBeside(import.meta.dirname)
}, 300_000)
afterAll(() => built.remove())
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'spanledger-'))
  location = join(base, 'audit')
})
afterEach(() => rm(base, { recursive: true, force: true }))

interface Shown {
  readonly seq: number | null
  readonly type: string
  readonly data: { readonly name?: string }
}

/** Runs a command on the location, or on a copy of it. */
const ask = async (args: readonly string[], at = location) => await run([...args, '--log', at])
const shown = async (args: readonly string[], at?: string): Promise<readonly Shown[]> => {
  const { code, out } = await ask([...args, '--jsonl'], at)
  expect(code).toBe(0)
  return out.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Shown]))
}
const names = (events: readonly Shown[]) => events.map(({ data }) => data.name)

/** Every file, with what is in it. */
async function filesOf(directory: string): Promise<Record<string, string>> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name))
  return Object.fromEntries(await Promise.all(files.map(async (file) => [file, await readFile(file, 'base64')])))
}

describe('where a process was killed before it had a log', () => {
  let killed: string

  beforeAll(async () => {
    killed = await mkdtemp(join(tmpdir(), 'spanledger-'))
    const recorder = join(import.meta.dirname, '../staging/recorder.mjs')
    const child = spawn(process.execPath, [recorder, built.dist, killed, 'kill'], { stdio: 'inherit' })
    expect(await once(child, 'exit')).toEqual([null, 'SIGKILL'])
  })
  afterAll(() => rm(killed, { recursive: true, force: true }))
  beforeEach(() => cp(killed, location, { recursive: true }))

  test.each([['query'], ['tail'], ['runs'], ['sessions'], ['agents'], ['export']])(
    '%s finds nothing, and says what waits',
    async (command) => {
      const { code, out, err } = await ask([command])
      expect({ code, out }).toEqual({ code: 0, out: '' })
      expect(err).toContain(`There is no log in ${location} yet`)
      expect(err).toMatch(/3 events are not committed yet: they are in the journal of a process that ended/)
    },
  )

  test('--pending shows it, also on a copy that may only be read, and leaves it as it is', async () => {
    const copy = join(base, 'copy')
    await cp(location, copy, { recursive: true })
    for (const entry of await readdir(copy, { recursive: true, withFileTypes: true })) {
      await chmod(join(entry.parentPath, entry.name), entry.isDirectory() ? 0o555 : 0o444)
    }
    const before = await filesOf(copy)
    const events = await shown(['query', '--pending'], copy)
    expect(events.map(({ seq, type }) => [seq, type])).toEqual([
      [null, 'audit_attached'],
      [null, 'run_started'],
      [null, 'run_completed'],
    ])
    expect((await ask(['tail', '--pending'], copy)).out.trim().split('\n')).toHaveLength(3)
    expect((await ask(['query', '--pending', '--count'], copy)).out).toBe('3 (3 of them not committed yet)\n')
    expect(await filesOf(copy)).toEqual(before)
  })

  test('verify gives no verdict, and says that there is no log yet and what waits', async () => {
    const { code, out, err } = await ask(['verify'])
    expect({ code, out }).toEqual({ code: 66, out: '' })
    expect(err).toMatch(/3 events are not committed yet/)
    expect(err).toContain(`There is no audit log in ${location} yet`)
  })

  test('doctor says that there is no log yet, and what waits', async () => {
    const { code, out } = await ask(['doctor', '--json'])
    expect(code).toBe(0)
    expect(JSON.parse(out)).toMatchObject({ directory: location, logs: [], staging: { journals: 1, events: 3 } })
    expect((await ask(['doctor'])).out).toMatch(/^logs {7}none yet.*\nstaging {4}3 events in 1 journal/m)
  })

  test('a reader is empty, and finds the log once there is one, from a cursor too', async () => {
    await using reader = await openAuditLogReader(location, { refreshMillis: 0 })
    expect(await reader.events().toArray()).toEqual([])
    expect(await reader.runs().page({ size: 5 })).toEqual({ items: [] })
    expect(await reader.agents().toArray()).toEqual([])
    expect(await reader.stats({ groupBy: 'agent' })).toMatchObject({ groups: [] })
    expect(await reader.run('r-1')).toBeUndefined()
    expect(await reader.events({ afterSeq: 3 }).count()).toBe(0)
    expect(await reader.get(0)).toBeUndefined()
    expect(await reader.head()).toEqual({ size: 0 })
    expect(reader.logs.size).toBe(0)
    await expect(reader.verify()).rejects.toMatchObject({ code: 'AUDIT_OPEN_FAILED' })
    await expect(reader.prove(0)).rejects.toMatchObject({ code: 'AUDIT_OPEN_FAILED' })
    const after = await reader.cursor()
    const followed = reader.follow({ type: 'run_completed' }, { pollMillis: 10 })[Symbol.asyncIterator]()
    const next = followed.next()
    const log = await openAuditLog(location)
    await log.flush()
    expect((await next).value).toMatchObject({ type: 'run_completed' })
    await followed.return?.()
    const types = (await reader.events({ after }).toArray()).map(({ type }) => type)
    expect(types.filter((type) => type.startsWith('run_'))).toEqual(['run_started', 'run_completed'])
    expect([...reader.logs.keys()]).toEqual([0])
    await log.close()
  })
})

test.each([
  ['there is nothing', async () => {}],
  [
    'the log was deleted and left its checkpoint',
    async () => {
      const log = await openAuditLog(location)
      await log.append({ type: 'custom', data: { name: 'paid' } })
      await log.close()
      await rm(join(location, 'entries'), { recursive: true })
      stage('left')
    },
  ],
])('a location is no log that only waits where %s', async (_, make) => {
  await make()
  await expect(openAuditLogReader(location)).rejects.toMatchObject({ code: 'AUDIT_OPEN_FAILED' })
  expect((await ask(['query'])).code).toBe(66)
  expect((await ask(['doctor'])).code).toBe(66)
})

/** Records events as a process that has ended before its log was open. */
function stage(...events: readonly string[]): void {
  const queue = new StagedQueue({ staging: stagingAt(location) })
  for (const name of events) queue.record({ type: 'custom', runId: 'r-staged', data: { name } }, false)
  queue.release()
}

describe('the filters of a command hold for what is not committed', () => {
  let image: string

  beforeEach(async () => {
    const log = await openAuditLog(location)
    for (const name of ['1', '2', '3']) await log.append({ type: 'custom', runId: 'r-1', data: { name } })
    for (const name of ['4', '5']) log.record({ type: 'custom', runId: 'r-2-pending', data: { name } })
    stage('6', '7')
    image = join(base, 'dead')
    copyLive(location, image)
    await log.close()
  })

  test('--limit and --order are those of the whole list', async () => {
    const found = async (...args: string[]) => names(await shown(['query', '--pending', ...args], image))
    expect(await found()).toEqual(['1', '2', '3', '4', '5', '6', '7'])
    expect(await found('--order', 'desc')).toEqual(['7', '6', '5', '4', '3', '2', '1'])
    expect(await found('--limit', '2')).toEqual(['1', '2'])
    expect(await found('--limit', '4')).toEqual(['1', '2', '3', '4'])
    expect(await found('--limit', '3', '--order', 'desc')).toEqual(['7', '6', '5'])
    expect(await found('--limit', '5', '--order', 'desc')).toEqual(['7', '6', '5', '4', '3'])
    expect(await found('--run', 'r-2-pending', '--limit', '1', '--order', 'desc')).toEqual(['5'])
    expect(await found('--before-seq', '2')).toEqual(['1', '2'])
    expect(await found('--after-seq', '1')).toEqual(['3', '4', '5', '6', '7'])
    expect(await found('--until', '2020-01-01')).toEqual([])
    expect(await found('--type', 'run_started')).toEqual([])
    await using reader = await openAuditLogReader(image)
    expect(await found('--after', await reader.cursor())).toEqual(['4', '5', '6', '7'])
  })

  test('--count counts both', async () => {
    const counted = async (...args: string[]) =>
      JSON.parse((await ask(['query', '--count', '--json', ...args], image)).out)
    expect(await counted()).toEqual({ count: 3 })
    expect(await counted('--pending')).toEqual({ count: 7, pending: 4 })
    expect(await counted('--pending', '--limit', '5')).toEqual({ count: 5, pending: 2 })
    expect(await counted('--pending', '--limit', '5', '--order', 'desc')).toEqual({ count: 5, pending: 4 })
    expect(await counted('--pending', '--run', 'r-1')).toEqual({ count: 3, pending: 0 })
  })

  test('tail shows as many as it is asked for, the newest', async () => {
    const found = async (...args: string[]) => names(await shown(['tail', ...args], image))
    expect(await found('-n', '2')).toEqual(['2', '3'])
    expect(await found('-n', '2', '--pending')).toEqual(['6', '7'])
    expect(await found('-n', '5', '--pending')).toEqual(['3', '4', '5', '6', '7'])
  })

  test('show finds a run by the beginning of its id', async () => {
    const { code, out } = await ask(['show', 'r-2', '--pending', '--json'], image)
    expect(code).toBe(0)
    expect(names((JSON.parse(out) as { pending: Shown[] }).pending)).toEqual(['4', '5'])
    expect((await ask(['show', 'r-2'], image)).code).toBe(66)
  })
})
