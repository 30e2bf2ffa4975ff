import { readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { AuditLogError } from '../../events/errors.js'
import { ownIdentity } from '../../store/process-identity.js'
import { placeOf } from '../places.js'
import { OtherLogs } from './other-logs.js'

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

/** When a process started, as the system tells it. */
function startOf(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
  return Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[19])
}

/** Makes a log that says so of itself; its number is its place in the list. */
async function logs(...states: string[]): Promise<void> {
  for (const [number, state] of states.entries()) await say(number, state)
}

async function say(number: number, state: string): Promise<void> {
  const { directory } = placeOf(location, number)
  await mkdir(join(directory, 'entries'), { recursive: true })
  await writeFile(join(directory, 'entries/CURRENT'), 'MANIFEST-000001\n')
  await writeFile(join(directory, 'state'), `${state}\n`)
}

/** Others of log 0, whose looks the test lets begin; each look gives the numbers of the logs that it tries to recover. */
function others(own: number, outcome: (number: number) => Error | undefined = () => undefined) {
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
    onProblem: ({ message }) => problems.push(message),
    recover: async ({ number }) => {
      tried.push(number)
      const problem = outcome(number)
      if (problem) throw problem
      await say(number, 'closed')
    },
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
  await say(2, DEAD)
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
    await say(1, DEAD)
    await say(3, DEAD)
    expect(await next()).toEqual([1])
    const later: number[] = []
    for (let look = 2; look <= 16; look++) later.push(...(await next()))
    expect(later).toEqual([3])
    // The one in between looks at it each time.
    await say(3, DEAD)
    expect(await others(2).first()).toEqual([3])
  },
)

test('a log that somebody has is left for longer each time, until it says something else', async () => {
  await logs('closed', HERE)
  const { first, next, problems } = others(0, () => new AuditLogError('AUDIT_LOG_LOCKED', 'somebody has it'))
  const tried = [await first()]
  for (let look = 1; look < 12; look++) tried.push(await next())
  expect(tried.map(({ length }) => length)).toEqual([1, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0])
  await say(1, DEAD)
  expect(await next()).toEqual([1])
  expect(problems).toEqual([])
})

test('a log that cannot be recovered is told once', async () => {
  await logs('closed', DEAD)
  const { first, next, problems } = others(0, () => new AuditLogError('AUDIT_LOG_CORRUPT', 'it is damaged'))
  await first()
  for (let look = 0; look < 8; look++) await next()
  expect(problems).toEqual(['it is damaged'])
})

test('nothing begins once it is stopped', async () => {
  await logs('closed', 'closed')
  const watch = others(0)
  await watch.first()
  expect(watch.isWaiting).toBe(true)
  watch.watched.stop()
  expect(watch.isWaiting).toBe(false)
  await say(1, DEAD)
  expect(await watch.first()).toEqual([])
  expect(watch.isWaiting).toBe(false)
})
