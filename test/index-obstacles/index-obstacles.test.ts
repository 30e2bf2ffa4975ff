import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type AuditLog, openAuditLog, openAuditLogReader } from '../../src/index.js'
import { copyLive } from '../support/copy-live.js'

// The index follows from the entries: what keeps it from being opened keeps nobody from recording.

let base: string
let directory: string
let holders: ChildProcess[]
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'spanledger-'))
  directory = join(base, 'audit')
  holders = []
})
afterEach(async () => {
  for (const holder of holders) await letGo(holder)
  rmSync(base, { recursive: true, force: true })
})

const index = () => join(directory, 'index')
const open = () => openAuditLog(directory, { on: { problem: () => {} } })

/** Has another process hold the database of the index. */
async function hold(): Promise<ChildProcess> {
  mkdirSync(index(), { recursive: true })
  const holder = spawn(process.execPath, [join(import.meta.dirname, 'holder.mjs'), index()], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  holders.push(holder)
  await once(holder.stdout as never, 'data')
  return holder
}

async function letGo(holder: ChildProcess): Promise<void> {
  if (holder.exitCode !== null) return
  const exited = once(holder, 'exit')
  holder.stdin?.end()
  await exited
}

async function record(log: AuditLog, from: number, to: number): Promise<void> {
  for (let n = from; n < to; n++) log.record({ type: 'custom', runId: `r-${n % 3}`, data: { name: `${n}` } })
  await log.flush()
}

const namesOf = async (log: Pick<AuditLog, 'events'>, runId: string) =>
  (await log.events({ runId, type: 'custom' }).toArray()).map(({ data }) => data.name)
const expectedNames = (size: number, run: number) =>
  Array.from({ length: size }, (_, n) => n)
    .filter((n) => n % 3 === run)
    .map(String)

describe.each([
  ['a new log', 0],
  ['a log that was there', 50],
])('an index that another process holds, of %s', (_, before) => {
  beforeEach(async () => {
    if (before === 0) return
    const log = await open()
    await record(log, 0, before)
    await log.close()
  })

  it('keeps nobody from recording, and answers once it is free', async () => {
    const holder = await hold()
    const log = await open()
    expect(log.health()).toMatchObject({ status: 'ok', store: 'ok', index: 'failing' })
    await record(log, before, before + 20)
    // It cannot look up which policy it has on record, and says which one it applies.
    expect((await log.head()).size).toBe(before + 21)
    expect(await log.entries().toArray()).toHaveLength(before + 21)
    for (const asked of [
      () => namesOf(log, 'r-1'),
      () => log.events({ runId: 'r-1' }).count(),
      () => log.append({ id: 'own', type: 'custom', data: { name: 'own' } }),
    ]) {
      await expect(asked()).rejects.toMatchObject({ code: 'AUDIT_READ_FAILED' })
    }
    expect(log.health().index).toBe('failing')
    await letGo(holder)
    expect(await namesOf(log, 'r-1')).toEqual(expectedNames(before + 20, 1))
    expect(log.health().index).toBe('ok')
    await record(log, before + 20, before + 30)
    expect(await namesOf(log, 'r-1')).toEqual(expectedNames(before + 30, 1))
    await log.close()
  })

  it('keeps nobody from opening what a writer that died left, and its runs are marked once it is free', async () => {
    const died = await open()
    await died.append({ type: 'run_started', runId: 'left-open', data: { agent: { name: 'a' } } })
    // Behind the last checkpoint, where a change of the key could be.
    await record(died, before, before + 20)
    const image = join(base, 'image')
    copyLive(directory, image)
    await died.close()
    directory = image

    const holder = await hold()
    const log = await open()
    expect(log.recovery).toMatchObject({ unclean: true, interruptedRuns: 0 })
    await record(log, before + 20, before + 30)
    await log.close()
    await letGo(holder)
    const again = await open()
    expect(again.recovery).toMatchObject({ unclean: true, interruptedRuns: 1 })
    expect((await again.run('left-open'))?.status).toBe('interrupted')
    await again.close()
  })

  it('keeps nobody from opening a log whose journal has an event with an id of its own', async () => {
    const own = { id: 'own', type: 'custom', data: { name: 'own' } } as const
    const died = await open()
    const image = join(base, 'image')
    const appended = died.append(own)
    // The event is in the journal, and the store has not begun.
    copyLive(directory, image)
    const { seq } = await appended
    await died.close()
    directory = image

    const holder = await hold()
    const log = await open()
    expect(log.recovery).toMatchObject({ unclean: true, recoveredEvents: 1 })
    expect(await log.get(seq)).toMatchObject({ id: 'own' })
    await expect(log.append(own)).rejects.toMatchObject({ code: 'AUDIT_READ_FAILED' })
    await letGo(holder)
    expect(await log.append(own)).toMatchObject({ seq })
    await log.close()
  })

  it('keeps nobody from closing, reading from outside and opening again', async () => {
    const holder = await hold()
    const log = await open()
    await record(log, before, before + 20)
    await log.close()
    const reader = await openAuditLogReader(directory)
    expect(await namesOf(reader, 'r-2')).toEqual(expectedNames(before + 20, 2))
    await reader.close()
    const again = await open()
    expect(again.health().index).toBe('failing')
    await letGo(holder)
    expect(await namesOf(again, 'r-2')).toEqual(expectedNames(before + 20, 2))
    await again.close()
  })
})
