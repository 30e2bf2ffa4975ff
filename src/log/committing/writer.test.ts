import * as v from 'valibot'
import { describe, expect, it, vi } from 'vitest'
import { catalogue } from '../../events/catalogue.js'
import { AuditLogError } from '../../events/errors.js'
import type { AuditEvent } from '../../events/types.js'
import { EventSchemas } from '../../events/validate.js'
import type { AuditStore, SealedEntry } from '../../store/contract.js'
import { memoryStore } from '../../store/memory/index.js'
import { hashLeaf } from '../../tree/index.js'
import type { RecordInput } from '../contract.js'
import { LogEmitter } from '../log-emitter.js'
import { Sealer } from '../sealing/seal.js'
import { FIRST_RETRY_DELAY_MILLIS, LAST_RETRY_DELAY_MILLIS } from '../timers.js'
import { MAX_GROUP_BYTES, MAX_GROUP_ENTRIES } from './commit-group.js'
import { LogWriter, type LogWriterParts } from './writer.js'

/** A log in memory whose store can be held up and made to fail, and whose timers go off by hand. */
async function openLog(parts: Partial<LogWriterParts> = {}) {
  const store = memoryStore()
  await store.open()
  const control = {
    /** Sizes of the groups that the store was asked to commit. */
    groups: [] as number[],
    failure: undefined as unknown,
    held: undefined as Promise<void> | undefined,
  }
  const { commit } = store
  store.commit = async (group) => {
    control.groups.push(group.length)
    await control.held
    if (control.failure !== undefined) throw control.failure
    return await commit.call(store, group)
  }
  const timers: { delayMillis: number; callback: () => void; cancelled: boolean }[] = []
  const problems: Error[] = []
  let milliseconds = 0
  const log = new LogWriter({
    store,
    sealer: new Sealer(
      () => {
        milliseconds = Math.min(milliseconds + 1, 900)
        return [1_795_300_506, milliseconds * 1e6]
      },
      'test.example/log',
      '',
      // However long a test takes, its clock was not set.
      () => 0,
    ),
    schemas: new EventSchemas(),
    maxQueueBytes: 1e6,
    emitter: new LogEmitter({ problem: (problem) => problems.push(problem) }),
    startTimer: (delayMillis, callback) => {
      const timer = { delayMillis, callback, cancelled: false }
      timers.push(timer)
      return () => {
        timer.cancelled = true
      }
    },
    ...parts,
  })
  return { log, store, control, timers, problems }
}

function note(name: string, pad = 0): RecordInput {
  return { type: 'custom', data: { name, ...(pad > 0 ? { pad: 'x'.repeat(pad) } : {}) } }
}

async function stored(store: AuditStore): Promise<AuditEvent[]> {
  const events: AuditEvent[] = []
  for await (const chunk of store.entries({ from: 0, to: store.size, reverse: false })) {
    for (const { bytes } of chunk) events.push(JSON.parse(Buffer.from(bytes).toString()) as AuditEvent)
  }
  return events
}

const namesIn = async (store: AuditStore) => (await stored(store)).map(({ data }) => (data as { name?: string }).name)

/** A promise and what settles it. */
function hold() {
  let release = () => {}
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  return { held, release }
}

/** Lets what is due now happen: immediates, and the promises behind them. */
const settle = async () => {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
}

const diskFull = () => Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })

describe('group commit', () => {
  it('commits the events of one tick together, in their order', async () => {
    const { log, store, control } = await openLog()
    for (let n = 0; n < 1000; n++) log.record(note(`${n}`))
    expect(control.groups).toEqual([])
    await log.flush()
    expect(control.groups).toEqual([1000])
    expect(await namesIn(store)).toEqual(Array.from({ length: 1000 }, (_, n) => `${n}`))
    expect(log.stats()).toEqual({
      recorded: 1000,
      committed: 1000,
      dropped: {},
      queuedEvents: 0,
      spilledEvents: 0,
      queuedBytes: 0,
      journalBytes: 0,
      commits: 1,
    })
  })

  it('gathers the next group while one is in flight', async () => {
    const { log, control } = await openLog()
    const { held, release } = hold()
    control.held = held
    log.record(note('first'))
    await settle()
    for (let n = 0; n < 10; n++) log.record(note(`${n}`))
    await settle()
    expect(control.groups).toEqual([1])
    expect(log.stats()).toMatchObject({ queuedEvents: 11, committed: 0 })
    release()
    await log.flush()
    expect(control.groups).toEqual([1, 10])
  })

  it('bounds a group by entries and by bytes', async () => {
    const { log, control } = await openLog({ maxQueueBytes: 1e8 })
    for (let n = 0; n <= MAX_GROUP_ENTRIES; n++) log.record(note('n'))
    await log.flush()
    expect(control.groups.splice(0)).toEqual([MAX_GROUP_ENTRIES, 1])
    log.record(note('large', 60_000))
    const perGroup = Math.floor(MAX_GROUP_BYTES / log.stats().queuedBytes)
    for (let n = 0; n < perGroup; n++) log.record(note('large', 60_000))
    await log.flush()
    expect(control.groups).toEqual([perGroup, 1])
  })

  it('resolves each append with its position and leaf, in one commit with the records around it', async () => {
    const { log, store, control } = await openLog()
    log.record(note('before'))
    const appends = ['a', 'b'].map((to) => log.append({ type: 'agent_handoff', data: { to } }))
    log.record(note('after'))
    const receipts = await Promise.all(appends)
    expect(receipts.map(({ seq }) => seq)).toEqual([1, 2])
    expect(control.groups).toEqual([4])
    const bytes = await store.read([1, 2])
    expect(receipts.map(({ leafHash }) => Buffer.from(leafHash))).toEqual(
      bytes.map((entry) => Buffer.from(hashLeaf(entry as Uint8Array))),
    )
  })
})

describe('an append with an id of the caller', () => {
  it('is kept once, and answered with the position and the leaf of what was kept', async () => {
    const { log, store } = await openLog()
    const event = { type: 'agent_handoff' as const, data: { to: 'a' }, id: 'mine' }
    const first = await log.append(event)
    log.record(note('between'))
    const [second, third] = await Promise.all([log.append(event), log.append(event)])
    expect([second, third]).toEqual([first, first])
    const [sameTick, again] = await Promise.all([
      log.append({ ...event, id: 'other' }),
      log.append({ ...event, id: 'other' }),
    ])
    expect(again).toEqual(sameTick)
    expect((await stored(store)).map(({ id, type }) => (type === 'custom' ? 'between' : id))).toEqual([
      'mine',
      'between',
      'other',
    ])
  })

  it('rejects when the entry that was kept cannot be read', async () => {
    const { log, store } = await openLog()
    const event = { type: 'agent_handoff' as const, data: { to: 'a' }, id: 'mine' }
    await log.append(event)
    const problem = new AuditLogError('AUDIT_READ_FAILED', 'bad block')
    store.read = () => Promise.reject(problem)
    await expect(log.append(event)).rejects.toBe(problem)
    await expect(log.append({ ...event, id: 'another' })).resolves.toMatchObject({ seq: 1 })
  })

  it('differs from a recorded event with an id: that needs no index', async () => {
    const { log, store } = await openLog()
    const commit = vi.spyOn(store, 'commit')
    log.record({ ...note('recorded'), id: 'mine' })
    await log.append({ type: 'agent_handoff', data: { to: 'a' } })
    await log.append({ type: 'agent_handoff', data: { to: 'a' }, id: 'mine' })
    const groups = commit.mock.calls.map(([group]) => group as readonly SealedEntry[])
    expect(groups.flat().map(({ callerId }) => callerId)).toEqual([false, false, true])
  })
})

describe('an invalid event', () => {
  it('is rejected by append, and takes no position', async () => {
    const { log } = await openLog()
    const event = { type: 'agent_handoff', data: {} } as unknown as Parameters<typeof log.append>[0]
    await expect(log.append(event)).rejects.toMatchObject({
      code: 'AUDIT_INVALID_EVENT',
      message: expect.stringContaining('data.to'),
    })
    expect(log.stats()).toMatchObject({ recorded: 0, queuedEvents: 0 })
  })

  it('is recorded, and record never throws', async () => {
    const { log } = await openLog()
    expect(log.record(undefined as unknown as RecordInput)).toMatchObject({ type: 'custom' })
    const revoked = Proxy.revocable({}, {})
    revoked.revoke()
    expect(log.record(revoked.proxy as RecordInput)).toMatchObject({ tenantId: 'default' })
  })
})

describe('flush', () => {
  it('waits for what is queued and what is in flight, not for what comes later', async () => {
    const { log, store, control } = await openLog()
    const { held, release } = hold()
    control.held = held
    log.record(note('in flight'))
    await settle()
    log.record(note('queued'))
    let flushed = false
    const flush = log.flush().then(() => {
      flushed = true
    })
    await settle()
    expect(flushed).toBe(false)
    release()
    await flush
    expect(await namesIn(store)).toEqual(['in flight', 'queued'])
  })

  it('resolves at once when nothing waits', async () => {
    const { log, control } = await openLog()
    await log.flush()
    expect(control.groups).toEqual([])
  })
})

describe('a store that fails', () => {
  it('gets the same group again, in order, after delays that double up to a limit', async () => {
    const { log, store, control, timers } = await openLog()
    control.failure = diskFull()
    log.record(note('1'))
    const append = log.append({ type: 'custom', data: { name: '2' } })
    await settle()
    log.record(note('3'))
    for (let attempt = 1; attempt < 12; attempt++) {
      timers.at(-1)?.callback()
      await settle()
    }
    const delays = timers.map(({ delayMillis }) => delayMillis)
    expect(delays.slice(0, 4)).toEqual([1, 2, 4, 8].map((factor) => factor * FIRST_RETRY_DELAY_MILLIS))
    expect(delays.at(-1)).toBe(LAST_RETRY_DELAY_MILLIS)
    expect(log.stats()).toMatchObject({ queuedEvents: 3, committed: 0, dropped: {} })
    control.failure = undefined
    timers.at(-1)?.callback()
    expect(await append).toMatchObject({ seq: 1 })
    await log.flush()
    expect(await namesIn(store)).toEqual(['1', '2', '3'])
  })

  it('makes flush reject with the cause, and keeps the entries', async () => {
    const { log, store, control } = await openLog()
    const cause = diskFull()
    control.failure = cause
    log.record(note('kept'))
    await expect(log.flush()).rejects.toMatchObject({ code: 'AUDIT_WRITE_FAILED', cause })
    expect(log.stats().queuedEvents).toBe(1)
    control.failure = undefined
    await log.flush()
    expect(await namesIn(store)).toEqual(['kept'])
  })

  it('is tried again at once by flush', async () => {
    const { log, control, timers } = await openLog()
    control.failure = diskFull()
    log.record(note('kept'))
    await expect(log.flush()).rejects.toThrow()
    await expect(log.flush()).rejects.toThrow()
    expect(control.groups).toEqual([1, 1])
    expect(timers.map(({ cancelled }) => cancelled)).toEqual([true, false])
  })

  it('is reported once an episode, and what the listener throws is ignored', async () => {
    const listener = vi.fn((_: Error) => {
      throw new Error('listener')
    })
    const { log, control } = await openLog({ emitter: new LogEmitter({ problem: listener }) })
    for (const episode of [1, 2]) {
      control.failure = diskFull()
      for (let n = 0; n < 3; n++) {
        log.record(note('n'))
        await expect(log.flush()).rejects.toThrow()
      }
      expect(listener).toHaveBeenCalledTimes(episode)
      control.failure = undefined
      await log.flush()
    }
    expect(listener.mock.lastCall?.[0]).toMatchObject({ code: 'AUDIT_WRITE_FAILED' })
  })

  it.each([0, 1, 2, 3, 4, 5, 6])('settles a flush that comes %i microtasks after the failure', async (microtasks) => {
    const { log, store, timers } = await openLog()
    const { commit } = store
    const settled = vi.fn()
    store.commit = async () => {
      store.commit = commit
      queueMicrotask(async () => {
        for (let n = 0; n < microtasks; n++) await undefined
        log.flush().then(settled, settled)
      })
      throw diskFull()
    }
    log.record(note('kept'))
    await settle()
    expect(settled).toHaveBeenCalledTimes(1)
    for (const { cancelled, callback } of timers) if (!cancelled) callback()
    await log.flush()
    expect(await namesIn(store)).toEqual(['kept'])
  })

  it('may be flushed by the listener', async () => {
    const settled = vi.fn()
    const opened = await openLog({
      emitter: new LogEmitter({ problem: () => opened.log.flush().then(settled, settled) }),
    })
    opened.control.failure = diskFull()
    opened.log.record(note('kept'))
    await settle()
    expect(settled).toHaveBeenCalledTimes(1)
    expect(opened.timers.filter(({ cancelled }) => !cancelled)).toHaveLength(1)
    opened.control.failure = undefined
    opened.timers.at(-1)?.callback()
    await opened.log.flush()
    expect(await namesIn(opened.store)).toEqual(['kept'])
  })

  it('that throws at once, and no Error, is a failed commit too', async () => {
    const { log, store } = await openLog()
    store.commit = () => {
      throw 'broken'
    }
    log.record(note('n'))
    await expect(log.flush()).rejects.toMatchObject({ code: 'AUDIT_WRITE_FAILED', cause: 'broken' })
  })
})

describe('a full queue', () => {
  it('drops records, rejects appends, and records the gap once there is room', async () => {
    const { log, store, control, problems } = await openLog({ maxQueueBytes: 70_000 })
    const { held, release } = hold()
    control.held = held
    log.record(note('kept', 60_000))
    await settle()
    const dropped = [1, 2, 3].map(() => log.record(note('dropped', 20_000)))
    expect(dropped).toEqual([undefined, undefined, undefined])
    await expect(log.append({ type: 'custom', data: { name: 'x', pad: 'x'.repeat(20_000) } })).rejects.toMatchObject({
      code: 'AUDIT_LOG_FULL',
      message: expect.stringContaining('maxQueueBytes'),
    })
    expect(log.stats()).toMatchObject({ recorded: 1, dropped: { queue_full: 3 } })
    expect(problems.map(({ message }) => message)).toEqual([expect.stringContaining('is full')])
    release()
    await settle()
    log.record(note('later'))
    await log.flush()
    const events = await stored(store)
    expect(events.map(({ type }) => type)).toEqual(['custom', 'events_dropped', 'custom'])
    expect(events[1]).toMatchObject({
      data: {
        count: 3,
        reason: 'queue_full',
        from: '2026-11-21T22:35:06.003000000Z',
        to: '2026-11-21T22:35:06.007000000Z',
      },
      source: { convention: 'spanledger', scope: 'spanledger' },
    })
    expect(events[1]?.statementOf).toBe('test.example/log')
    expect(v.safeParse(catalogue.events_dropped, events[1]?.data).success).toBe(true)
  })

  it('stays within its bytes while the store fails, and still tells of the gap', async () => {
    const { log, store, control } = await openLog({ maxQueueBytes: 100_000 })
    control.failure = diskFull()
    for (let n = 0; n < 100; n++) {
      log.record(note(`${n}`, 10_000))
      await settle()
      expect(log.stats().queuedBytes).toBeLessThanOrEqual(100_000)
    }
    control.failure = undefined
    await log.flush()
    await log.flush()
    const { dropped, committed } = log.stats()
    const events = await stored(store)
    expect(events).toHaveLength(committed)
    expect(events.at(-1)).toMatchObject({ type: 'events_dropped', data: { count: dropped.queue_full } })
    expect((dropped.queue_full ?? 0) + committed - 1).toBe(100)
  })

  it('while the store fails, gives up events whose callers can be told before those of nobody', async () => {
    const { log, store, control } = await openLog({ maxQueueBytes: 100_000 })
    control.failure = diskFull()
    log.record(note('1', 30_000))
    const append = log.append({ type: 'custom', data: { name: 'told', pad: 'x'.repeat(60_000) } })
    const told = expect(append).rejects.toMatchObject({ code: 'AUDIT_WRITE_FAILED' })
    await settle()
    expect(log.record(note('2', 30_000))).toBeDefined()
    await told
    control.failure = undefined
    await log.flush()
    expect(await namesIn(store)).toEqual(['1', '2'])
    expect(log.stats()).toMatchObject({ dropped: {}, queuedBytes: 0, queuedEvents: 0 })
  })

  it('is reported again only after it was empty', async () => {
    const { log, control, problems } = await openLog({ maxQueueBytes: 70_000 })
    for (const episode of [1, 2]) {
      const { held, release } = hold()
      control.held = held
      for (let n = 0; n < 20; n++) log.record(note('n', 50_000))
      expect(problems).toHaveLength(episode)
      release()
      await settle()
    }
  })
})

describe('an event that cannot be sealed', () => {
  it('is counted, and the gap recorded', async () => {
    const sealer = new Sealer(() => [1, 0], 'test.example/log')
    vi.spyOn(sealer, 'seal').mockImplementationOnce(() => {
      throw new RangeError('Maximum call stack size exceeded')
    })
    const { log, store } = await openLog({ sealer })
    expect(log.record(note('lost'))).toBeUndefined()
    await settle()
    expect(log.stats().dropped).toEqual({ not_sealed: 1 })
    expect(await stored(store)).toMatchObject([{ type: 'events_dropped', data: { count: 1, reason: 'not_sealed' } }])
  })
})

describe('close', () => {
  it('makes everything durable, closes the store, and takes nothing more', async () => {
    const { log, store } = await openLog()
    const append = log.append({ type: 'custom', data: { name: 'appended' } })
    log.record(note('recorded'))
    const closing = log.close()
    expect(log.record(note('late'))).toBeUndefined()
    await expect(log.append({ type: 'custom', data: { name: 'late' } })).rejects.toMatchObject({
      code: 'AUDIT_LOG_CLOSED',
    })
    await expect(log.flush()).rejects.toMatchObject({ code: 'AUDIT_LOG_CLOSED' })
    await closing
    expect(log.close()).toBe(closing)
    expect(await append).toMatchObject({ seq: 0 })
    expect(log.stats()).toMatchObject({ committed: 2, dropped: { closed: 1 }, queuedEvents: 0 })
    await expect(store.read([0])).rejects.toMatchObject({ code: 'AUDIT_LOG_CLOSED' })
    await store.open()
    expect(await namesIn(store)).toEqual(['appended', 'recorded'])
  })

  it('waits for the commit in flight', async () => {
    const { log, store, control } = await openLog()
    const { held, release } = hold()
    control.held = held
    log.record(note('in flight'))
    await settle()
    log.record(note('queued'))
    const close = vi.spyOn(store, 'close')
    const closing = log.close()
    await settle()
    expect(close).not.toHaveBeenCalled()
    release()
    await closing
    await store.open()
    expect(await namesIn(store)).toEqual(['in flight', 'queued'])
  })

  it('tries once more to write what failed before', async () => {
    const { log, store, control } = await openLog()
    control.failure = diskFull()
    log.record(note('kept'))
    await settle()
    control.failure = undefined
    await log.close()
    await store.open()
    expect(await namesIn(store)).toEqual(['kept'])
  })

  it('says how many events are lost, settles all who wait, and closes the store all the same', async () => {
    const { log, store, control, timers } = await openLog()
    const cause = diskFull()
    control.failure = cause
    log.record(note('lost'))
    const append = log.append({ type: 'custom', data: { name: 'told' } })
    const told = expect(append).rejects.toMatchObject({ code: 'AUDIT_WRITE_FAILED', cause })
    await settle()
    const flushed = expect(log.flush()).rejects.toMatchObject({ code: 'AUDIT_WRITE_FAILED' })
    const close = vi.spyOn(store, 'close')
    await expect(log.close()).rejects.toMatchObject({
      code: 'AUDIT_WRITE_FAILED',
      message: expect.stringContaining('2 events'),
      cause,
    })
    await Promise.all([told, flushed])
    expect(close).toHaveBeenCalledTimes(1)
    expect(log.stats()).toMatchObject({ dropped: { write_failed: 2 }, queuedEvents: 0, queuedBytes: 0 })
    expect(timers.every(({ cancelled }) => cancelled)).toBe(true)
  })

  it('throws what closing the store threw; both, when writing failed too', async () => {
    const one = await openLog()
    const broken = new Error('cannot close')
    one.store.close = () => Promise.reject(broken)
    await expect(one.log.close()).rejects.toBe(broken)
    const both = await openLog()
    both.store.close = () => Promise.reject(broken)
    both.control.failure = diskFull()
    both.log.record(note('lost'))
    await expect(both.log.close()).rejects.toMatchObject({
      errors: [{ code: 'AUDIT_WRITE_FAILED' }, broken],
    })
  })
})
