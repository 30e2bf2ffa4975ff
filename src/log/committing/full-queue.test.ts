import * as v from 'valibot'
import { describe, expect, it, vi } from 'vitest'
import { diskFull, hold, namesIn, note, openHeldLog, settle, stored } from '../../../test/support/held-log.js'
import { catalogue } from '../../events/catalogue.js'
import { Sealer } from '../sealing/seal.js'

describe('a full queue', () => {
  it('drops records, rejects appends, and records the gap once there is room', async () => {
    const { log, store, control, problems } = await openHeldLog({ maxQueueBytes: 70_000 })
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
    expect(log.counters()).toMatchObject({ recorded: 1, dropped: { queue_full: 3 } })
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
    const { log, store, control } = await openHeldLog({ maxQueueBytes: 100_000 })
    control.failure = diskFull()
    for (let n = 0; n < 100; n++) {
      log.record(note(`${n}`, 10_000))
      await settle()
      expect(log.counters().queuedBytes).toBeLessThanOrEqual(100_000)
    }
    control.failure = undefined
    await log.flush()
    await log.flush()
    const { dropped, committed } = log.counters()
    const events = await stored(store)
    expect(events).toHaveLength(committed)
    expect(events.at(-1)).toMatchObject({ type: 'events_dropped', data: { count: dropped.queue_full } })
    expect((dropped.queue_full ?? 0) + committed - 1).toBe(100)
  })

  it('while the store fails, gives up events whose callers can know before those of nobody', async () => {
    const { log, store, control } = await openHeldLog({ maxQueueBytes: 100_000 })
    control.failure = diskFull()
    log.record(note('1', 30_000))
    const append = log.append({ type: 'custom', data: { name: 'awaited', pad: 'x'.repeat(60_000) } })
    const rejected = expect(append).rejects.toMatchObject({ code: 'AUDIT_WRITE_FAILED' })
    await settle()
    expect(log.record(note('2', 30_000))).toBeDefined()
    await rejected
    control.failure = undefined
    await log.flush()
    expect(await namesIn(store)).toEqual(['1', '2'])
    expect(log.counters()).toMatchObject({ dropped: {}, queuedBytes: 0, queuedEvents: 0 })
  })

  it('is reported again only after it was empty', async () => {
    const { log, control, problems } = await openHeldLog({ maxQueueBytes: 70_000 })
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
    const { log, store } = await openHeldLog({ sealer })
    expect(log.record(note('lost'))).toBeUndefined()
    await settle()
    expect(log.counters().dropped).toEqual({ not_sealed: 1 })
    expect(await stored(store)).toMatchObject([{ type: 'events_dropped', data: { count: 1, reason: 'not_sealed' } }])
  })
})
