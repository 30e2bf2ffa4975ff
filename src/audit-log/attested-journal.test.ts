import { cpSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { copyLive } from '../../test/support/copy-live.js'
import { appendForged, newestSegment, plantSegment, segmentsOf } from '../../test/support/forged-journal.js'
import type { HrTime } from '../events/time.js'
import type { AuditEventInput } from '../events/types.js'
import { HEAD_BYTES } from '../log/journal/journal-format.js'
import { decodeRecord } from '../log/journal/stored-record.js'
import type { AuditLogOptions } from '../log/options.js'
import { type AuditLog, openAuditLog } from './index.js'

let base: string
let images = 0
const open: AuditLog[] = []
const journalKey = Buffer.alloc(32, 9).toString('base64')
const refused = (what: string) => ({ code: 'AUDIT_LOG_CORRUPT', message: expect.stringContaining(what) })

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'spanledger-'))
})

afterEach(async () => {
  vi.unstubAllEnvs()
  await Promise.allSettled(open.splice(0).map((log) => log.close()))
  await rm(base, { recursive: true, force: true })
})

type Options = Omit<AuditLogOptions, 'store'>

const note = (name: string): AuditEventInput<'custom'> => ({ type: 'custom', data: { name } })

async function openAt(directory: string, options: Options = {}): Promise<AuditLog> {
  const log = await openAuditLog(directory, { on: { problem: () => {} }, ...options })
  open.push(log)
  return log
}

/** Leaves the directory of a process that died with three events committed and these in the journal alone. */
async function crashedLog(options: Options, ...uncommitted: string[]): Promise<string> {
  const directory = join(base, `audit-${images}`)
  const log = await openAt(directory, options)
  for (const name of ['a', 'b', 'c']) await log.append(note(name))
  for (const name of uncommitted) log.record(note(name))
  const image = join(base, `image-${images++}`)
  copyLive(directory, image)
  return image
}

const namesIn = async (log: AuditLog) => (await log.events({ type: 'custom' }).toArray()).map(({ data }) => data.name)
const recoveredIn = async (log: AuditLog) =>
  (await log.events({ type: 'events_recovered' }).toArray()).map(({ data }) => data)

/** Returns the position of each record of a segment, and the end of the last one. */
function placesIn(path: string): number[] {
  const bytes = readFileSync(path)
  const places = [HEAD_BYTES]
  for (let at: number | undefined = HEAD_BYTES; at !== undefined; at = decodeRecord(bytes, at)?.end) {
    if (at !== HEAD_BYTES) places.push(at)
  }
  return places
}

/** Puts a segment together anew from parts of itself. */
function rearrange(path: string, parts: (part: (record: number) => Buffer) => Buffer[]): void {
  const bytes = readFileSync(path)
  const places = placesIn(path)
  const part = (record: number) => bytes.subarray(places[record], places[record + 1])
  writeFileSync(path, Buffer.concat([bytes.subarray(0, HEAD_BYTES), ...parts(part)]))
}

describe('what is taken over after a crash', () => {
  it.each([
    [{}, 2],
    [{ journalKey }, 0],
  ])('is counted, once, and how much of it nothing attests (%#)', async (options, unattested) => {
    const image = await crashedLog(options, 'd', 'e')
    const log = await openAt(image, options)
    expect(log.recovery).toMatchObject({ recoveredEvents: 2, unattestedEvents: unattested })
    const [, , , d, e, statement] = await log.events().toArray()
    expect(statement).toMatchObject({
      type: 'events_recovered',
      seq: 5,
      statementOf: expect.any(String),
      data: { count: 2, unattested, from: d?.recordedAt, to: e?.recordedAt },
    })
    await log.close()
    const again = await openAt(image, options)
    expect(again.recovery).toMatchObject({ recoveredEvents: 0, unattestedEvents: 0 })
    expect(await recoveredIn(again)).toHaveLength(1)
  })

  it('is nothing after a crash without a loss, and nobody says so then', async () => {
    const log = await openAt(await crashedLog({}))
    expect(log.recovery).toMatchObject({ unclean: true, recoveredEvents: 0 })
    expect(await recoveredIn(log)).toEqual([])
  })

  it('is counted in the commit that takes it over, however many there are', async () => {
    const directory = join(base, 'audit')
    const log = await openAt(directory)
    for (let n = 0; n < 9000; n++) log.record(note(`${n}`))
    copyLive(directory, join(base, 'image'))
    const again = await openAt(join(base, 'image'))
    const statements = await recoveredIn(again)
    expect(statements.length).toBeGreaterThan(1)
    expect(statements.reduce((sum, { count }) => sum + count, 0)).toBe(9000)
    expect(again.recovery).toMatchObject({ recoveredEvents: 9000, unattestedEvents: 9000 })
  })

  it('takes the key from the environment', async () => {
    vi.stubEnv('SPANLEDGER_JOURNAL_KEY', journalKey)
    const log = await openAt(await crashedLog({}, 'd'))
    expect(log.recovery).toMatchObject({ recoveredEvents: 1, unattestedEvents: 0 })
  })
})

describe('with a journal key, what somebody else put into the journal is not taken over', () => {
  const forgeries: [string, (path: string, image: string) => void][] = [
    ['a record behind the last one', (path) => void appendForged(path, { data: { name: 'forged' } })],
    ['a record before the last one', (path) => rearrange(path, (part) => [0, 1, 2, 3, 3, 4].map(part))],
    ['a record taken out', (path) => rearrange(path, (part) => [0, 1, 2, 4, 5].map(part))],
    ['records in another order', (path) => rearrange(path, (part) => [0, 1, 2, 4, 3, 5].map(part))],
    ['the last record twice', (path) => rearrange(path, (part) => [0, 1, 2, 3, 4, 5, 5].map(part))],
    ['an earlier record again', (path) => rearrange(path, (part) => [0, 1, 2, 3, 4, 5, 0].map(part))],
    ['a segment behind the last one', (_, image) => void plantSegment(image)],
    [
      'a copy of a segment under the next number',
      (path, image) => cpSync(path, join(image, 'journal', '000002.journal')),
    ],
    [
      'a record whose caller chose its id, or not',
      (path) => {
        const bytes = readFileSync(path)
        const at = placesIn(path)[4] as number
        bytes[at] = (bytes[at] as number) ^ 0x80
        writeFileSync(path, bytes)
      },
    ],
    [
      'records without MACs',
      (path) => {
        const bytes = readFileSync(path)
        for (const at of placesIn(path).slice(0, -1)) bytes.fill(0, at + 36, at + 52)
        writeFileSync(path, bytes.toString('latin1').replace(/key .{8}/, 'key none----'), 'latin1')
      },
    ],
  ]

  it.each(forgeries)('%s', async (_, forge) => {
    const image = await crashedLog({ journalKey }, 'd', 'e', 'f')
    const path = newestSegment(image)
    forge(path, image)
    const found = readFileSync(path)
    await expect(openAt(image, { journalKey })).rejects.toMatchObject(refused('.journal'))
    expect(readFileSync(path)).toEqual(found)

    const log = await openAt(image, { journalKey, damagedJournal: 'discard' })
    const names = await namesIn(log)
    expect(names).not.toContain('forged')
    expect(['a', 'b', 'c', 'd', 'e', 'f'].filter((name) => names.includes(String(name)))).toEqual(names)
    expect(log.recovery.unattestedEvents).toBe(0)
    expect(log.recovery.setAside?.files).toBeGreaterThan(0)
    expect(await log.events({ type: 'events_dropped' }).count()).toBeGreaterThan(0)
    const [folder] = readdirSync(join(image, 'journal', 'aside'))
    expect(readdirSync(join(image, 'journal', 'aside', String(folder))).length).toBe(log.recovery.setAside?.files)
  })

  it('a journal of another log, or of another key', async () => {
    const image = await crashedLog({ journalKey }, 'd')
    const other = await crashedLog({ journalKey }, 'x')
    copyLive(join(other, 'journal'), join(image, 'journal'))
    await expect(openAt(image, { journalKey })).rejects.toMatchObject(refused('not attested by the journal key'))
    const anotherKey = Buffer.alloc(32, 1)
    await expect(openAt(other, { journalKey: anotherKey })).rejects.toMatchObject(refused('the file is of the key'))
  })

  it('records that were written without a key: who opened the log before had none', async () => {
    const image = await crashedLog({}, 'd')
    await expect(openAt(image, { journalKey })).rejects.toMatchObject(refused('the file is of no key'))
    const log = await openAt(image)
    expect(log.recovery).toMatchObject({ recoveredEvents: 1, unattestedEvents: 1 })
  })

  it('and what was being written when the process died is no forgery', async () => {
    const image = await crashedLog({ journalKey }, 'd', 'e')
    const path = newestSegment(image)
    truncateSync(path, readFileSync(path).length - 30)
    const log = await openAt(image, { journalKey })
    expect(await namesIn(log)).toEqual(['a', 'b', 'c', 'd'])
    expect(log.recovery).toMatchObject({ gaps: 0, unattestedEvents: 0 })
  })

  it('while damage costs no record but its own: the one behind attests the next', async () => {
    const image = await crashedLog({ journalKey }, 'd', 'e', 'f', 'g')
    const path = newestSegment(image)
    const bytes = readFileSync(path)
    const at = (placesIn(path)[4] as number) + 100
    bytes[at] = (bytes[at] as number) ^ 1
    writeFileSync(path, bytes)
    const log = await openAt(image, { journalKey, damagedJournal: 'discard' })
    expect(await namesIn(log)).toEqual(['a', 'b', 'c', 'd', 'f', 'g'])
    expect(log.recovery).toMatchObject({ gaps: 1, unattestedEvents: 0 })
  })

  it('and the records of many sessions and segments are its own', async () => {
    let image = await crashedLog({ journalKey }, 'd')
    for (const name of ['e', 'f', 'g']) {
      const log = await openAt(image, { journalKey })
      log.record(note(name))
      const next = join(base, `session-${name}`)
      copyLive(image, next)
      image = next
    }
    const log = await openAt(image, { journalKey })
    expect(await namesIn(log)).toEqual(['a', 'b', 'c', 'd', 'e', 'f', 'g'])
    expect((await recoveredIn(log)).every(({ unattested }) => unattested === 0)).toBe(true)
    expect(segmentsOf(image).length).toBeGreaterThan(1)
  })
})

describe('a record that is older than the log', () => {
  const at = (seconds: number) => (): HrTime => [seconds, 0]
  const later = at(1_795_300_506)

  it('is attested by nothing, and on record as such', async () => {
    const image = await crashedLog({ clock: later }, 'd')
    appendForged(newestSegment(image), { data: { name: 'forged' }, time: '2026-01-05T00:00:00Z' })
    const log = await openAt(image, { clock: later })
    expect(await recoveredIn(log)).toMatchObject([{ count: 2, unattested: 2, to: '2026-01-05T00:00:00.000000000Z' }])
  })

  it('is attested when the log has said that its clock was set back', async () => {
    let seconds = 1_795_300_506
    const clock = (): HrTime => [seconds, 0]
    const directory = join(base, 'audit')
    const log = await openAt(directory, { clock, journalKey })
    await log.append(note('a'))
    seconds -= 3600
    log.record(note('b'))
    copyLive(directory, join(base, 'image'))
    const again = await openAt(join(base, 'image'), { clock, journalKey })
    expect((await again.events().toArray()).map(({ type }) => type)).toEqual([
      'custom',
      'clock_stepped',
      'custom',
      'events_recovered',
    ])
    expect(again.recovery).toMatchObject({ recoveredEvents: 2, unattestedEvents: 0 })
  })
})

describe('statements that no journal holds', () => {
  it.each(['signing_key_changed', 'events_recovered', 'audit_log_diverged', 'journal_set_aside'] as const)(
    '%s is damage there, with a key or without',
    async (type) => {
      const image = await crashedLog({}, 'd')
      const forged = { type, statementOf: 'spanledger.local/x', data: {} } as unknown as Parameters<
        typeof appendForged
      >[1]
      appendForged(newestSegment(image), forged)
      await expect(openAt(image)).rejects.toMatchObject(refused('is no event of this log'))
    },
  )

  it('nor does it hold what is no event, with a right leaf hash', async () => {
    for (const event of [{ tenantId: 5 }, { recordedAt: 'now' }, { type: '' }, { agent: null }, { id: ['x'] }]) {
      const image = await crashedLog({}, 'd')
      appendForged(newestSegment(image), event as unknown as Parameters<typeof appendForged>[1])
      await expect(openAt(image)).rejects.toMatchObject(refused('is no event of this log'))
    }
  })
})
