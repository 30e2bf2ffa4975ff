import { appendFile, mkdtemp, readdir, readFile, rm, stat, truncate, unlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { AMPLE } from '../../test/support/ample.js'
import { copyLive } from '../../test/support/copy-live.js'
import type { AuditEventInput } from '../events/types.js'
import { type AuditLogOptions, resolveOptions } from '../log/options.js'
import { levelStore } from '../store/leveldb/index.js'
import { type AuditLog, openAuditLog } from './index.js'
import { openLog } from './open-log.js'

let base: string
let images = 0
const open: AuditLog[] = []

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'spanledger-'))
})

afterEach(async () => {
  await Promise.allSettled(open.splice(0).map((log) => log.close()))
  await rm(base, { recursive: true, force: true })
})

const note = (name: string): AuditEventInput<'custom'> => ({ type: 'custom', data: { name } })

async function openAt(directory: string, options?: Omit<AuditLogOptions, 'store'>): Promise<AuditLog> {
  const log = await openAuditLog(directory, { on: { problem: () => {} }, ...options })
  open.push(log)
  return log
}

/** What a process would leave behind that died just now. Everything up to here happened in one go. */
function crashImage(): string {
  images++
  const image = join(base, `image-${images}`)
  copyLive(join(base, 'audit'), image)
  return image
}

const namesIn = async (log: AuditLog) => (await log.events({ type: 'custom' }).toArray()).map(({ data }) => data.name)
const segmentsOf = async (directory: string) => (await readdir(join(directory, 'journal'))).sort()
const newestSegment = async (directory: string) =>
  join(directory, 'journal', (await segmentsOf(directory)).at(-1) as string)

/** A crash image with three events committed and `uncommitted` in the journal alone. */
async function crashedLog(...uncommitted: string[]): Promise<string> {
  const log = await openAt(join(base, 'audit'))
  for (const name of ['a', 'b', 'c']) await log.append(note(name))
  for (const name of uncommitted) log.record(note(name))
  return crashImage()
}

describe('after the process died', () => {
  it('what was recorded is there, once, in order', async () => {
    const image = await crashedLog('d', 'e')
    for (const { unclean, replayedEvents } of [
      { unclean: true, replayedEvents: 2 },
      { unclean: false, replayedEvents: 0 },
    ]) {
      const log = await openAt(image)
      expect(log.recovery).toMatchObject({ unclean, replayedEvents, tornBytes: 0, gaps: 0, interruptedRuns: 0 })
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
    expect(log.recovery.replayedEvents).toBeGreaterThan(0)
    expect(log.recovery.replayedEvents).toBeLessThan(names.length)
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

describe('a journal whose end was being written', () => {
  it.each([1, 10, 40, 100])('is cut where %i bytes are missing, and says so', async (missing) => {
    const image = await crashedLog('d', 'e')
    const segment = await newestSegment(image)
    await truncate(segment, (await stat(segment)).size - missing)
    const log = await openAt(image)
    expect(await namesIn(log)).toEqual(['a', 'b', 'c', 'd'])
    expect(log.recovery).toMatchObject({ replayedEvents: 1, gaps: 0 })
    expect(log.recovery.tornBytes).toBeGreaterThan(0)
    await log.append(note('f'))
    await log.close()
    expect(await namesIn(await openAt(image))).toEqual(['a', 'b', 'c', 'd', 'f'])
  })

  it('may end within the head of a segment', async () => {
    const image = await crashedLog('d')
    for (const beginning of ['', 'spanl', 'spanledger journal 2\nafter 00']) {
      const next = join(image, 'journal', `${String((await segmentsOf(image)).length + 1).padStart(6, '0')}.journal`)
      await writeFile(next, beginning)
      const log = await openAt(image)
      expect(await namesIn(log)).toEqual(['a', 'b', 'c', 'd'])
      await log.close()
    }
  })
})

describe('a journal that is damaged', () => {
  const refused = (what: string) => ({ code: 'AUDIT_LOG_CORRUPT', message: expect.stringContaining(what) })

  /** Flips a bit of the newest segment, counted from its end. */
  async function flip(image: string, fromEnd: number): Promise<void> {
    const segment = await newestSegment(image)
    const bytes = await readFile(segment)
    const at = bytes.length - fromEnd
    bytes[at] = (bytes[at] as number) ^ 4
    await writeFile(segment, bytes)
  }

  it('is refused, naming file and byte, wherever a bit of what is not committed was flipped', async () => {
    const image = await crashedLog('d', 'e', 'f')
    const segment = await newestSegment(image)
    const whole = await readFile(segment)
    const length = Math.floor((whole.length - whole.indexOf('"d"')) / 3)
    const uncommitted = 3 * length
    for (const fromEnd of [5, length / 2, length - 40, length - 1, length, length + 3, 2 * length, uncommitted - 60]) {
      await flip(image, Math.floor(fromEnd))
      await expect(openAt(image)).rejects.toMatchObject(refused('000001.journal is damaged at byte'))
      await writeFile(segment, whole)
    }
    expect(await namesIn(await openAt(image))).toEqual(['a', 'b', 'c', 'd', 'e', 'f'])
  })

  it('goes on without it when told to, and records the gap in its place', async () => {
    const image = await crashedLog('d', 'e', 'f')
    const bytes = await readFile(await newestSegment(image))
    await flip(image, bytes.length - bytes.indexOf('"e"'))
    const log = await openAt(image, { damagedJournal: 'discard' })
    expect(await namesIn(log)).toEqual(['a', 'b', 'c', 'd', 'f'])
    expect(log.recovery).toMatchObject({ replayedEvents: 2, gaps: 1 })
    const [gap] = await log.events({ type: 'events_dropped' }).toArray()
    expect(gap).toMatchObject({ seq: 4, data: { count: 1, reason: 'journal_damaged' } })
    const around = await log.events({ type: 'custom' }).toArray()
    expect(gap?.data).toMatchObject({ from: around[3]?.recordedAt, to: around[4]?.recordedAt })
  })

  it('is refused when bytes of another kind follow, unless told to go on', async () => {
    const image = await crashedLog('d')
    await appendFile(await newestSegment(image), Buffer.alloc(500))
    await expect(openAt(image)).rejects.toMatchObject(refused('000001.journal'))
    const log = await openAt(image, { damagedJournal: 'discard' })
    expect(await namesIn(log)).toEqual(['a', 'b', 'c', 'd'])
    expect(await log.events({ type: 'events_dropped' }).count()).toBe(1)
  })

  it('is refused when the file is gone that has what is not committed', async () => {
    const image = await crashedLog('d')
    await unlink(await newestSegment(image))
    await expect(openAt(image)).rejects.toMatchObject(refused('000001.journal is missing'))
    const log = await openAt(image, { damagedJournal: 'discard' })
    expect(await namesIn(log)).toEqual(['a', 'b', 'c'])
    expect(await log.events({ type: 'events_dropped' }).toArray()).toMatchObject([
      { data: { reason: 'journal_damaged', count: 1 } },
    ])
  })

  it('is refused when it is of a version from the future', async () => {
    const image = await crashedLog('d')
    const segment = await newestSegment(image)
    await writeFile(segment, (await readFile(segment, 'latin1')).replace('journal 2', 'journal 3'), 'latin1')
    await expect(openAt(image)).rejects.toMatchObject({ code: 'AUDIT_FORMAT_UNSUPPORTED' })
  })

  it('after a loss of power goes on, and records the gap', async () => {
    const image = await crashedLog('d', 'e', 'f')
    const segment = await newestSegment(image)
    const text = (await readFile(segment, 'latin1')).replace(/boot .{36}/, `boot ${'0'.repeat(36)}`)
    const at = text.indexOf('"e"')
    await writeFile(segment, text.slice(0, at - 60) + '\0'.repeat(60) + text.slice(at), 'latin1')
    const log = await openAt(image)
    expect(await namesIn(log)).toEqual(['a', 'b', 'c', 'd', 'f'])
    expect(await log.events({ type: 'events_dropped' }).toArray()).toMatchObject([
      { seq: 4, data: { reason: 'power_lost', count: 1 } },
    ])
  })
})

describe("LevelDB's own log", () => {
  const logOf = async (directory: string) => {
    const names = await readdir(join(directory, 'entries'))
    return join(directory, 'entries', names.filter((name) => name.endsWith('.log')).at(-1) as string)
  }

  it.each(['cut', 'emptied', 'deleted'])('is made up for from the journal when it was %s', async (how) => {
    const log = await openAt(join(base, 'audit'))
    for (let n = 0; n < 200; n++) await log.append(note(`${n}`))
    await log.close()
    const image = crashImage()
    const file = await logOf(image)
    if (how === 'deleted') await unlink(file)
    else await truncate(file, how === 'cut' ? Math.floor((await stat(file)).size / 2) : 0)
    const again = await openAt(image)
    expect(await namesIn(again)).toEqual(Array.from({ length: 200 }, (_, n) => `${n}`))
    expect(again.recovery.replayedEvents).toBeGreaterThan(50)
  })

  it('is refused when it lost what the journal does not have either', async () => {
    const log = await openAt(join(base, 'audit'), { durability: 'flush-only' })
    for (let n = 0; n < 20; n++) await log.append(note(`${n}`))
    await log.close()
    const image = crashImage()
    const file = await logOf(image)
    await truncate(file, Math.floor((await stat(file)).size / 2))
    await expect(openAt(image)).rejects.toMatchObject({
      code: 'AUDIT_LOG_CORRUPT',
      message: expect.stringMatching(/of the 20 entries that were committed, the last \d+ are missing/),
    })
  })

  it('is refused when it has a hole', async () => {
    const log = await openAt(join(base, 'audit'))
    for (let n = 0; n < 300; n++) await log.append(note(`${n}`))
    await log.close()
    const image = crashImage()
    const file = await logOf(image)
    const bytes = await readFile(file)
    bytes.fill(7, 40_000, 40_100)
    await writeFile(file, bytes)
    await expect(openAt(image)).rejects.toMatchObject({
      code: 'AUDIT_LOG_CORRUPT',
      message: expect.stringMatching(/entry \d+ of 300 is missing/),
    })
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
