import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import fs, { readdirSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import fc from 'fast-check'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { EventSchemas } from '../../src/events/validate.js'
import type {
  AuditLogOptions,
  AuditSpanProcessor as AuditSpanProcessorClass,
  openAuditLog as OpenAuditLog,
} from '../../src/index.js'
import type { LogWriter as LogWriterClass } from '../../src/log/committing/writer.js'
import type { Journal as JournalClass, JournalStart } from '../../src/log/journal/journal.js'
import { JournalKey } from '../../src/log/journal/journal-key.js'
import { JournalReplay } from '../../src/log/journal/journal-replay.js'
import { LogEmitter } from '../../src/log/log-emitter.js'
import { Sealer } from '../../src/log/sealing/seal.js'
import { memoryStore } from '../../src/store/memory/index.js'
import { buildBeside } from '../support/build.js'
import { GATE, gateThreads } from './gated-threads.mjs'

// Threads begin with a file: with the compiled one.
let built: ReturnType<typeof buildBeside>
let openAuditLog: typeof OpenAuditLog
let AuditSpanProcessor: typeof AuditSpanProcessorClass
let Journal: typeof JournalClass
let LogWriter: typeof LogWriterClass
let directory: string
let gate: ReturnType<typeof gateThreads>

beforeAll(async () => {
  built = buildBeside(import.meta.dirname)
  const load = (module: string) => import(pathToFileURL(join(built.dist, module)).href)
  ;({ openAuditLog, AuditSpanProcessor } = await load('index.js'))
  Journal = (await load('log/journal/journal.js')).Journal
  LogWriter = (await load('log/committing/writer.js')).LogWriter
}, 120_000)
afterAll(() => built.remove())

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'spanledger-'))
  gate = gateThreads()
})
afterEach(async () => {
  gate.set(GATE.open)
  gate.remove()
  vi.restoreAllMocks()
  syncBuiltinESMExports()
  await rm(directory, { recursive: true, force: true })
})

const WINDOW_BYTES = 131_072
const DISK_FULL = Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' })
const note = (name: string, pad = 0) => ({ type: 'custom' as const, data: { name, pad: 'x'.repeat(pad) } })
const numbered = (count: number) => Array.from({ length: count }, (_, n) => `${n}`)

async function openLog(options: AuditLogOptions = {}) {
  const problems: Error[] = []
  const log = await openAuditLog(directory, {
    durability: 'journal-behind',
    journalWindowBytes: WINDOW_BYTES,
    on: { problem: (problem) => problems.push(problem) },
    ...options,
  })
  return { log, problems }
}

/** Looks whether the log is whole after it was closed, or its process died. */
async function reopened() {
  const log = await openAuditLog(directory, { on: { problem: () => {} } })
  const names = (await log.events({ type: 'custom' }).toArray()).map(({ data }) => data.name)
  const { problems } = await log.verify()
  const { gaps, recoveredEvents } = log.recovery
  await log.close()
  return { names, problems, gaps, recoveredEvents }
}

/** Counts the writes of the thread of this test. */
function watchWrites() {
  const spy = vi.spyOn(fs, 'writeSync')
  syncBuiltinESMExports()
  return spy
}

function fillDisk() {
  gate.set(GATE.full)
  const spy = vi.spyOn(fs, 'writeSync').mockImplementation(() => {
    throw DISK_FULL
  })
  syncBuiltinESMExports()
  return () => {
    gate.set(GATE.open)
    spy.mockRestore()
    syncBuiltinESMExports()
  }
}

describe('a log whose journal is written by a thread', () => {
  it('takes events without a write of the caller, and commits them once the thread has written them', async () => {
    const { log } = await openLog()
    gate.set(GATE.held)
    const writes = watchWrites()
    for (const name of numbered(50)) log.record(note(name))
    let isFlushed = false
    const flushed = log.flush().then(() => {
      isFlushed = true
    })
    await new Promise((resolve) => setImmediate(resolve))
    expect(isFlushed).toBe(false)
    expect(log.counters()).toMatchObject({
      committed: 0,
      journalWindow: { windowBytes: WINDOW_BYTES, writer: 'thread', waits: 0 },
    })
    expect(log.counters().journalWindow?.unwrittenBytes).toBeGreaterThan(50 * 100)
    gate.set(GATE.open)
    await flushed
    expect(log.counters()).toMatchObject({ committed: 50, journalWindow: { unwrittenBytes: 0 } })
    expect(log.counters().journalWindow?.maxUnwrittenBytes).toBeGreaterThan(50 * 100)
    expect(writes).not.toHaveBeenCalled()
    expect(gate.writes).toBeGreaterThan(0)
    await log.close()
    expect(await reopened()).toEqual({ names: numbered(50), problems: [], gaps: 0, recoveredEvents: 0 })
  })

  it('waits when the window is full, and drops nothing', async () => {
    const { log } = await openLog()
    gate.set(GATE.slow)
    for (const name of numbered(100)) log.record(note(name, 10_000))
    const { dropped, journalWindow } = log.counters()
    expect(dropped).toEqual({})
    expect(journalWindow?.waits).toBeGreaterThan(1)
    expect(journalWindow?.waitMillis).toBeGreaterThan(0)
    expect(journalWindow?.maxUnwrittenBytes).toBeLessThanOrEqual(WINDOW_BYTES)
    await log.close()
    expect(await reopened()).toMatchObject({ names: numbered(100), problems: [] })
  })

  it('keeps events while the disk is full, says so once, and goes on by its thread afterwards', async () => {
    const { log, problems } = await openLog()
    gate.set(GATE.held)
    for (const name of numbered(20)) log.record(note(name))
    const mend = fillDisk()
    await log.flush()
    expect(log.health()).toMatchObject({ status: 'failing', journal: 'failing', cause: DISK_FULL })
    log.record(note('20'))
    await log.flush()
    expect(problems.map(({ message }) => message)).toEqual([
      expect.stringContaining('a journal that cannot be written'),
    ])
    expect(log.counters()).toMatchObject({ committed: 21, dropped: {} })
    mend()
    // The first one is written by the caller, to see that it works.
    log.record(note('21'))
    expect(log.health()).toMatchObject({ status: 'ok', journal: 'ok' })
    const before = gate.writes
    log.record(note('22'))
    await log.flush()
    expect(gate.writes).toBe(before + 1)
    await log.close()
    expect(await reopened()).toMatchObject({ names: numbered(23), problems: [], gaps: 0 })
  })

  it.each([
    ['nothing of it', GATE.held],
    ['a part of it', GATE.part],
  ])('keeps events that were in the journal alone when the disk gets full and %s is written', async (_, state) => {
    const { log } = await openLog({ maxQueueBytes: 65_535 })
    gate.set(state)
    for (const name of numbered(100)) log.record(note(name, 900))
    expect(log.counters().spilledEvents).toBeGreaterThan(20)
    if (state === GATE.part) await vi.waitFor(() => expect(gate.writes).toBe(1))
    const mend = fillDisk()
    await log.flush()
    expect(log.counters()).toMatchObject({
      committed: 100,
      dropped: {},
      spilledEvents: 0,
      queuedBytes: 0,
      queuedEvents: 0,
    })
    mend()
    log.record(note('100'))
    await log.close()
    expect(await reopened()).toMatchObject({ names: numbered(101), problems: [], gaps: 0 })
  })

  it('is what a processor opens that is told so', async () => {
    const audit = new AuditSpanProcessor({
      location: directory,
      durability: 'journal-behind',
      journalWindowBytes: 200_000,
    })
    const log = await audit.ready
    expect(log?.counters().journalWindow).toMatchObject({ windowBytes: 200_000, writer: 'thread' })
    const doctor = [join(built.dist, 'cli/index.js'), 'doctor', '--log', directory]
    const says = () => execFileSync(process.execPath, doctor, { encoding: 'utf8' })
    await vi.waitFor(() => expect(says()).toContain('log 0, durability journal-behind:'), { timeout: 30_000 })
    await audit.shutdown()
    expect(() => new AuditSpanProcessor({ durability: 'journal-behind' })).toThrow('durability goes with a location')
    expect(() => new AuditSpanProcessor({ location: directory, journalWindowBytes: 200_000 })).toThrow(
      "journalWindowBytes goes with durability 'journal-behind'",
    )
  })

  it('is written by the caller once the thread has ended, and says so', async () => {
    const { log, problems } = await openLog()
    gate.set(GATE.held)
    for (const name of numbered(20)) log.record(note(name))
    await gate.started[0]?.terminate()
    await log.flush()
    expect(log.counters()).toMatchObject({ committed: 20, journalWindow: { writer: 'caller', unwrittenBytes: 0 } })
    const writes = watchWrites()
    log.record(note('20'))
    expect(writes).toHaveBeenCalledTimes(1)
    expect(problems.map(({ message }) => message)).toEqual([expect.stringContaining('is not written by a thread')])
    await log.close()
    expect(await reopened()).toMatchObject({ names: numbered(21), problems: [], gaps: 0 })
  })

  it('is written by the caller where there is no thread', async () => {
    const file = join(built.dist, 'write-behind/writing-thread.js')
    await rename(file, `${file}.away`)
    const { log, problems } = await openLog()
    await rename(`${file}.away`, file)
    const writes = watchWrites()
    log.record(note('0'))
    expect(writes).toHaveBeenCalledTimes(1)
    expect(log.counters().journalWindow).toBeUndefined()
    expect(problems.map(({ message }) => message)).toEqual([expect.stringContaining('is not written by a thread')])
    await log.close()
    expect(await reopened()).toMatchObject({ names: ['0'], problems: [] })
  })
})

describe('a process that records with a journal that a slow thread writes', () => {
  /** @returns what it said of each event: the journal with it, and how much of that was not written */
  async function recordUntil(end: 'kill' | 'exit' | 'throw' | 'reject' | 'nothing') {
    const args = [
      join(import.meta.dirname, 'recorder.mjs'),
      pathToFileURL(built.dist).href,
      directory,
      end,
      `${WINDOW_BYTES}`,
    ]
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] })
    const exited = once(child, 'exit')
    let text = ''
    for await (const chunk of child.stdout) {
      text += String(chunk)
      if (end === 'kill' && text.split('\n').length > 300) child.kill('SIGKILL')
    }
    const [code, signal] = await exited
    const lines = text.slice(0, text.lastIndexOf('\n')).split('\n')
    return { code, signal, said: lines.map((line) => line.split(' ').map(Number) as [number, number, number]) }
  }

  it('loses the window at most when it is killed, and nothing that was said to be written', async () => {
    const { signal, said } = await recordUntil('kill')
    expect(signal).toBe('SIGKILL')
    const { names, problems, gaps } = await reopened()
    expect({ problems, gaps }).toEqual({ problems: [], gaps: 0 })
    expect(names).toEqual(numbered(names.length))
    // Where each event ends in the journal.
    const ends = said.map(([, journalBytes]) => journalBytes)
    const written = Math.max(...said.map(([, journalBytes, unwritten]) => journalBytes - unwritten))
    expect(names.length).toBeGreaterThanOrEqual(ends.filter((end) => end <= written).length)
    if (names.length >= ends.length) return
    const [end = 0, after = 0] = ends.slice(names.length - 1)
    // With the window goes the record of which a part was written.
    expect((ends.at(-1) as number) - end).toBeLessThan(WINDOW_BYTES + after - end)
  })

  it.each([
    ['it calls process.exit()', 'exit', 0],
    ['nobody catches an exception', 'throw', 1],
    ['nobody handles a rejection', 'reject', 1],
    ['it has nothing left to do', 'nothing', 0],
  ] as const)('loses nothing when %s', async (_, end, expected) => {
    const { code, said } = await recordUntil(end)
    expect([code, said.length]).toEqual([expected, 40])
    // All the time, nothing was written but the head of the file.
    if (end !== 'nothing') expect(said.at(-1)?.[2]).toBeGreaterThan(40 * 2000)
    expect(await reopened()).toMatchObject({ names: numbered(40), problems: [], gaps: 0 })
  })
})

describe('the files of a journal that a thread writes', () => {
  const bootId = 'e4e0ab0b-97b2-4d5e-a15b-9f4c9e0a6b11'
  const mac = new JournalKey(Buffer.alloc(32, 7)).forLog('test')

  async function begin(name: string, segmentBytes: number) {
    const path = join(directory, name)
    await mkdir(path)
    const start: JournalStart = { directory: path, segment: 1, after: 0, oldest: 1, bootId, mac, segmentBytes }
    return { path, journal: new Journal(start) }
  }

  const goBehind = (journal: JournalClass, stuckMillis = 10_000) =>
    journal.goBehind({ windowBytes: WINDOW_BYTES, stuckMillis, onEnded: () => {} })

  const sealer = () =>
    new Sealer(
      () => [1_795_300_506, 0],
      'test.example/log',
      '',
      () => 0,
    )

  function filesIn(path: string) {
    return Object.fromEntries(readdirSync(path).map((name) => [name, readFileSync(join(path, name))]))
  }

  function replayed(path: string) {
    const replay = new JournalReplay({
      directory: path,
      from: undefined,
      closedInOrder: false,
      bootId,
      onDamage: 'refuse',
      mac,
      location: 'test',
    })
    return { events: [...replay.entries()].length, tornBytes: replay.tornBytes }
  }

  it('are those that the caller would have written, byte for byte', async () => {
    let run = 0
    const sizes = fc.array(fc.oneof(fc.nat({ max: 3000 }), fc.nat({ max: 60_000 })), { minLength: 1, maxLength: 60 })
    await fc.assert(
      fc.asyncProperty(sizes, fc.integer({ min: 500, max: 200_000 }), async (sizes, segmentBytes) => {
        run++
        const entries = sizes.map((size, n) => sealer().seal(note(`${n}`, size), n % 3 === 0).entry)
        const own = await begin(`own-${run}`, segmentBytes)
        const behind = await begin(`behind-${run}`, segmentBytes)
        await goBehind(behind.journal)
        for (const { journal } of [own, behind]) for (const entry of entries) journal.append(entry)
        expect(behind.journal.end).toEqual(own.journal.end)
        for (const { journal } of [own, behind]) {
          await journal.finish()
          journal.close()
        }
        expect(filesIn(behind.path)).toEqual(filesIn(own.path))
      }),
      { numRuns: 8 },
    )
  })

  it('can be read while the next one was begun, and the one before is not written whole', async () => {
    const { path, journal } = await begin('journal', 5000)
    await goBehind(journal)
    gate.set(GATE.part)
    const seal = sealer()
    for (const name of numbered(12)) journal.append(seal.seal(note(name, 200), false).entry)
    // A part of the records is written, and the thread waits.
    await vi.waitFor(() => expect(gate.writes).toBe(1))
    expect(Object.values(filesIn(path)).map(({ length }) => length > 0)).toEqual([true, false])
    const { events, tornBytes } = replayed(path)
    expect(events).toBeLessThan(12)
    expect(tornBytes).toBeGreaterThan(0)
    gate.set(GATE.open)
    await journal.finish()
    journal.close()
    expect(replayed(path)).toEqual({ events: 12, tornBytes: 0 })
  })

  it('go on behind the last record that was written when the disk was full', async () => {
    const { path, journal } = await begin('journal', 5000)
    await goBehind(journal)
    gate.set(GATE.held)
    const seal = sealer()
    const entries = numbered(12).map((name) => seal.seal(note(name, 200), false).entry)
    for (const entry of entries) journal.append(entry)
    const mend = fillDisk()
    await expect(journal.written()).rejects.toBe(DISK_FULL)
    const lost = journal.takeLost()
    expect(lost.map(({ entry }) => entry)).toEqual(entries)
    expect(journal.takeLost()).toEqual([])
    mend()
    const more = numbered(20).map((name) => seal.seal(note(name, 200), false).entry)
    for (const entry of more) journal.append(entry)
    await journal.finish()
    journal.close()
    expect(replayed(path)).toEqual({ events: 20, tornBytes: 0 })
  })

  it('are told to lack what could not be written when the log is closed and the store fails', async () => {
    const { path, journal } = await begin('journal', 100_000)
    await goBehind(journal)
    const store = memoryStore()
    await store.open()
    store.commit = () => Promise.reject(new Error('broken'))
    const emitter = new LogEmitter({ problem: () => {} })
    const parts = { store, journal, sealer: sealer(), schemas: new EventSchemas(), emitter }
    const log = new LogWriter({ ...parts, maxQueueBytes: 70_000, startTimer: () => () => {} })
    log.record(note('0'))
    await expect(log.flush()).rejects.toMatchObject({ code: 'AUDIT_WRITE_FAILED' })
    gate.set(GATE.held)
    for (const name of ['1', '2']) log.record(note(name))
    const mend = fillDisk()
    const lost = '2 events not written and 1 event in the journal'
    await expect(log.close()).rejects.toMatchObject({ message: expect.stringContaining(lost) })
    mend()
    expect(replayed(path)).toEqual({ events: 1, tornBytes: 0 })
  })

  it('are written by the caller when the thread is stuck and the window is full', async () => {
    const { path, journal } = await begin('journal', 1_000_000)
    await goBehind(journal, 20)
    gate.set(GATE.held)
    const seal = sealer()
    for (const name of numbered(20)) journal.append(seal.seal(note(name, 10_000), false).entry)
    expect(journal.window).toMatchObject({ writer: 'caller', unwrittenBytes: 0, waits: 1 })
    expect(replayed(path)).toEqual({ events: 20, tornBytes: 0 })
    gate.set(GATE.open)
    await journal.finish()
    journal.close()
    expect(replayed(path)).toEqual({ events: 20, tornBytes: 0 })
  })
})
