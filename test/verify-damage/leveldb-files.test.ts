import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import type { VerifyReport } from '../../src/verify/report.js'
import { ended, run, start } from '../cli/command-line.js'
import { sharedBuild } from '../support/build.js'
import { writeLog } from '../verify/tampered-log.js'

// Many processes.
vi.setConfig({ testTimeout: 600_000 })

// LevelDB ends the process that reads certain damage: only a process of its own shows what a person sees then.
const dist = await sharedBuild()
let log: Awaited<ReturnType<typeof writeLog>>
beforeAll(async () => {
  log = await writeLog([100, 290, 650])
})
afterAll(async () => {
  await log.remove()
})

const spanledger = (...args: string[]) => ended(start(dist, args))
/** Exports what was verified before. */
const exported = async (directory: string) => (await run(['export', '--log', directory])).out

it('a flipped bit in a file of LevelDB is found, or makes no difference to what the log says', async () => {
  const intact = await exported(log.directory)
  for (let n = 0; n < 24; n++) {
    const directory = await log.copy()
    const found = await Promise.all(
      ['entries', 'index'].map(async (database) => {
        const names = (await readdir(join(directory, database))).filter((name) => /\.(ldb|log)$|^MANIFEST/.test(name))
        return names.sort().map((name) => join(directory, database, name))
      }),
    )
    const paths = found.flat()
    const path = paths[n % paths.length] as string
    const bytes = await readFile(path)
    const at = Math.floor((bytes.length * ((n * 7) % 24)) / 24)
    if (bytes.length > 0) bytes[at] = (bytes[at] as number) ^ (1 << (n % 8))
    await writeFile(path, bytes)
    const { code, out } = await spanledger('verify', '--json', directory, '-k', log.vkey)
    const { status } = JSON.parse(out) as VerifyReport
    if (code === 0) {
      const isSame = (await exported(directory)) === intact
      expect(isSame, `bit ${n % 8} of byte ${at} of ${bytes.length} of ${path}`).toBe(true)
    } else expect([code, status]).toEqual(code === 5 ? [5, 'altered'] : [2, 'truncated'])
    await rm(directory, { recursive: true })
  }
})

it('so is damage to the filter and the indexes of a table, which a read of one key goes by and a walk does not', async () => {
  const intact = await exported(log.directory)
  const tables = (await readdir(join(log.directory, 'entries'))).filter((name) => name.endsWith('.ldb'))
  expect(tables.length).toBeGreaterThan(0)
  for (const name of tables) {
    for (let before = 60; before <= 480; before += 20) {
      const directory = await log.copy()
      const path = join(directory, 'entries', name)
      const bytes = await readFile(path)
      bytes[bytes.length - before] = 0
      await writeFile(path, bytes)
      const { code } = await spanledger('verify', directory, '-k', log.vkey)
      if (code === 0) expect(await exported(directory)).toBe(intact)
      else expect(code).toBe(5)
      await rm(directory, { recursive: true })
    }
  }
})

/** Makes of all tables of a database what LevelDB cannot read without harm. */
async function ruin(directory: string, database: string): Promise<void> {
  const tables = (await readdir(join(directory, database))).filter((name) => name.endsWith('.ldb'))
  expect(tables.length).toBeGreaterThan(0)
  for (const name of tables) {
    const path = join(directory, database, name)
    const bytes = await readFile(path)
    bytes.fill(0x80, 0, bytes.length - 48)
    await writeFile(path, bytes)
  }
}

it('a table of the entries that would make LevelDB give up is altered', async () => {
  const directory = await log.copy()
  await ruin(directory, 'entries')
  const { code, out } = await spanledger('verify', directory, '-k', log.vkey)
  expect(code).toBe(5)
  expect(out).not.toContain('LevelDB crashed')
})

it('such a table of the index is a note: readers derive another', async () => {
  const directory = await log.copy()
  await ruin(directory, 'index')
  const { code, out } = await spanledger('verify', '--json', directory, '-k', log.vkey)
  const { remarks } = JSON.parse(out) as VerifyReport
  expect({ code, remarks }).toEqual({ code: 0, remarks: [expect.stringContaining('damaged')] })
})
