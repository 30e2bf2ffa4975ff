import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { openAuditLog } from '../../src/index.js'
import { sharedBuild } from '../support/build.js'
import { appendForged, newestSegment } from '../support/forged-journal.js'

const dist = await sharedBuild()
let directory: string

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'spanledger-'))
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await rm(directory, { recursive: true, force: true })
})

/** Lets a process record until it has said so often enough, and kills it. @returns how many events it recorded at least */
async function recordAndDie(first: number, events: number): Promise<number> {
  const writer = spawn(process.execPath, [join(import.meta.dirname, 'writer.mjs'), dist, directory, `${first}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(writer, 'exit')
  let told = ''
  for await (const chunk of writer.stdout) {
    told += String(chunk)
    if (told.split('\n').length > events) writer.kill('SIGKILL')
  }
  await exited
  return told.split('\n').length - 1
}

test.each([
  ['with a journal key', Buffer.alloc(32, 3).toString('base64')],
  ['without one', ''],
])(
  'a process that is killed again and again loses nothing, and the log counts what it took over (%s)',
  async (_, key) => {
    vi.stubEnv('SPANLEDGER_JOURNAL_KEY', key)
    let next = 0
    let taken = 0
    for (const events of [7, 60, 333]) {
      const recorded = next + (await recordAndDie(next, events))
      const log = await openAuditLog(directory, { on: { problem: () => {} } })
      const names = (await log.events({ type: 'custom' }).toArray()).map(({ data }) => data.name)
      expect(names.length).toBeGreaterThanOrEqual(recorded)
      expect(names).toEqual(Array.from(names, (_, n) => `${n}`))
      const { recoveredEvents } = log.recovery
      expect(log.recovery).toMatchObject({ unclean: true, gaps: 0, unattestedEvents: key ? 0 : recoveredEvents })
      taken += recoveredEvents
      const statements = await log.events({ type: 'events_recovered' }).toArray()
      const sum = (of: 'count' | 'unattested') => statements.reduce((total, { data }) => total + data[of], 0)
      expect([sum('count'), sum('unattested')]).toEqual([taken, key ? 0 : taken])
      next = names.length
      await log.close()
    }
    appendForged(newestSegment(directory), { data: { name: 'forged' } })
    const log = await openAuditLog(directory, { on: { problem: () => {} } })
    expect(await log.events({ type: 'custom' }).count()).toBe(next)
    expect(log.recovery.setAside).toMatchObject({ files: 1 })
    await log.close()
  },
)

test('what is put into the journal of a killed process is not taken over where it has a key', async () => {
  vi.stubEnv('SPANLEDGER_JOURNAL_KEY', Buffer.alloc(32, 3).toString('hex'))
  const recorded = await recordAndDie(0, 40)
  appendForged(newestSegment(directory), { data: { name: 'forged' } })
  await expect(openAuditLog(directory)).rejects.toMatchObject({ code: 'AUDIT_LOG_CORRUPT' })
  const log = await openAuditLog(directory, { damagedJournal: 'discard' })
  const names = (await log.events({ type: 'custom' }).toArray()).map(({ data }) => data.name)
  expect(names).not.toContain('forged')
  expect(names.length).toBeGreaterThanOrEqual(recorded)
  await log.close()
})
