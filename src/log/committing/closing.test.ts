import { describe, expect, it, vi } from 'vitest'
import { diskFull, namesIn, note, openCommittingLog, openHeldLog, settle } from '../../../test/support/held-log.js'

describe('close', () => {
  it('makes everything durable, closes the store, and takes nothing more', async () => {
    const { log, store } = await openHeldLog()
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
    expect(log.counters()).toMatchObject({ committed: 2, dropped: { closed: 1 }, queuedEvents: 0 })
    await expect(store.read([0])).rejects.toMatchObject({ code: 'AUDIT_LOG_CLOSED' })
    await store.open()
    expect(await namesIn(store)).toEqual(['appended', 'recorded'])
  })

  it('waits for the commit in flight', async () => {
    const { log, store, release } = await openCommittingLog()
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
    const { log, store, control } = await openHeldLog()
    control.failure = diskFull()
    log.record(note('kept'))
    await settle()
    control.failure = undefined
    await log.close()
    await store.open()
    expect(await namesIn(store)).toEqual(['kept'])
  })

  it('says how many events are lost, settles all who wait, and closes the store all the same', async () => {
    const { log, store, control, timers } = await openHeldLog()
    const cause = diskFull()
    control.failure = cause
    log.record(note('lost'))
    const append = log.append({ type: 'custom', data: { name: 'awaited' } })
    const rejected = expect(append).rejects.toMatchObject({ code: 'AUDIT_WRITE_FAILED', cause })
    await settle()
    const flushed = expect(log.flush()).rejects.toMatchObject({ code: 'AUDIT_WRITE_FAILED' })
    const close = vi.spyOn(store, 'close')
    await expect(log.close()).rejects.toMatchObject({
      code: 'AUDIT_WRITE_FAILED',
      message: expect.stringContaining('2 events'),
      cause,
    })
    await Promise.all([rejected, flushed])
    expect(close).toHaveBeenCalledTimes(1)
    expect(log.counters()).toMatchObject({ dropped: { write_failed: 2 }, queuedEvents: 0, queuedBytes: 0 })
    expect(timers.every(({ cancelled }) => cancelled)).toBe(true)
  })

  it('throws what closing the store threw; both, when writing failed too', async () => {
    const one = await openHeldLog()
    const broken = new Error('cannot close')
    one.store.close = () => Promise.reject(broken)
    await expect(one.log.close()).rejects.toBe(broken)
    const both = await openHeldLog()
    both.store.close = () => Promise.reject(broken)
    both.control.failure = diskFull()
    both.log.record(note('lost'))
    await expect(both.log.close()).rejects.toMatchObject({
      errors: [{ code: 'AUDIT_WRITE_FAILED' }, broken],
    })
  })
})
