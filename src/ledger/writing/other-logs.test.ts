import { readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { AuditLogError } from '../../events/errors.js'
import { ownIdentity } from '../../store/process-identity.js'
import { logDirectory } from '../log-directories.js'
import { OtherLogs, type OtherLogsParts } from './other-logs.js'

let location: string
beforeEach(async () => {
  location = await mkdtemp(join(tmpdir(), 'spanledger-others-'))
})
afterEach(() => rm(location, { recursive: true, force: true }))

const identity = ownIdentity()
const words = (pid: number, startTicks: number) =>
  `writing ${identity?.bootId} ${identity?.namespace} ${pid} ${startTicks}`
/** A process with this number started at another time. */
const DEAD = words(process.pid, 1)
/** This process is one that its own threads can have left. */
const HERE = words(process.pid, identity?.startTicks ?? 0)

/** Returns the time at which a process started, as the system has it. */
function startOf(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
  return Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[19])
}

/** Makes a log in such a state; its number is its place in the list. */
async function logs(...states: string[]): Promise<void> {
  for (const [number, state] of states.entries()) await writeState(number, state)
}

async function writeState(number: number, state: string): Promise<void> {
  const { path: directory } = logDirectory(location, number)
  await mkdir(join(directory, 'entries'), { recursive: true })
  await writeFile(join(directory, 'entries/CURRENT'), 'MANIFEST-000001\n')
  await writeFile(join(directory, 'state'), `${state}\n`)
}

/** Others of a log, whose looks the test lets begin; each look gives the numbers of the logs that it tries to recover. */
function others(
  own: number,
  outcome: (number: number) => Error | undefined = () => undefined,
  parts: Partial<OtherLogsParts> = {},
) {
  const tried: number[] = []
  let fire: (() => void) | undefined
  const problems: string[] = []
  const delays: number[] = []
  const watched = new OtherLogs({
    location,
    own,
    unusable: new Set(),
    intervalMillis: 1_000,
    random: () => 0,
    startTimer: (millis, callback) => {
      delays.push(millis)
      fire = callback
      return () => {
        fire = undefined
      }
    },
    report: ({ message }) => problems.push(message),
    recover: async ({ number }) => {
      tried.push(number)
      const problem = outcome(number)
      if (problem) throw problem
      await writeState(number, 'closed')
    },
    ...parts,
  })
  const look = async (begin: () => void) => {
    begin()
    await watched.settled
    return tried.splice(0)
  }
  return {
    watched,
    problems,
    delays,
    first: () => look(() => watched.start()),
    next: () => look(() => fire?.()),
    get isWaiting() {
      return fire !== undefined
    },
  }
}

test('a log whose writer dies later is recovered at the next look, and once', async () => {
  await logs('closed', 'closed', 'closed')
  const { first, next, delays } = others(0)
  expect(await first()).toEqual([])
  await writeState(2, DEAD)
  expect(await next()).toEqual([2])
  expect(await next()).toEqual([])
  expect(delays).toEqual([1_000, 1_000, 1_000])
})

test.runIf(process.platform === 'linux')(
  'each looks up to the next log of a living process, and now and then behind it',
  async () => {
    const alive = words(process.ppid, startOf(process.ppid))
    await logs('closed', DEAD, alive, DEAD)
    const { first, next } = others(0)
    expect(await first()).toEqual([1, 3])
    await writeState(1, DEAD)
    await writeState(3, DEAD)
    expect(await next()).toEqual([1])
    const later: number[] = []
    for (let look = 2; look <= 16; look++) later.push(...(await next()))
    expect(later).toEqual([3])
    // The one in between looks at it each time.
    await writeState(3, DEAD)
    expect(await others(2).first()).toEqual([3])
  },
)

test('a log that somebody has is left for longer each time, until its state changes', async () => {
  await logs('closed', HERE)
  const { first, next, problems } = others(0, () => new AuditLogError('AUDIT_LOG_LOCKED', 'somebody has it'))
  const tried = [await first()]
  for (let look = 1; look < 12; look++) tried.push(await next())
  expect(tried.map(({ length }) => length)).toEqual([1, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0])
  await writeState(1, DEAD)
  expect(await next()).toEqual([1])
  expect(problems).toEqual([])
})

test('a log that cannot be recovered is reported once', async () => {
  await logs('closed', DEAD)
  const { first, next, problems } = others(0, () => new AuditLogError('AUDIT_LOG_CORRUPT', 'it is damaged'))
  await first()
  for (let look = 0; look < 8; look++) await next()
  expect(problems).toEqual(['it is damaged'])
})

test('those behind the own log come first; it, those that cannot be opened and what is no log are left', async () => {
  await logs(DEAD, DEAD, DEAD, DEAD, DEAD)
  await rm(join(logDirectory(location, 4).path, 'entries/CURRENT'))
  expect(await others(1, undefined, { unusable: new Set([3]) }).first()).toEqual([2, 0])
})

test('a log that somebody keeps is tried again after 64 looks at the latest', async () => {
  await logs('closed', HERE)
  const { first, next } = others(0, () => new AuditLogError('AUDIT_LOG_LOCKED', 'somebody has it'))
  const tried = [await first()]
  while (tried.length < 200) tried.push(await next())
  expect(tried.flatMap(({ length }, look) => (length > 0 ? [look] : []))).toEqual([0, 2, 6, 14, 30, 62, 126, 191])
})

test('a log that was closed meanwhile is not left any longer when its next writer dies', async () => {
  await logs('closed', DEAD)
  let isLocked = true
  const { first, next } = others(0, () => (isLocked ? new AuditLogError('AUDIT_LOG_LOCKED', 'taken') : undefined))
  expect(await first()).toEqual([1])
  isLocked = false
  await writeState(1, 'closed')
  expect(await next()).toEqual([])
  await writeState(1, DEAD)
  expect(await next()).toEqual([1])
})

test('a ledger whose logs cannot be listed is reported once, and looked at again', async () => {
  await logs('closed')
  await writeFile(join(location, 'logs'), '')
  const watch = others(0)
  await watch.first()
  await watch.next()
  expect(watch.problems).toEqual([expect.stringContaining('logs')])
  expect(watch.isWaiting).toBe(true)
})

test('processes that start together do not look together', async () => {
  await logs('closed')
  const { first, delays } = others(0, undefined, { random: () => 0.5 })
  await first()
  expect(delays).toEqual([750])
})

test('one that is stopped while it recovers a log begins no other one, reports nothing, and does not look again', async () => {
  await logs('closed', DEAD, DEAD)
  const watch = others(0, () => {
    watch.watched.stop()
    return new Error('it was stopped')
  })
  expect(await watch.first()).toEqual([1])
  expect(watch.problems).toEqual([])
  expect(watch.isWaiting).toBe(false)
})

test('nothing begins once it is stopped', async () => {
  await logs('closed', 'closed')
  const watch = others(0)
  await watch.first()
  expect(watch.isWaiting).toBe(true)
  watch.watched.stop()
  expect(watch.isWaiting).toBe(false)
  await writeState(1, DEAD)
  expect(await watch.first()).toEqual([])
  expect(watch.isWaiting).toBe(false)
})
