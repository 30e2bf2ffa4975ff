import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { copyLive } from '../../test/support/copy-live.js'
import { appendForged, newestSegment, plantSegment, segmentsOf } from '../../test/support/forged-journal.js'
import type { AuditEventInput } from '../events/types.js'
import { pendingEvents } from '../log/journal/pending.js'
import type { AuditLogOptions } from '../log/options.js'
import { levelStore } from '../store/leveldb/index.js'
import { type AuditLog, openAuditLog } from './index.js'

let base: string
let directory: string
let problems: Error[]
const open: AuditLog[] = []

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'spanledger-'))
  directory = join(base, 'audit')
  problems = []
})

afterEach(async () => {
  await Promise.allSettled(open.splice(0).map((log) => log.close()))
  await rm(base, { recursive: true, force: true })
})

const note = (name: string): AuditEventInput<'custom'> => ({ type: 'custom', data: { name } })

async function openLog(options: Omit<AuditLogOptions, 'store'> = {}): Promise<AuditLog> {
  const log = await openAuditLog(directory, { on: { problem: (problem) => problems.push(problem) }, ...options })
  open.push(log)
  return log
}

/** A log of three events that was closed in order. */
async function closedLog(options: Omit<AuditLogOptions, 'store'> = {}): Promise<void> {
  const log = await openLog(options)
  for (const name of ['a', 'b', 'c']) log.record(note(name))
  await log.close()
}

const namesIn = async (log: AuditLog) => (await log.events({ type: 'custom' }).toArray()).map(({ data }) => data.name)

/** Every file below `journal/aside`, by the path below it. */
function aside(): Map<string, Buffer> {
  const root = join(directory, 'journal', 'aside')
  if (!existsSync(root)) return new Map()
  const names = readdirSync(root, { recursive: true, encoding: 'utf8' })
  return new Map(names.filter((name) => name.includes('/')).map((name) => [name, readFileSync(join(root, name))]))
}

/** Expects the log to have its old content, and one record that somebody wrote to its journal. */
async function expectSetAside(files: number, bytes: number, options: Omit<AuditLogOptions, 'store'> = {}) {
  const log = await openLog(options)
  expect(log.recovery).toMatchObject({ unclean: false, recoveredEvents: 0, gaps: 0, setAside: { files, bytes } })
  expect(problems).toMatchObject([{ code: 'AUDIT_LOG_CORRUPT', message: expect.stringContaining('journal/aside') }])
  const statements = await log.events({ type: 'journal_set_aside' }).toArray()
  expect(statements).toMatchObject([{ statementOf: expect.any(String), data: { files, bytes } }])
  expect(await log.events({ type: 'events_recovered' }).count()).toBe(0)
  await log.append(note('next'))
  expect(await namesIn(log)).toEqual(['a', 'b', 'c', 'next'])
  await log.close()
  problems = []
  const again = await openLog(options)
  expect(again.recovery.setAside).toBeUndefined()
  expect(await namesIn(again)).toEqual(['a', 'b', 'c', 'next'])
  expect(await again.events({ type: 'journal_set_aside' }).count()).toBe(1)
  expect(problems).toEqual([])
  await again.close()
}

describe('after a log was closed in order, what is found in its journal is no part of it', () => {
  it.each([{}, { journalKey: Buffer.alloc(32, 1) }, { signer: false as const }])(
    'a record behind the last one (%j)',
    async (options) => {
      await closedLog(options)
      const path = newestSegment(directory)
      const own = readFileSync(path)
      const bytes = appendForged(path, { data: { name: 'forged' }, time: '2026-01-01T00:00:00Z' })
      const found = readFileSync(path)
      await expectSetAside(1, bytes, options)
      expect([...aside().values()]).toEqual([found])
      expect(readFileSync(path)).toEqual(own)
    },
  )

  it('bytes that are no record, and part of one', async () => {
    await closedLog()
    const path = newestSegment(directory)
    writeFileSync(path, Buffer.alloc(7, 'x'), { flag: 'a' })
    await expectSetAside(1, 7)
  })

  it('files behind the last one, whatever they hold', async () => {
    await closedLog()
    const planted = [plantSegment(directory), plantSegment(directory, {}, 4)]
    const next = join(directory, 'journal', '000004.journal')
    writeFileSync(next, 'spanledger journal 99\n'.padEnd(900))
    const contents = [...planted, next].map((path) => readFileSync(path))
    await expectSetAside(
      3,
      contents.reduce((sum, { length }) => sum + length, 0),
    )
    expect([...aside().values()]).toEqual(contents)
    expect(segmentsOf(directory)).toHaveLength(3)
  })

  it('links, pipes and folders in place of a file, which are not opened: the log is refused', async () => {
    await closedLog()
    const mine = join(base, 'mine.txt')
    writeFileSync(mine, 'precious'.repeat(100))
    const path = join(directory, 'journal', '000002.journal')
    for (const plant of [() => symlinkSync(mine, path), () => execFileSync('mkfifo', [path]), () => mkdirSync(path)]) {
      plant()
      await expect(openLog()).rejects.toMatchObject({
        code: 'AUDIT_FILE_REFUSED',
        message: expect.stringContaining(path),
      })
      await rm(path, { recursive: true })
    }
    expect(readFileSync(mine, 'utf8')).toBe('precious'.repeat(100))
    expect(await namesIn(await openLog())).toEqual(['a', 'b', 'c'])
  })

  it('a link in place of the last file', async () => {
    await closedLog()
    const path = newestSegment(directory)
    const elsewhere = join(base, 'elsewhere')
    renameSync(path, elsewhere)
    appendForged(elsewhere)
    const before = readFileSync(elsewhere)
    symlinkSync(elsewhere, path)
    await expect(openLog()).rejects.toMatchObject({ code: 'AUDIT_FILE_REFUSED' })
    expect(readFileSync(elsewhere)).toEqual(before)
  })

  it('a journal that was put where a log without one was kept', async () => {
    await closedLog({ durability: 'flush-only' })
    const { length } = readFileSync(plantSegment(directory, { segment: 2 }, 2))
    await expectSetAside(1, length, { durability: 'flush-only' })
  })

  it('a journal that was put where there was no log', async () => {
    mkdirSync(join(directory, 'journal'), { recursive: true })
    const { length } = readFileSync(plantSegment(directory, {}, 5))
    const log = await openLog()
    expect(log.recovery).toMatchObject({ unclean: false, recoveredEvents: 0, setAside: { files: 1, bytes: length } })
    expect(await namesIn(log)).toEqual([])
    expect(await log.events({ type: 'journal_set_aside' }).count()).toBe(1)
  })

  it('also when the head beside the database was made to fit it: then the log is refused, and nothing moved', async () => {
    await closedLog()
    appendForged(newestSegment(directory))
    const head = join(directory, 'head')
    writeFileSync(head, readFileSync(head, 'utf8').replace(/size (\d+)/, 'size 0000000000000004'))
    const before = readFileSync(newestSegment(directory))
    await expect(openLog()).rejects.toMatchObject({ code: 'AUDIT_LOG_CORRUPT' })
    expect(readFileSync(newestSegment(directory))).toEqual(before)
    expect(aside().size).toBe(0)
  })
})

describe('what is set aside', () => {
  it('is recorded once, also when the process dies between', async () => {
    await closedLog()
    const bytes = appendForged(newestSegment(directory))
    const image = join(base, 'image')
    copyLive(directory, image)
    const first = await openLog()
    await first.close()
    problems = []
    // The files as the opening left them, the database as it was.
    copyLive(join(directory, 'journal'), join(image, 'journal'))
    for (const name of segmentsOf(image).slice(1)) await rm(join(image, 'journal', name))
    directory = image
    await expectSetAside(1, bytes)
  })

  it('takes no place of what was set aside before, and leads nowhere else', async () => {
    await closedLog()
    plantSegment(directory)
    const elsewhere = join(base, 'elsewhere')
    mkdirSync(elsewhere)
    symlinkSync(elsewhere, join(directory, 'journal', 'aside'))
    await expect(openLog()).rejects.toMatchObject({ code: 'AUDIT_LOG_CORRUPT' })
    expect(readdirSync(elsewhere)).toEqual([])
  })

  it('is told by a look at the log, which changes nothing', async () => {
    await closedLog()
    const bytes = appendForged(newestSegment(directory))
    const store = levelStore(directory)
    await store.open()
    const { journalPosition, closedInOrder, location } = store
    await store.close()
    const pending = pendingEvents(directory, { journalPosition, closedInOrder, location })
    expect(pending).toEqual({ events: 0, unreadableEvents: 0, isDamaged: false, tornBytes: 0, foreignBytes: bytes })
    expect(aside().size).toBe(0)
  })
})

describe('what is no sign of anybody', () => {
  it('is a file of which an opening that failed wrote the head alone', async () => {
    await closedLog()
    plantSegment(directory, {}, 0)
    const log = await openLog()
    expect(log.recovery).toMatchObject({ unclean: false })
    expect(log.recovery.setAside).toBeUndefined()
    expect(problems).toEqual([])
  })

  it('is what was recorded before a close that failed', async () => {
    const log = await openLog()
    await log.append(note('a'))
    log.record(note('b'))
    const image = join(base, 'image')
    copyLive(directory, image)
    await log.close()
    directory = image
    const again = await openLog()
    expect(again.recovery).toMatchObject({ unclean: true, recoveredEvents: 1 })
    expect(await namesIn(again)).toEqual(['a', 'b'])
  })
})
