import fs, { existsSync, renameSync, rmSync } from 'node:fs'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { AMPLE } from '../../../test/support/ample.js'
import type { AuditEvent } from '../../events/types.js'
import { EventSchemas } from '../../events/validate.js'
import type { AuditStore, CommitMarks } from '../../store/contract.js'
import { memoryStore } from '../../store/memory/index.js'
import { Journal } from '../journal/journal.js'
import { JournalReplay, type ReplayedEntry } from '../journal/journal-replay.js'
import { LogEmitter } from '../log-emitter.js'
import { Sealer } from '../sealing/seal.js'
import { LogWriter, type LogWriterParts } from './writer.js'

let directory: string
const opened: LogWriter[] = []

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'spanledger-'))
})

afterEach(async () => {
  vi.restoreAllMocks()
  syncBuiltinESMExports()
  await Promise.allSettled(opened.splice(0).map((log) => log.close()))
  await rm(directory, { recursive: true, force: true })
})

/** A log in memory with a real journal, whose store can be held up and made to fail, and whose timers never go off. */
async function openLog(parts: Partial<LogWriterParts> & { segmentBytes?: number } = {}) {
  const store = memoryStore()
  await store.open()
  const control = {
    failure: undefined as unknown,
    held: undefined as Promise<void> | undefined,
    marks: [] as CommitMarks[],
  }
  const { commit } = store
  store.commit = async (group, marks) => {
    await control.held
    if (control.failure !== undefined) throw control.failure
    if (marks) control.marks.push(marks)
    return await commit.call(store, group, marks)
  }
  const problems: Error[] = []
  const { segmentBytes = 4096, ...rest } = parts
  const journal = new Journal({ directory, segment: 1, after: 0, oldest: 1, bootId: '', segmentBytes })
  const log = new LogWriter({
    store,
    journal,
    sealer: new Sealer(
      () => [1_795_300_506, 0],
      'test.example/log',
      '',
      // However long a test takes, its clock was not set.
      () => 0,
    ),
    schemas: new EventSchemas(),
    maxQueueBytes: 70_000,
    emitter: new LogEmitter({ problem: (problem) => problems.push(problem) }),
    startTimer: () => () => {},
    ...rest,
  })
  opened.push(log)
  return { log, store, journal, control, problems }
}

const note = (name: string, pad = 0) => ({ type: 'custom' as const, data: { name, pad: 'x'.repeat(pad) } })

async function stored(store: AuditStore): Promise<AuditEvent[]> {
  const events: AuditEvent[] = []
  for await (const chunk of store.entries({ from: 0, to: store.size, reverse: false })) {
    for (const { bytes } of chunk) events.push(JSON.parse(Buffer.from(bytes).toString()) as AuditEvent)
  }
  return events
}

const nameOf = ({ data }: { data: unknown }) => (data as { name?: string }).name
const namesIn = async (store: AuditStore) => (await stored(store)).map(nameOf)

/** What a recovery would find in the journal behind what the store has. */
function left(store: AuditStore): ReplayedEntry[] {
  const replay = new JournalReplay({
    directory,
    from: store.journalPosition,
    closedInOrder: false,
    bootId: '',
    onDamage: 'refuse',
    location: 'test',
  })
  return [...replay.entries()]
}

/** Makes writes to files fail as on a full disk, after `bytes` of the first one. */
function failWrites({ bytes = 0, truncates = true } = {}) {
  const problem = Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' })
  const { writeSync } = fs
  const write = vi.spyOn(fs, 'writeSync')
  const attempts = { left: bytes }
  write.mockImplementation(((fd: number, buffer: Buffer, offset: number, _: number, position: number) => {
    if (attempts.left === 0) throw problem
    const written = writeSync(fd, buffer, offset, attempts.left, position)
    attempts.left = 0
    return written
  }) as unknown as typeof fs.writeSync)
  const truncate = vi.spyOn(fs, 'ftruncateSync')
  if (!truncates)
    truncate.mockImplementation(() => {
      throw problem
    })
  syncBuiltinESMExports()
  return {
    problem,
    mend() {
      write.mockRestore()
      truncate.mockRestore()
      syncBuiltinESMExports()
    },
  }
}

describe('a recorded event', () => {
  it('is in the journal when the call returns, and not after it was committed', async () => {
    const { log, store } = await openLog()
    log.record(note('a'))
    log.append(note('b')).catch(() => {})
    expect(left(store).map(({ event }) => nameOf(event))).toEqual(['a', 'b'])
    expect(left(store)[0]?.entry.callerId).toBe(false)
    await log.flush()
    expect(left(store)).toEqual([])
  })

  it('is still in the journal when the log was closed without the store having taken it', async () => {
    const { log, store, control } = await openLog()
    log.record(note('a'))
    const append = log.append({ ...note('b'), id: 'mine' })
    control.failure = new Error('broken')
    const told = expect(append).rejects.toMatchObject({ code: 'AUDIT_WRITE_FAILED' })
    await expect(log.close()).rejects.toMatchObject({ message: expect.stringContaining('2 events in the journal') })
    await told
    expect(log.stats().dropped).toEqual({})
    expect(left(store).map(({ event, entry }) => [nameOf(event), entry.callerId])).toEqual([
      ['a', false],
      ['b', true],
    ])
  })
})

describe('segments', () => {
  it('follow each other, and are deleted when two full ones are behind what is committed', async () => {
    const { log, store } = await openLog()
    for (let n = 0; n < 200; n++) {
      log.record(note(`${n}`))
      if (n % 20 === 0) await log.flush()
    }
    expect(left(store)).toHaveLength(19)
    await log.flush()
    await vi.waitFor(async () => expect((await readdir(directory)).length).toBe(3), AMPLE)
    expect(log.stats().journalBytes).toBeLessThan(4 * 4096)
    expect(await namesIn(store)).toEqual(Array.from({ length: 200 }, (_, n) => `${n}`))
  })
})

describe('past its limit', () => {
  it('the queue leaves events to the journal, loses none and keeps their order', async () => {
    const { log, store, control } = await openLog()
    let release = () => {}
    control.held = new Promise((resolve) => {
      release = resolve
    })
    const appends: Promise<{ seq: number }>[] = []
    for (let n = 0; n < 500; n++) {
      if (n % 50 === 7) appends.push(log.append(note(`${n}`, 1000)))
      else log.record(note(`${n}`, 1000))
      expect(log.stats().queuedBytes).toBeLessThanOrEqual(70_000)
    }
    expect(log.stats()).toMatchObject({ queuedEvents: 500, dropped: {} })
    expect(log.stats().spilledEvents).toBeGreaterThan(400)
    const flush = log.flush()
    release()
    expect((await Promise.all(appends)).map(({ seq }) => seq)).toEqual(appends.map((_, at) => at * 50 + 7))
    await flush
    expect(await namesIn(store)).toEqual(Array.from({ length: 500 }, (_, n) => `${n}`))
    expect(log.stats()).toMatchObject({ queuedEvents: 0, queuedBytes: 0, spilledEvents: 0, committed: 500 })
    expect(left(store)).toEqual([])
  })

  it('what the journal alone has is tried again as often as the store fails', async () => {
    const { log, store, control } = await openLog()
    control.failure = new Error('broken')
    for (let n = 0; n < 300; n++) log.record(note(`${n}`, 1000))
    for (let attempt = 0; attempt < 3; attempt++) await expect(log.flush()).rejects.toThrow('broken')
    control.failure = undefined
    await log.flush()
    expect(await namesIn(store)).toEqual(Array.from({ length: 300 }, (_, n) => `${n}`))
  })

  it('a journal that lost what it alone had makes the store wait, and says why', async () => {
    const { log, control, problems } = await openLog({ segmentBytes: 1e9 })
    control.failure = new Error('broken')
    for (let n = 0; n < 100; n++) log.record(note(`${n}`, 1000))
    await expect(log.flush()).rejects.toThrow('broken')
    control.failure = undefined
    const [name] = await readdir(directory)
    const file = fs.openSync(join(directory, name as string), 'r+')
    fs.writeSync(file, 'damage', 90_000)
    fs.closeSync(file)
    await expect(log.flush()).rejects.toMatchObject({ message: expect.stringMatching(/000001.journal is damaged/) })
    expect(log.health()).toMatchObject({ status: 'failing', store: 'failing', journal: 'ok' })
    expect(problems).toHaveLength(2)
  })
})

describe('a journal that cannot be written', () => {
  it('leaves events to memory, is told once, and works again by itself', async () => {
    const { log, store, problems } = await openLog()
    log.record(note('1'))
    const { problem, mend } = failWrites()
    for (const name of ['2', '3']) expect(log.record(note(name))).toBeDefined()
    expect(log.health()).toMatchObject({ status: 'failing', journal: 'failing', store: 'ok', cause: problem })
    expect(problems).toMatchObject([{ code: 'AUDIT_WRITE_FAILED', cause: problem }])
    mend()
    log.record(note('4'))
    expect(log.health()).toEqual({ status: 'ok', journal: 'ok', store: 'ok', checkpoints: 'off', index: 'ok' })
    expect(left(store).map(({ event }) => nameOf(event))).toEqual(['1', '4'])
    await log.flush()
    expect(await namesIn(store)).toEqual(['1', '2', '3', '4'])
    expect(log.stats().dropped).toEqual({})
  })

  it.each([true, false])('leaves no part of a record behind (file can be cut: %s)', async (truncates) => {
    const { log, store } = await openLog()
    log.record(note('1'))
    const failing = failWrites({ bytes: 100, truncates })
    log.record(note('2'))
    failing.mend()
    expect(log.health().journal).toBe('failing')
    for (const name of ['3', '4']) log.record(note(name))
    expect(left(store).map(({ event }) => nameOf(event))).toEqual(['1', '3', '4'])
    expect(await readdir(directory)).toEqual(['000001.journal', '000002.journal'])
    await log.flush()
    expect(await namesIn(store)).toEqual(['1', '2', '3', '4'])
    expect(left(store)).toEqual([])
  })

  it('stores no event twice whose write was reported as failed, but was not', async () => {
    const { log, store } = await openLog()
    log.record(note('1'))
    const { writeSync } = fs
    const failing = failWrites({ truncates: false })
    vi.mocked(fs.writeSync).mockImplementation(((...args: [number, Buffer, number, number, number]) => {
      writeSync(...args)
      throw failing.problem
    }) as unknown as typeof fs.writeSync)
    syncBuiltinESMExports()
    log.record(note('2'))
    vi.restoreAllMocks()
    syncBuiltinESMExports()
    expect(left(store).map(({ event }) => nameOf(event))).toEqual(['1', '2'])
    await log.flush()
    expect(left(store)).toEqual([])
    log.record(note('3'))
    expect(left(store).map(({ event }) => nameOf(event))).toEqual(['3'])
    await log.flush()
    expect(await namesIn(store)).toEqual(['1', '2', '3'])
  })

  it('finds half of the memory free for the events that it cannot take', async () => {
    const { log, store, control } = await openLog()
    let release = () => {}
    control.held = new Promise((resolve) => {
      release = resolve
    })
    for (let n = 0; n < 100; n++) log.record(note(`${n}`, 1000))
    expect(log.stats().spilledEvents).toBeGreaterThan(60)
    expect(log.stats().queuedBytes).toBeLessThanOrEqual(35_000)
    failWrites()
    const taken = Array.from({ length: 100 }, (_, n) => log.record(note(`${100 + n}`, 1000))).filter(Boolean).length
    expect(taken).toBeGreaterThan(25)
    expect(log.stats().queuedBytes).toBeLessThanOrEqual(70_000)
    release()
    await log.flush()
    const names = await namesIn(store)
    expect(names.slice(0, 100 + taken)).toEqual(Array.from({ length: 100 + taken }, (_, n) => `${n}`))
  })

  it('loses events past the limit only, counts them, and tells of the gap', async () => {
    const { log, store, control, problems } = await openLog()
    control.failure = new Error('broken')
    log.record(note('1'))
    await expect(log.flush()).rejects.toThrow()
    const { mend } = failWrites()
    const taken = Array.from({ length: 100 }, (_, n) => log.record(note(`${n}`, 1000))).filter(Boolean).length
    expect(taken).toBeGreaterThan(40)
    expect(log.stats().dropped).toEqual({ journal_failed: 100 - taken })
    await expect(log.append(note('no', 1000))).rejects.toMatchObject({ code: 'AUDIT_LOG_FULL' })
    expect(problems).toHaveLength(3)
    mend()
    control.failure = undefined
    await log.flush()
    await log.flush()
    const [gap] = (await stored(store)).filter(({ type }) => type === 'events_dropped')
    expect(gap).toMatchObject({ data: { count: 100 - taken, reason: 'journal_failed' } })
    expect(store.size).toBe(1 + taken + 1)
  })

  it('is noticed when its file was removed, and begins another', async () => {
    const { log, store } = await openLog()
    log.record(note('1'))
    rmSync(join(directory, '000001.journal'))
    await log.flush()
    expect(log.health()).toMatchObject({ journal: 'failing', cause: { message: expect.stringContaining('removed') } })
    log.record(note('2'))
    expect(log.health().status).toBe('ok')
    expect(existsSync(join(directory, '000002.journal'))).toBe(true)
    expect(left(store).map(({ event }) => nameOf(event))).toEqual(['2'])
  })

  it('is noticed when its directory was moved away, and works again when that is back', async () => {
    const { log, store } = await openLog()
    const away = `${directory}-away`
    renameSync(directory, away)
    rmSync(join(away, '000001.journal'))
    log.record(note('1'))
    await log.flush()
    log.record(note('2'))
    expect(log.health().journal).toBe('failing')
    renameSync(away, directory)
    log.record(note('3'))
    expect(log.health().journal).toBe('ok')
    await log.flush()
    expect(await namesIn(store)).toEqual(['1', '2', '3'])
  })
})

describe('assertWritable', () => {
  it('writes, even when nothing waits, and resolves', async () => {
    const { log, control } = await openLog()
    await log.assertWritable()
    expect(control.marks).toHaveLength(1)
    log.record(note('a'))
    await log.assertWritable()
    expect(log.stats().committed).toBe(1)
  })

  it('rejects as long as the store fails, whatever it said before', async () => {
    const { log, control } = await openLog()
    await log.assertWritable()
    control.failure = new Error('broken')
    const failed = { code: 'AUDIT_WRITE_FAILED', cause: control.failure }
    await expect(log.assertWritable()).rejects.toMatchObject(failed)
    await expect(log.assertWritable()).rejects.toMatchObject(failed)
    control.failure = undefined
    await log.assertWritable()
    expect(log.health().status).toBe('ok')
  })

  it('rejects as long as the journal fails, and finds out by itself that it works again', async () => {
    const { log } = await openLog()
    const { problem, mend } = failWrites()
    log.record(note('a'))
    await expect(log.assertWritable()).rejects.toMatchObject({ code: 'AUDIT_WRITE_FAILED', cause: problem })
    mend()
    await log.assertWritable()
    expect(log.health().status).toBe('ok')
  })

  it('rejects once the log is closed', async () => {
    const { log } = await openLog()
    await log.close()
    await expect(log.assertWritable()).rejects.toMatchObject({ code: 'AUDIT_LOG_CLOSED' })
    expect(log.health().status).toBe('closed')
  })
})

describe('metrics', () => {
  it('tell what the log counts, until it is closed', async () => {
    const callbacks = new Map<string, Set<(result: { observe: (...args: unknown[]) => void }) => void>>()
    const durations: unknown[][] = []
    const observable = (name: string) => {
      const of = new Set<(result: { observe: (...args: unknown[]) => void }) => void>()
      callbacks.set(name, of)
      return { addCallback: of.add.bind(of), removeCallback: of.delete.bind(of) } as never
    }
    const { log } = await openLog({
      meter: {
        createHistogram: () => ({ record: (...args: unknown[]) => durations.push(args) }),
        createObservableCounter: observable,
        createObservableGauge: observable,
      },
    })
    const observed = () =>
      [...callbacks].flatMap(([name, of]) =>
        [...of].flatMap((callback) => {
          const values: unknown[][] = []
          callback({ observe: (...args) => values.push(args) })
          return values.map((value) => [name, ...value])
        }),
      )
    log.record(note('a'))
    vi.spyOn(Sealer.prototype, 'seal').mockImplementationOnce(() => {
      throw new RangeError('Maximum call stack size exceeded')
    })
    log.record(note('b'))
    const attributes = { 'spanledger.log': 'memory' }
    expect(observed()).toEqual([
      ['spanledger.events.recorded', 1, attributes],
      ['spanledger.events.dropped', 1, { ...attributes, reason: 'not_sealed' }],
      ['spanledger.queue.bytes', log.stats().queuedBytes, attributes],
      ['spanledger.journal.bytes', log.stats().journalBytes, attributes],
    ])
    await log.flush()
    expect(durations).toEqual([[expect.any(Number), attributes]])
    await log.close()
    expect(observed()).toEqual([])
  })

  it.each(['createHistogram', 'createObservableGauge', 'record', 'addCallback', 'removeCallback'])(
    'are lost to a meter whose %s throws, and nothing else is',
    async (throwing) => {
      const call = (name: string) => () => {
        if (name === throwing) throw new Error('no such luck')
      }
      const instrument = {
        record: call('record'),
        addCallback: call('addCallback'),
        removeCallback: call('removeCallback'),
      }
      const create = (name: string) => () => {
        call(name)()
        return instrument as never
      }
      const { log, store, journal, problems } = await openLog({
        meter: {
          createHistogram: create('createHistogram'),
          createObservableCounter: create('createObservableCounter'),
          createObservableGauge: create('createObservableGauge'),
        },
      })
      const closed = vi.spyOn(journal, 'close')
      const event = log.record(note('a'))
      expect(event).toBeDefined()
      await log.flush()
      expect(await stored(store)).toEqual([event])
      await log.append(note('b'))
      await log.close()
      expect(closed).toHaveBeenCalledOnce()
      expect(problems).toMatchObject([{ message: expect.stringMatching(/meter throws/), cause: expect.any(Error) }])
    },
  )
})
