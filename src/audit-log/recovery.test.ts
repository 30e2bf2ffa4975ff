import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { AMPLE } from '../../test/support/ample.js'
import { copyLive } from '../../test/support/copy-live.js'
import {
  base,
  crashedLog,
  crashImage,
  namesIn,
  note,
  openAt,
  segmentsOf,
  useLogDirectory,
} from '../../test/support/log-directory.js'
import type { AuditEventInput } from '../events/types.js'
import { resolveOptions } from '../log/options.js'
import { levelStore } from '../store/leveldb/index.js'
import { openLog } from './open-log.js'

useLogDirectory()

describe('after the process died', () => {
  it('what was recorded is there, once, in order', async () => {
    const image = await crashedLog('d', 'e')
    for (const { unclean, recoveredEvents } of [
      { unclean: true, recoveredEvents: 2 },
      { unclean: false, recoveredEvents: 0 },
    ]) {
      const log = await openAt(image)
      expect(log.recovery).toMatchObject({ unclean, recoveredEvents, tornBytes: 0, gaps: 0, interruptedRuns: 0 })
      expect(await namesIn(log)).toEqual(['a', 'b', 'c', 'd', 'e'])
      await log.close()
    }
  })

  it('what was recorded in the very first moment is there', async () => {
    const log = await openAt(join(base, 'audit'))
    log.record(note('a'))
    const recovered = await openAt(crashImage())
    expect(await namesIn(recovered)).toEqual(['a'])
  })

  it('an event with an id of the caller is still stored once', async () => {
    const log = await openAt(join(base, 'audit'))
    const appended = log.append({ ...note('a'), id: 'mine' })
    const recovered = await openAt(crashImage())
    expect(await recovered.append({ ...note('a'), id: 'mine' })).toEqual(await appended)
    expect(await recovered.events({ type: 'custom' }).count()).toBe(1)
  })

  it('dying while it recovers does nothing twice', async () => {
    let image = await crashedLog('d')
    for (let death = 0; death < 3; death++) {
      const copy = join(base, `recovering-${death}`)
      const log = await openAt(image)
      // Old segments are deleted behind the opening's back.
      await vi.waitFor(async () => expect((await segmentsOf(image)).length).toBeLessThan(4), AMPLE)
      copyLive(image, copy)
      await log.close()
      image = copy
    }
    expect(await namesIn(await openAt(image))).toEqual(['a', 'b', 'c', 'd'])
  })

  it('a recovery that is stopped leaves the rest to the next opening, and nothing is there twice', async () => {
    const names = Array.from({ length: 5_000 }, (_, at) => `event-${at}`)
    const image = await crashedLog(...names)
    const stopping = new AbortController()
    const store = levelStore(image)
    const commit = store.commit.bind(store)
    store.commit = async (...given) => {
      const receipt = await commit(...given)
      stopping.abort()
      return receipt
    }
    const directory = { number: 0, path: image }
    const part = {
      location: image,
      directory,
      use: 'recovering',
      namedAfter: undefined,
      signal: stopping.signal,
    } as const
    await expect(openLog(store, image, resolveOptions({}), part)).rejects.toThrow('aborted')
    const log = await openAt(image)
    expect(log.recovery.recoveredEvents).toBeGreaterThan(0)
    expect(log.recovery.recoveredEvents).toBeLessThan(names.length)
    expect(await namesIn(log)).toEqual(['a', 'b', 'c', ...names])
    expect((await log.verify()).problems).toEqual([])
  })

  it('also a log that is opened without a journal takes what the journal has', async () => {
    const image = await crashedLog('d')
    const without = await openAt(image, { durability: 'flush-only' })
    expect(await namesIn(without)).toEqual(['a', 'b', 'c', 'd'])
    expect(await segmentsOf(image)).toEqual([])
    await without.append(note('e'))
    await without.close()
    const again = await openAt(image)
    expect(again.recovery.unclean).toBe(false)
    again.record(note('f'))
    await again.flush()
    expect(await namesIn(again)).toEqual(['a', 'b', 'c', 'd', 'e', 'f'])
  })
})

describe('runs that were open', () => {
  const start = (runId: string, tenantId = 'acme') =>
    ({
      type: 'run_started',
      runId,
      tenantId,
      sessionId: 's-1',
      parentRunId: 'p-1',
      data: { agent: { name: 'planner' } },
      agent: { name: 'planner' },
    }) satisfies AuditEventInput

  it('are marked once, with what was seen last of them', async () => {
    const log = await openAt(join(base, 'audit'))
    log.record(start('r-1'))
    log.record(start('r-1', 'other'))
    log.record(start('ended'))
    log.record({ type: 'agent_handoff', runId: 'r-1', tenantId: 'acme', sessionId: 's-1', data: { to: 'writer' } })
    log.record({ type: 'run_cancelled', runId: 'ended', tenantId: 'acme', sessionId: 's-1', data: { reason: 'x' } })
    log.record({ ...note('of the other'), runId: 'r-1', tenantId: 'other', sessionId: 's-1' })
    const image = crashImage()
    for (const interruptedRuns of [2, 0]) {
      const recovered = await openAt(image)
      expect(recovered.recovery.interruptedRuns).toBe(interruptedRuns)
      const marks = await recovered.events({ type: 'run_interrupted' }).toArray()
      expect(marks).toMatchObject([
        {
          runId: 'r-1',
          tenantId: 'acme',
          sessionId: 's-1',
          parentRunId: 'p-1',
          agent: { name: 'planner' },
          data: { reason: 'process_died', lastEvent: { type: 'agent_handoff', seq: 3 } },
        },
        { runId: 'r-1', tenantId: 'other', data: { lastEvent: { type: 'custom', seq: 5 } } },
      ])
      const [first] = await recovered.events({ type: 'run_started' }).toArray()
      expect(marks[0]?.data).toMatchObject({ startedAt: first?.time })
      expect((await recovered.run('r-1', { tenantId: 'acme' }))?.status).toBe('interrupted')
      await recovered.close()
    }
  })

  it('are not marked when the log was closed', async () => {
    const log = await openAt(join(base, 'audit'))
    log.record(start('r-1'))
    await log.close()
    const again = await openAt(join(base, 'audit'))
    expect(again.recovery).toMatchObject({ unclean: false, interruptedRuns: 0 })
    expect(await again.events({ type: 'run_interrupted' }).count()).toBe(0)
  })
})

describe('the head beside the database', () => {
  it('is refused when it is malformed, or tells of another entry', async () => {
    const log = await openAt(join(base, 'audit'))
    await log.append(note('a'))
    await log.close()
    const head = join(base, 'audit', 'head')
    const text = await readFile(head, 'latin1')
    for (const altered of [
      text.replace('head 1', 'head x'),
      text.replace(/leaf .{4}/, 'leaf 0000'),
      text.slice(0, 30),
    ]) {
      await writeFile(head, altered)
      await expect(openAt(join(base, 'audit'))).rejects.toMatchObject({ code: 'AUDIT_LOG_CORRUPT' })
    }
    for (const lost of ['', '\0'.repeat(text.length), text]) {
      await writeFile(head, lost)
      await (await openAt(join(base, 'audit'))).close()
    }
  })
})
