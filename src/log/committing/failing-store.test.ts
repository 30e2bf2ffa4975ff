import { describe, expect, it, vi } from 'vitest'
import { diskFull, namesIn, note, openHeldLog, settle } from '../../../test/support/held-log.js'
import { LogEmitter } from '../log-emitter.js'
import { FIRST_RETRY_DELAY_MILLIS, LAST_RETRY_DELAY_MILLIS } from '../retry-delay.js'

describe('a store that fails', () => {
  it('gets the same group again, in order, after delays that double up to a limit', async () => {
    const { log, store, control, timers } = await openHeldLog()
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
    expect(log.counters()).toMatchObject({ queuedEvents: 3, committed: 0, dropped: {} })
    control.failure = undefined
    timers.at(-1)?.callback()
    expect(await append).toMatchObject({ seq: 1 })
    await log.flush()
    expect(await namesIn(store)).toEqual(['1', '2', '3'])
  })

  it('makes flush reject with the cause, and keeps the entries', async () => {
    const { log, store, control } = await openHeldLog()
    const cause = diskFull()
    control.failure = cause
    log.record(note('kept'))
    await expect(log.flush()).rejects.toMatchObject({ code: 'AUDIT_WRITE_FAILED', cause })
    expect(log.counters().queuedEvents).toBe(1)
    control.failure = undefined
    await log.flush()
    expect(await namesIn(store)).toEqual(['kept'])
  })

  it('is tried again at once by flush', async () => {
    const { log, control, timers } = await openHeldLog()
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
    const { log, control } = await openHeldLog({ emitter: new LogEmitter({ problem: listener }) })
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
    const { log, store, timers } = await openHeldLog()
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
    const opened = await openHeldLog({
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
    const { log, store } = await openHeldLog()
    store.commit = () => {
      throw 'broken'
    }
    log.record(note('n'))
    await expect(log.flush()).rejects.toMatchObject({ code: 'AUDIT_WRITE_FAILED', cause: 'broken' })
  })
})
