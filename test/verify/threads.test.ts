import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { postingKey, valueKey } from '../../src/store/leveldb/indexes/keys.js'
import { sharedBuild } from '../support/build.js'
import { dropEntry, entryAt, replaceEntry, tamper, verdict, writeLog } from './tampered-log.js'

// Threads begin with a file: with the compiled one.
const dist = await sharedBuild()
let log: Awaited<ReturnType<typeof writeLog>>
beforeAll(async () => {
  log = await writeLog([600])
})
afterAll(async () => {
  await log.remove()
})

function withThreads(directory: string) {
  const cli = join(dist, 'cli/index.js')
  const args = [cli, 'verify', directory, '-k', log.vkey, '--threads', '3', '--json']
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  expect(stderr).toBe('')
  return { code: status, report: JSON.parse(stdout) as unknown }
}

it('finds with several threads what it finds with one', async () => {
  expect(withThreads(log.directory)).toEqual({ code: 0, report: (await verdict(log.directory, '-k', log.vkey)).report })
  const directory = await log.copy()
  await tamper(directory, async (db) => {
    await replaceEntry(db, 17, await entryAt(db, 18))
    await dropEntry(db, 300)
  })
  const stray = postingKey(valueKey('run', ['nobody'.padEnd(16)]), 5)
  await tamper(directory, (db) => db.put(stray, Buffer.of(1, 0)), 'index')
  const { code, report } = await verdict(directory, '-k', log.vkey)
  expect(code).toBe(5)
  expect(withThreads(directory)).toEqual({ code, report })
})
