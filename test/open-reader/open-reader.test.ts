import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { StoredEvent } from '../../src/events/types.js'
import { type AuditLogDirectoryReader, openAuditLogReader, type Page } from '../../src/reader/index.js'
import { sharedBuild } from '../support/build.js'

// The writer writes as fast as the machine lets it: how much there is to read is no matter of these tests.
vi.setConfig({ testTimeout: 600_000 })

const dist = await sharedBuild()
let directory: string
let writer: ChildProcess | undefined

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'spanledger-'))
})
afterEach(async () => {
  await killWriter()
  await rm(directory, { recursive: true, force: true })
})

async function startWriter(): Promise<void> {
  writer = fork(join(import.meta.dirname, 'writer.mjs'), [dist, directory])
  await once(writer, 'message')
}

async function killWriter(): Promise<void> {
  if (!writer) return
  const exited = once(writer, 'exit')
  writer.kill('SIGKILL')
  await exited
  writer = undefined
}

/** Everything that a view tells has to fit together. */
async function assertConsistent(reader: AuditLogDirectoryReader, atLeast: number): Promise<number> {
  const { size } = await reader.head()
  expect(size).toBeGreaterThanOrEqual(atLeast)
  const [first] = await reader.events({ limit: 1 }).toArray()
  const last = await reader.events({ beforeSeq: size, order: 'desc', limit: 50 }).toArray()
  if (size > 0) expect(first?.seq).toBe(0)
  expect(last.map(({ seq }) => seq)).toEqual(Array.from({ length: Math.min(50, size) }, (_, n) => size - 1 - n))
  const byType = await Promise.all([
    reader.events({ type: 'run_started', beforeSeq: size }).count(),
    reader.events({ type: ['custom', 'run_interrupted', 'events_recovered'], beforeSeq: size }).count(),
  ])
  expect(byType[0] + byType[1]).toBe(size)
  return size
}

test('shows a log beside a writer at full speed, whole at every look, also after it was killed', async () => {
  await startWriter()
  const reader = await openAuditLogReader(directory, { refreshMillis: 3_600_000 })
  try {
    let size = 0
    let grown = 0
    // As many looks as it takes to see it grow: how many that is, the machine decides.
    for (let look = 0; look < 8 || (grown <= 2 && look < 1000); look++) {
      await reader.refresh()
      const now = await assertConsistent(reader, size)
      if (now > size) grown++
      size = now
    }
    expect(grown).toBeGreaterThan(2)
    await killWriter()
    await reader.refresh()
    size = await assertConsistent(reader, size)
    await startWriter()
    await reader.refresh()
    await assertConsistent(reader, size)
  } finally {
    await reader.close()
  }
})

test('follows a writer without a gap and without a repetition', async () => {
  await startWriter()
  const reader = await openAuditLogReader(directory, { refreshMillis: 0 })
  try {
    let next = 0
    for await (const event of reader.follow({}, { pollMillis: 1 })) {
      expect(event.seq).toBe(next++)
      if (next === 1500) break
    }
    expect(next).toBe(1500)
  } finally {
    await reader.close()
  }
})

test('follows a writer through its deaths and restarts, and pages go on with the next reader', async () => {
  await startWriter()
  const reader = await openAuditLogReader(directory, { refreshMillis: 0 })
  const ids: string[] = []
  let firstPage: Page<StoredEvent> | undefined
  try {
    let deaths = 0
    for await (const event of reader.follow({}, { pollMillis: 1 })) {
      expect(event.seq).toBe(ids.length)
      ids.push(event.id)
      if (ids.length % 500 > 0) continue
      firstPage ??= await reader.events({ type: 'run_started' }).page({ size: 50 })
      if (deaths === 4) break
      await killWriter()
      deaths++
      await startWriter()
    }
    await killWriter()
  } finally {
    await reader.close()
  }

  // What has been seen is there, at its place, whatever was cut off each time.
  const next = await openAuditLogReader(directory)
  try {
    const events = await next.events({ limit: ids.length }).toArray()
    expect(events.map(({ id }) => id)).toEqual(ids)
    expect(await next.events({ type: 'run_interrupted' }).count()).toBeGreaterThan(0)
    const { items: first, cursor } = firstPage ?? expect.unreachable('no page was read')
    const { items: second } = await next.events({ type: 'run_started' }).page({ size: 50, cursor })
    const starts = events.filter(({ type }) => type === 'run_started').slice(0, 100)
    expect([...first, ...second].map(({ id }) => id)).toEqual(starts.map(({ id }) => id))
  } finally {
    await next.close()
  }
})
