import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { openAuditLogReader } from '../../src/reader/index.js'
import { sharedBuild } from '../support/build.js'
import { certifiedKeys, namesIn, readLedger, Writer } from './writers.js'

const dist = await sharedBuild()
let base: string
let location: string
let writers: Writer[] = []

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'spanledger-ledger-'))
  location = join(base, 'audit')
})
afterEach(async () => {
  await Promise.all(writers.splice(0).map((writer) => writer.kill()))
  await rm(base, { recursive: true, force: true })
})

function start(count: number, make = Writer.process): Writer[] {
  const started = Array.from({ length: count }, () => make(dist, location))
  writers = [...writers, ...started]
  return started
}

const opened = async (started: readonly Writer[]) => await Promise.all(started.map((writer) => writer.opens()))
const numbersOf = (answers: readonly { readonly log?: number }[]) => answers.map(({ log }) => log ?? -1).sort()
const furtherLogs = async () => (await readdir(join(location, 'logs'))).sort()

// Each starts many processes, on machines of few cores.
describe('processes that open a ledger', { timeout: 300_000 }, () => {
  test('at the same instant take a log each, which the key of log 0 certifies', async () => {
    const eight = start(8)
    const answers = await opened(eight)
    expect(answers.flatMap(({ message, problems = [] }) => [message, ...problems]).filter(Boolean)).toEqual([])
    expect(numbersOf(answers)).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
    await Promise.all(eight.map((writer, at) => writer.appends(`event-${at}`)))
    await Promise.all(eight.map((writer) => writer.closes()))

    const logs = await readLedger(location)
    expect(logs.map(({ status, problems }) => [status, problems])).toEqual(logs.map(() => ['verified', 0]))
    expect(namesIn(logs).sort()).toEqual(eight.map((_, at) => `event-${at}`))
    const vkey = (await readFile(join(location, 'keys/signing.vkey'), 'utf8')).trim()
    for (const { log, events, ...rest } of logs.slice(1)) {
      const own = (await readFile(join(location, 'logs', String(log), 'keys/signing.vkey'), 'utf8')).trim()
      expect(certifiedKeys({ log, events, ...rest }, vkey)).toEqual([own])
      expect(events[0]?.type).toBe('ledger_joined')
    }
    expect(new Set(logs.map(({ events }) => events.find(({ statementOf }) => statementOf)?.statementOf)).size).toBe(8)
  })

  test('take the logs of those that were killed, and make no more', async () => {
    for (let round = 0; round < 3; round++) {
      const four = start(4)
      expect(numbersOf(await opened(four))).toEqual([0, 1, 2, 3])
      await Promise.all(four.map((writer, at) => writer.appends(`round-${round}-${at}`)))
      await Promise.all(four.map((writer) => writer.kill()))
    }
    expect(await furtherLogs()).toEqual(['1', '2', '3'])
    const logs = await readLedger(location)
    expect(namesIn(logs)).toHaveLength(12)
    expect(logs.map(({ status }) => status)).toEqual(logs.map(() => 'verified'))
  })

  test('record on while one replaces the other', async () => {
    const [blue] = start(1) as [Writer]
    expect(await blue.opens()).toMatchObject({ log: 0 })
    const [green] = start(1) as [Writer]
    expect(await green.opens()).toMatchObject({ log: 1 })
    await Promise.all([blue.appends('blue'), green.appends('green')])
    await blue.closes()
    await green.appends('green-again')
    const [next] = start(1) as [Writer]
    expect(await next.opens()).toMatchObject({ log: 0, unclean: false })
    await next.appends('next')
    await Promise.all([next.closes(), green.closes()])
    expect(namesIn(await readLedger(location)).sort()).toEqual(['blue', 'green', 'green-again', 'next'])
  })

  test('take a log of a process that died before one that was closed, and recover the others', async () => {
    const three = start(3)
    const numbers = (await opened(three)).map(({ log }) => log)
    const of = (log: number) => three[numbers.indexOf(log)] as Writer
    for (const [at, writer] of three.entries()) {
      writer.tell('begin', `run-${at}`)
      await writer.hears(({ begun }) => begun !== undefined)
    }
    await of(0).closes()
    await Promise.all([of(1).kill(), of(2).kill()])

    const [next] = start(1) as [Writer]
    expect(await next.opens()).toMatchObject({ log: 1, unclean: true })
    // Closing stops a recovery that is going on; the next process goes on with it.
    await next.closes()
    const [last] = start(1) as [Writer]
    await last.opens()
    await last.closes()
    const interrupted = (await readLedger(location)).map(
      ({ log, events }) => [log, events.filter(({ type }) => type === 'run_interrupted').length] as const,
    )
    expect(interrupted).toContainEqual([1, 1])
    expect(interrupted).toContainEqual([2, 1])
  })

  test('recover a log whose process is killed while they run, and leave those that live', async () => {
    const four = start(4)
    const numbers = (await opened(four)).map(({ log }) => log)
    for (const [at, writer] of four.entries()) {
      writer.tell('begin', `run-${numbers[at]}`)
      await writer.hears(({ begun }) => begun !== undefined)
      await writer.appends(`event-${numbers[at]}`)
    }
    await (four[numbers.indexOf(2)] as Writer).kill()

    const statusOf = async (run: number) => {
      const reader = await openAuditLogReader(location)
      const found = await reader.run(`run-${run}`)
      await reader.close()
      return found?.status
    }
    await vi.waitFor(async () => expect(await statusOf(2)).toBe('interrupted'), { timeout: 60_000, interval: 200 })
    expect(await Promise.all([0, 1, 3].map(statusOf))).toEqual(['running', 'running', 'running'])
    const living = four.filter((_, at) => numbers[at] !== 2)
    await Promise.all(living.map((writer, at) => writer.appends(`later-${at}`)))
    await Promise.all(living.map((writer) => writer.closes()))
    const [dead] = (await readLedger(location)).filter(({ log }) => log === 2)
    expect(dead?.events.filter(({ type }) => type === 'run_interrupted')).toHaveLength(1)
    expect(dead?.status).toBe('verified')
  })

  test('lose nothing that was stored while they are killed and started anew under load', async () => {
    const all: Writer[] = []
    let running = start(3)
    await opened(running)
    for (let restart = 0; restart < 5; restart++) {
      for (const [at, writer] of running.entries()) if (!all.includes(writer)) writer.tell('flood', `${restart}-${at}`)
      all.push(...running.filter((writer) => !all.includes(writer)))
      await Promise.all(running.map((writer) => writer.hears(({ appended }) => appended !== undefined)))
      const [oldest] = running.splice(0, 1) as [Writer]
      await oldest.kill()
      const [fresh] = start(1) as [Writer]
      expect(await fresh.opens()).toMatchObject({ problems: [] })
      running = [...running, fresh]
    }
    await Promise.all(running.map((writer) => writer.kill()))
    expect(await furtherLogs()).toEqual(['1', '2'])

    const logs = await readLedger(location)
    const names = namesIn(logs)
    expect(new Set(names).size).toBe(names.length)
    const stored = new Set(names)
    expect(all.flatMap(({ appended }) => appended).filter((name) => !stored.has(name))).toEqual([])
    expect(logs.map(({ status }) => status)).toEqual(logs.map(() => 'verified'))
  })
})

describe('threads that open a ledger', { timeout: 300_000 }, () => {
  test('take a log each, and leave it to others when they end', async () => {
    const four = start(4, Writer.thread)
    const answers = await opened(four)
    expect(answers.flatMap(({ message, problems = [] }) => [message, ...problems]).filter(Boolean)).toEqual([])
    expect(numbersOf(answers)).toEqual([0, 1, 2, 3])
    await Promise.all(four.map((writer, at) => writer.appends(`thread-${at}`)))
    await Promise.all(four.slice(0, 2).map((writer) => writer.kill()))
    await Promise.all(four.slice(2).map((writer) => writer.closes()))
    const again = start(4, Writer.thread)
    expect(numbersOf(await opened(again))).toEqual([0, 1, 2, 3])
    await Promise.all(again.map((writer) => writer.closes()))
    const logs = await readLedger(location)
    expect(namesIn(logs).sort()).toEqual(four.map((_, at) => `thread-${at}`))
    expect(logs.map(({ status }) => status)).toEqual(logs.map(() => 'verified'))
  })
})
