import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { readLedger } from '../ledger/writers.js'
import { sharedBuild } from '../support/build.js'

const dist = await sharedBuild()
let base: string

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'spanledger-cluster-'))
})
afterEach(async () => {
  await rm(base, { recursive: true, force: true })
})

test('the primary and each worker of a cluster record what they do', { timeout: 300_000 }, async () => {
  const location = join(base, 'audit')
  const script = join(import.meta.dirname, 'cluster.mjs')
  const { stderr } = await promisify(execFile)(process.execPath, [script, dist, location, '4'])
  expect(stderr).toBe('')
  const logs = await readLedger(location)
  expect(logs).toHaveLength(5)
  expect(logs.map(({ status, problems }) => [status, problems])).toEqual(logs.map(() => ['verified', 0]))
  const completed = logs.map(({ events }) =>
    events.flatMap(({ type, agent }) => (type === 'run_completed' ? [agent?.name] : [])),
  )
  expect(completed.flat().sort()).toEqual(['primary', 'worker-1', 'worker-2', 'worker-3', 'worker-4'])
  expect(completed.map((names) => names.length)).toEqual([1, 1, 1, 1, 1])
})
