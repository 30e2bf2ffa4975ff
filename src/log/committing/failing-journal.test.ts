import fs, { existsSync, renameSync, rmSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'

import { namesIn, stored } from '../../../test/support/held-log.js'
import { failWrites, nameOf, note, useJournaledLogs } from '../../../test/support/journaled-log.js'

const { openLog, left, journalDirectory } = useJournaledLogs()

describe('a journal that cannot be written', () => {
  it('leaves events to memory, is reported once, and works again by itself', async () => {
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
    expect(log.counters().dropped).toEqual({})
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
    expect(await readdir(journalDirectory())).toEqual(['000001.journal', '000002.journal'])
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
    expect(log.counters().spilledEvents).toBeGreaterThan(60)
    expect(log.counters().queuedBytes).toBeLessThanOrEqual(35_000)
    failWrites()
    const taken = Array.from({ length: 100 }, (_, n) => log.record(note(`${100 + n}`, 1000))).filter(Boolean).length
    expect(taken).toBeGreaterThan(25)
    expect(log.counters().queuedBytes).toBeLessThanOrEqual(70_000)
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
    expect(log.counters().dropped).toEqual({ journal_failed: 100 - taken })
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
    rmSync(join(journalDirectory(), '000001.journal'))
    await log.flush()
    expect(log.health()).toMatchObject({ journal: 'failing', cause: { message: expect.stringContaining('removed') } })
    log.record(note('2'))
    expect(log.health().status).toBe('ok')
    expect(existsSync(join(journalDirectory(), '000002.journal'))).toBe(true)
    expect(left(store).map(({ event }) => nameOf(event))).toEqual(['2'])
  })

  it('is noticed when its journalDirectory() was moved away, and works again when that is back', async () => {
    const { log, store } = await openLog()
    const away = `${journalDirectory()}-away`
    renameSync(journalDirectory(), away)
    rmSync(join(away, '000001.journal'))
    log.record(note('1'))
    await log.flush()
    log.record(note('2'))
    expect(log.health().journal).toBe('failing')
    renameSync(away, journalDirectory())
    log.record(note('3'))
    expect(log.health().journal).toBe('ok')
    await log.flush()
    expect(await namesIn(store)).toEqual(['1', '2', '3'])
  })
})
