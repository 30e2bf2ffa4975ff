import { chmod, mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest'
import { AuditLogError } from '../../events/errors.js'
import { GROUP } from '../../files/readers.js'
import { logDirectory } from '../log-directories.js'
import { isInTransit, isSurelyTaken, readState, writeState } from './state-file.js'
import { takeLog } from './take-log.js'

let location: string
let problems: string[]
beforeEach(async () => {
  location = await mkdtemp(join(tmpdir(), 'spanledger-take-'))
  problems = []
})
afterEach(() => rm(location, { recursive: true, force: true }))

const locked = () => new AuditLogError('AUDIT_LOG_LOCKED', 'somebody has it')

interface Course {
  /** Fails with it, by the number of the log. */
  readonly failing?: Readonly<Record<number, () => Error | undefined>>
  readonly pause?: () => Promise<void>
}

async function take({ failing = {}, pause = async () => {} }: Course = {}) {
  const tried: number[] = []
  const taken = takeLog({
    location,
    pause,
    report: ({ message }) => problems.push(message),
    open: async ({ number }) => {
      tried.push(number)
      const failure = failing[number]?.()
      if (failure) throw failure
      return number
    },
  })
  return { tried, log: await taken.then(({ log }) => log) }
}

async function logs(...states: (string | undefined)[]): Promise<void> {
  for (const [number, state] of states.entries()) {
    const { path: directory } = logDirectory(location, number)
    await mkdir(directory, { recursive: true })
    if (state !== undefined) await writeFile(join(directory, 'state'), `${state}\n`)
  }
}

describe('of the logs of a ledger it takes', () => {
  it.each<[string, (string | undefined)[], number]>([
    ['log 0 of none', [], 0],
    ['the lowest that was closed', ['closed', 'closed'], 0],
    ['one that was not closed first', ['closed', 'closed', 'writing'], 2],
    ['one of a former version before one that was closed', ['closed', undefined], 1],
    ['one with other contents, too', ['closed', 'hello'], 1],
  ])('%s', async (_, states, expected) => {
    await logs(...states)
    expect((await take()).log).toBe(expected)
  })

  test('the next one where somebody has one, and a new one where all are taken', async () => {
    await logs('writing', 'writing', 'closed')
    expect((await take({ failing: { 0: locked, 1: locked } })).log).toBe(2)
    await logs('writing', 'writing', 'writing')
    expect((await take({ failing: { 0: locked, 1: locked, 2: locked } })).log).toBe(3)
    expect(await readdir(join(location, 'logs'))).toEqual(['1', '2', '3'])
  })

  test('one that is just recovered once it is free, and makes no other', async () => {
    await logs('recovering')
    let isFree = false
    const pause = async () => {
      isFree = true
    }
    expect(await take({ failing: { 0: () => (isFree ? undefined : locked()) }, pause })).toMatchObject({
      log: 0,
      tried: [0, 0],
    })
  })

  test('a new one in the end, where one is being recovered for long', async () => {
    await logs('recovering')
    expect((await take({ failing: { 0: locked } })).log).toBe(1)
  })

  test('another than one that cannot be opened, which is reported once', async () => {
    await logs('writing', 'closed')
    const failing = { 0: () => new AuditLogError('AUDIT_LOG_CORRUPT', 'it is damaged') }
    expect((await take({ failing })).log).toBe(1)
    expect(problems).toEqual([expect.stringMatching(/^Log 0 of the ledger is left as it is.*it is damaged/)])
  })

  test('one that could not be opened for a moment', async () => {
    let attempts = 0
    const failing = { 0: () => (attempts++ === 0 ? new AuditLogError('AUDIT_OPEN_FAILED', 'busy') : undefined) }
    expect(await take({ failing })).toMatchObject({ log: 0, tried: [0, 0] })
    expect(problems).toEqual([])
  })

  test('none of a ledger of another version', async () => {
    await logs('closed')
    const failing = { 0: () => new AuditLogError('AUDIT_FORMAT_UNSUPPORTED', 'format 9') }
    await expect(take({ failing })).rejects.toMatchObject({ code: 'AUDIT_FORMAT_UNSUPPORTED' })
  })
})

describe.skipIf(process.platform === 'win32')('the directories of a new log are read by', () => {
  const modes = async () => {
    const paths = [join(location, 'logs'), logDirectory(location, 1).path]
    return await Promise.all(paths.map(async (path) => ((await stat(path)).mode & 0o777).toString(8)))
  }
  const takeSecond = (asked: object) =>
    takeLog({
      location,
      report: () => {},
      ...asked,
      open: async ({ number }) => {
        if (number === 0) throw locked()
        return number
      },
    })

  test('the owner alone', async () => {
    await logs('writing')
    await takeSecond({ pause: async () => {} })
    expect(await modes()).toEqual(['700', '700'])
  })

  test('those whom the opening lets in', async () => {
    await logs('writing')
    await takeSecond({ readers: GROUP, pause: async () => {} })
    expect(await modes()).toEqual(['750', '750'])
  })

  test('those who may read log 0', async () => {
    await logs('writing')
    await mkdir(join(location, 'entries'))
    await chmod(join(location, 'entries'), 0o750)
    await takeSecond({ pause: async () => {} })
    expect(await modes()).toEqual(['750', '750'])
  })
})

describe('the state of a log', () => {
  test('names who has it, durably', async () => {
    await writeState(location, 'writing')
    const state = await readState(location)
    expect(state.use).toBe('writing')
    // A thread of this process may have ended and left it.
    expect(isSurelyTaken(state)).toBe(false)
    expect(isInTransit(state)).toBe(process.platform !== 'linux')
    await writeState(location, 'closed')
    expect(await readState(location)).toEqual({ use: 'closed', process: undefined })
  })

  test.runIf(process.platform === 'linux')('is believed of a process that runs, and of no other', async () => {
    await writeState(location, 'writing')
    const { process: own } = await readState(location)
    if (!own) throw new Error('this system tells processes apart')
    const by = (other: Partial<typeof own>) => ({ use: 'writing' as const, process: { ...own, ...other } })
    expect(isSurelyTaken(by({ pid: process.ppid, startTicks: 1 }))).toBe(false)
    expect(isInTransit(by({ pid: process.ppid, startTicks: 1 }))).toBe(true)
    expect(isSurelyTaken(by({ bootId: 'abc' }))).toBe(false)
    expect(isSurelyTaken(by({ namespace: '1' }))).toBe(false)
  })

  test('is unknown where something else stands in its place', async () => {
    await mkdir(join(location, 'state'))
    expect((await readState(location)).use).toBe('unknown')
  })
})
