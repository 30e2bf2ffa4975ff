import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { copyLive } from '../../test/support/copy-live.js'
import { logDirectory } from '../ledger/log-directories.js'
import { type AuditLog, openAuditLog } from './index.js'

/** The directory of the log whose commits are held up, and what is to be done with the first. */
const held = vi.hoisted(() => ({ directory: '', begin: () => {}, release: Promise.resolve() }))

vi.mock(import('../store/leveldb/index.js'), async (actual) => {
  const { levelStore } = await actual()
  return {
    levelStore: (directory, ...rest) => {
      const store = levelStore(directory, ...rest)
      const commit = store.commit.bind(store)
      store.commit = async (...given) => {
        if (directory === held.directory) {
          held.begin()
          await held.release
        }
        return await commit(...given)
      }
      return store
    },
  }
})

/** More than two commits of a recovery. */
const NAMES = Array.from({ length: 9_000 }, (_, at) => `event-${at}`)

/** Returns a ledger of two logs whose process died before it had committed any of these. */
async function crashedLedger(): Promise<string> {
  const base = mkdtempSync(join(tmpdir(), 'spanledger-'))
  onTestFinished(() => rmSync(base, { recursive: true, force: true }))
  const location = join(base, 'audit')
  const logs = [await openAuditLog(location, { shared: true }), await openAuditLog(location, { shared: true })]
  for (const log of logs) for (const name of NAMES) log.record({ type: 'custom', data: { name } })
  copyLive(location, join(base, 'image'))
  for (const log of logs) await log.close()
  return join(base, 'image')
}

/** Opens one log of the ledger, and resolves when the recovery of the other one is about to commit for the first time. */
async function openBesideRecovery() {
  const location = await crashedLedger()
  const other = logDirectory(location, 1).path
  const begun = new Promise<void>((resolve) => {
    held.begin = resolve
  })
  let release = () => {}
  held.release = new Promise((resolve) => {
    release = resolve
  })
  held.directory = other
  const log = await openAuditLog(location, { shared: true })
  expect(log.ledger?.log).toBe(0)
  await begun
  return { log, other, release }
}

async function recoveredLater(directory: string): Promise<AuditLog> {
  const log = await openAuditLog(directory)
  onTestFinished(() => log.close())
  expect((await log.events({ type: 'custom' }).toArray()).map(({ data }) => data.name)).toEqual(NAMES)
  return log
}

test('close() does not wait for a recovery of another log that is stuck, and no event of it is lost', async () => {
  const { log, other, release } = await openBesideRecovery()
  await log.close()
  release()
  // It is closed as soon as it goes on.
  await vi.waitFor(() => recoveredLater(other), { timeout: 50_000, interval: 50 })
})

test('close() stops a recovery of another log between two commits, and the next opening goes on with it', async () => {
  const { log, other, release } = await openBesideRecovery()
  const closed = log.close()
  release()
  await closed
  const { recovery } = await vi.waitFor(() => recoveredLater(other), { timeout: 50_000, interval: 50 })
  expect(recovery.recoveredEvents).toBeGreaterThan(0)
  expect(recovery.recoveredEvents).toBeLessThan(NAMES.length)
})
