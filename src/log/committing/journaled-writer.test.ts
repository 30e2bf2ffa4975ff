import fs from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { AMPLE } from '../../../test/support/ample.js'

import { namesIn } from '../../../test/support/held-log.js'
import { nameOf, note, useJournaledLogs } from '../../../test/support/journaled-log.js'

const { openLog, left, journalDirectory } = useJournaledLogs()

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
    const rejected = expect(append).rejects.toMatchObject({ code: 'AUDIT_WRITE_FAILED' })
    await expect(log.close()).rejects.toMatchObject({ message: expect.stringContaining('2 events in the journal') })
    await rejected
    expect(log.counters().dropped).toEqual({})
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
    await vi.waitFor(async () => expect((await readdir(journalDirectory())).length).toBe(3), AMPLE)
    expect(log.counters().journalBytes).toBeLessThan(4 * 4096)
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
      expect(log.counters().queuedBytes).toBeLessThanOrEqual(70_000)
    }
    expect(log.counters()).toMatchObject({ queuedEvents: 500, dropped: {} })
    expect(log.counters().spilledEvents).toBeGreaterThan(400)
    const flush = log.flush()
    release()
    expect((await Promise.all(appends)).map(({ seq }) => seq)).toEqual(appends.map((_, at) => at * 50 + 7))
    await flush
    expect(await namesIn(store)).toEqual(Array.from({ length: 500 }, (_, n) => `${n}`))
    expect(log.counters()).toMatchObject({ queuedEvents: 0, queuedBytes: 0, spilledEvents: 0, committed: 500 })
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
    const [name] = await readdir(journalDirectory())
    const file = fs.openSync(join(journalDirectory(), name as string), 'r+')
    fs.writeSync(file, 'damage', 90_000)
    fs.closeSync(file)
    await expect(log.flush()).rejects.toMatchObject({ message: expect.stringMatching(/000001.journal is damaged/) })
    expect(log.health()).toMatchObject({ status: 'failing', store: 'failing', journal: 'ok' })
    expect(problems).toHaveLength(2)
  })
})
