import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openAuditLog } from '../../src/audit-log/index.js'
import { type AuditLogReader, openAuditLogReader, type RunOverview, type RunTree } from '../../src/reader/index.js'
import { overviewOf } from '../reader/run-events.js'
import { sharedBuild } from '../support/build.js'

// Rows of runs beside a writer in another process, after its death, and without an index.

const dist = await sharedBuild()
let directory: string
let writer: ChildProcess

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'spanledger-'))
  writer = fork(join(import.meta.dirname, 'writer.mjs'), [dist, directory])
  await once(writer, 'message')
})
afterEach(async () => {
  await killWriter()
  await rm(directory, { recursive: true, force: true })
})

/** Has the writer record so many events. @returns the runs, as it tells them then */
async function record(count: number): Promise<readonly RunOverview[]> {
  writer.send(count)
  const [runs] = await once(writer, 'message')
  return runs
}

async function killWriter(): Promise<void> {
  if (writer.exitCode !== null || writer.signalCode !== null) return
  const exited = once(writer, 'exit')
  writer.kill('SIGKILL')
  await exited
}

/** Checks that each row says what all events of its run do. @returns the rows */
async function checkedRows(log: AuditLogReader): Promise<readonly RunOverview[]> {
  const rows = await log.runs().toArray()
  for (const row of rows) {
    const { runId, tenantId } = row
    expect(row).toEqual(overviewOf((await log.run(runId, { tenantId })) as RunTree))
  }
  return rows
}

test('a reader tells the rows that the writer does, also after its death and without an index', async () => {
  const reader = await openAuditLogReader(directory, { refreshMillis: 3_600_000 })
  try {
    // Some in memory alone, some in the database and some in both.
    for (const count of [700, 1_100, 2_000]) {
      const told = await record(count)
      await reader.refresh()
      expect(await checkedRows(reader)).toEqual(told)
    }
  } finally {
    await reader.close()
  }

  await killWriter()
  const after = await openAuditLogReader(directory)
  const left = await checkedRows(after)
  expect(left.length).toBeGreaterThan(70)
  await after.close()

  await rm(join(directory, 'index'), { recursive: true })
  const without = await openAuditLogReader(directory)
  expect(await checkedRows(without)).toEqual(left)
  await without.close()

  const log = await openAuditLog(directory, { signer: false, on: { problem: () => {} } })
  try {
    const ended = await checkedRows(log)
    expect(ended.map(({ runId }) => runId)).toEqual(left.map(({ runId }) => runId))
    expect(ended.filter(({ status }) => status === 'running')).toEqual([])
    expect(ended.filter(({ status }) => status === 'interrupted').length).toBeGreaterThan(10)
  } finally {
    await log.close()
  }
})
