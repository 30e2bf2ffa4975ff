import { fork, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { openAuditLog } from '../../src/index.js'
import { stagingAt } from '../../src/ledger/log-directories.js'
import { stagedEvents } from '../../src/ledger/staged-events.js'
import { StagedQueue } from '../../src/log/staging/staged-queue.js'
import { run } from '../cli/command-line.js'
import { sharedBuild } from '../support/build.js'

/** The process ends with `unshare`. */
const UNSHARE = ['--pid', '--fork', '--kill-child', '--mount-proc']
const WAIT = { timeout: 30_000, interval: 20 }

const dist = await sharedBuild()

function newLocation(): string {
  const path = mkdtempSync(join(tmpdir(), 'spanledger-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return join(path, 'audit')
}

/** Lets a process record a run, and end. @returns the signal that ended it, or its exit code */
async function record(location: string, how: string): Promise<unknown> {
  const script = join(import.meta.dirname, 'recorder.mjs')
  const child = spawn(process.execPath, [script, dist, location, how], {
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  const [code, signal] = await once(child, 'exit')
  return signal ?? code
}

interface Opened {
  readonly types: readonly string[]
  readonly ids: readonly string[]
  readonly problems: readonly string[]
  readonly verified: readonly unknown[]
}

async function openedAt(location: string): Promise<Opened> {
  const problems: string[] = []
  const log = await openAuditLog(location, { on: { problem: ({ message }) => void problems.push(message) } })
  const events = await log.events().toArray()
  const verified = (await log.verify()).problems
  await log.close()
  return { types: events.map(({ type }) => type), ids: events.map(({ id }) => id), problems, verified }
}

const count = (types: readonly string[], ...of: string[]) => types.filter((type) => of.includes(type)).length

describe('a process that ends before its log is open', () => {
  test.each([
    ['by process.exit()', 'exit', 0],
    ['by SIGKILL', 'kill', 'SIGKILL'],
  ])('right after its first run, %s, loses nothing of it', async (_, how, end) => {
    const location = newLocation()
    expect(await record(location, how)).toBe(end)
    expect(existsSync(join(location, 'entries', 'CURRENT'))).toBe(false)
    expect(stagedEvents(location)).toMatchObject([{ owner: 'dead' }])
    const { types, problems, verified } = await openedAt(location)
    expect(types).toEqual(['custom', 'run_started', 'run_completed', 'staging_adopted'])
    expect([...problems, ...verified]).toEqual([])
    expect(readdirSync(stagingAt(location))).toEqual([])
  })

  test('right after its constructor leaves a place that is cleared up', async () => {
    const location = newLocation()
    expect(await record(location, 'constructor')).toBe('SIGKILL')
    expect(stagedEvents(location)).toMatchObject([{ owner: 'dead' }])
    const { types, problems } = await openedAt(location)
    expect(count(types, 'run_started')).toBe(0)
    expect(problems).toEqual([])
    expect(readdirSync(stagingAt(location))).toEqual([])
  })
})

describe('a process that is killed while its log takes over what it staged', () => {
  test.each([
    'before the claim',
    'behind the claim',
    'behind the events',
    'behind the statement',
    'behind the commit',
    'before the removal',
    'behind the removal',
  ])('%s, has each event once', async (step) => {
    const location = newLocation()
    expect(await record(location, step)).toBe('SIGKILL')
    for (const _ of [1, 2]) {
      const { types, ids, problems, verified } = await openedAt(location)
      expect(types.filter((type) => type.startsWith('run_'))).toEqual(['run_started', 'run_completed'])
      expect(count(types, 'staging_adopted')).toBe(1)
      expect(count(types, 'events_dropped')).toBe(0)
      expect(new Set(ids).size).toBe(ids.length)
      expect([...problems, ...verified]).toEqual([])
      expect(readdirSync(stagingAt(location))).toEqual([])
    }
  })
})

test.each(['behind the events', 'behind the commit', 'before the removal'])(
  'a process that is killed %s of a hand-over shows each event once, before it is opened again',
  async (step) => {
    const location = newLocation()
    expect(await record(location, step)).toBe('SIGKILL')
    const { code, out } = await run(['query', '--log', location, '--pending', '--jsonl'])
    expect(code).toBe(0)
    const lines = out.trim().split('\n')
    const types = lines.map((line): string => JSON.parse(line).type)
    expect(types.filter((type) => type.startsWith('run_'))).toEqual(['run_started', 'run_completed'])
  },
)

describe.runIf(canUnshare())('a process in a PID namespace of its own, as in a container,', () => {
  test('keeps what it staged while it lives, and leaves it to others when it is killed', async () => {
    const location = newLocation()
    // A log of an older format is none that can be opened.
    mkdirSync(join(location, 'db'), { recursive: true })
    writeFileSync(join(location, 'db', 'CURRENT'), 'MANIFEST-000001\n')
    const command = ['exec "$0" "$@"', process.execPath, join(import.meta.dirname, 'recorder.mjs'), dist]
    const container = spawn('unshare', [...UNSHARE, 'sh', '-c', ...command, location, 'hold'], {
      stdio: ['ignore', 'inherit', 'ignore'],
    })
    const ended = once(container, 'exit')
    onTestFinished(() => void container.kill('SIGKILL'))
    await vi.waitFor(() => expect(existsSync(join(lockIn(stagingAt(location)), 'CURRENT'))).toBe(true), WAIT)
    rmSync(join(location, 'db'), { recursive: true })

    expect((await openedAt(location)).types).toEqual([])
    expect(stagedEvents(location)).toMatchObject([{ owner: 'unknown', log: undefined }])
    container.kill('SIGKILL')
    await ended
    const { types, problems } = await openedAt(location)
    expect(types).toEqual(['custom', 'run_started', 'run_completed', 'staging_adopted'])
    expect(problems).toEqual([])
    expect(readdirSync(stagingAt(location))).toEqual([])
  })
})

function canUnshare(): boolean {
  return process.platform === 'linux' && spawnSync('unshare', [...UNSHARE, 'true']).status === 0
}

/** The database by whose lock the owner of the one staging journal shows that it lives. */
function lockIn(staging: string): string {
  const [journal = ''] = readdirSync(staging)
  return join(staging, journal, 'entries')
}

/** Stages journals of so many events each, as processes that ended. @returns the names of all events */
async function stageJournals(location: string, journals: number, events: number): Promise<string[]> {
  const names: string[] = []
  for (let journal = 0; journal < journals; journal++) {
    const queue = new StagedQueue({ staging: stagingAt(location) })
    for (let n = 0; n < events; n++) {
      const name = `${journal}-${n}`
      names.push(name)
      queue.record({ type: 'custom', data: { name } }, false)
    }
    await queue.release()
  }
  return names
}

interface Adopter {
  start(): void
  /** The result, once it has ended; `undefined` when it died. */
  readonly result: Promise<{ names: string[]; problems: string[] } | undefined>
}

async function startAdopter(log: string, staging: string, how = ''): Promise<Adopter> {
  const child = fork(join(import.meta.dirname, 'adopter.mjs'), [dist, log, staging, how])
  // Not before its last message is read.
  const ended = once(child, 'close')
  let told: { names: string[]; problems: string[] } | undefined
  child.on('message', (message) => {
    if (message !== 'ready') told = message as typeof told
  })
  await once(child, 'message')
  return { start: () => void child.send('go'), result: ended.then(() => told) }
}

test('of two processes that take over the same journals into two logs, each journal has exactly one', async () => {
  const location = newLocation()
  const names = await stageJournals(location, 30, 5)
  const adopters = await Promise.all(
    ['one', 'two'].map((log) => startAdopter(join(location, log), stagingAt(location))),
  )
  for (const { start } of adopters) start()
  const results = await Promise.all(adopters.map(({ result }) => result))
  expect(results.flatMap((result) => result?.problems)).toEqual([])
  expect(results.flatMap((result) => result?.names).sort()).toEqual(names.sort())
  expect(readdirSync(stagingAt(location))).toEqual([])
})

test.each(['before the commit', 'behind the commit'])(
  'one that is killed %s keeps what it has claimed, and has each event once',
  async (step) => {
    const location = newLocation()
    const names = await stageJournals(location, 2, 3)
    const killed = await startAdopter(join(location, 'one'), stagingAt(location), step)
    killed.start()
    expect(await killed.result).toBeUndefined()
    const other = await startAdopter(join(location, 'two'), stagingAt(location))
    other.start()
    const again = await startAdopter(join(location, 'one'), stagingAt(location))
    again.start()
    const results = await Promise.all([other.result, again.result])
    expect(results.map((result) => result?.names.length)).toEqual([3, 3])
    expect(results.flatMap((result) => result?.names).sort()).toEqual(names.sort())
  },
)
