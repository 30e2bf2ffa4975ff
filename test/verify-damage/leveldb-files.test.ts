import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import type { VerifyReport } from '../../src/verify/report.js'
import { ended, start } from '../cli/command-line.js'
import { buildBeside } from '../support/build.js'
import { writeLog } from '../verify/tampered-log.js'

// Many processes, two at a time.
vi.setConfig({ testTimeout: 240_000 })

// LevelDB ends the process that reads certain damage: only a process of its own shows what a person sees then.
let built: ReturnType<typeof buildBeside>
let log: Awaited<ReturnType<typeof writeLog>>
beforeAll(async () => {
  built = buildBeside(import.meta.dirname)
  log = await writeLog([100, 290, 650])
}, 120_000)
afterAll(async () => {
  await log.remove()
  built.remove()
})

const spanledger = (...args: string[]) => ended(start(built.dist, args))

it('a flipped bit in a file of LevelDB is found, or makes no difference to what the log says', async () => {
  const { out: intact } = await spanledger('export', '--log', log.directory)
  for (let n = 0; n < 24; n++) {
    const directory = await log.copy()
    const names = (await readdir(join(directory, 'db'))).filter((name) => /\.(ldb|log)$|^MANIFEST/.test(name)).sort()
    const path = join(directory, 'db', names[n % names.length] as string)
    const bytes = await readFile(path)
    const at = Math.floor((bytes.length * ((n * 7) % 24)) / 24)
    if (bytes.length > 0) bytes[at] = (bytes[at] as number) ^ (1 << (n % 8))
    await writeFile(path, bytes)
    const { code, out } = await spanledger('verify', '--json', directory, '-k', log.vkey)
    const { status } = JSON.parse(out) as VerifyReport
    if (code === 0) expect((await spanledger('export', '--log', directory)).out).toBe(intact)
    else expect([code, status]).toEqual(code === 5 ? [5, 'altered'] : [2, 'truncated'])
    await rm(directory, { recursive: true })
  }
})

it('a table that makes LevelDB give up is altered', async () => {
  const directory = await log.copy()
  const tables = (await readdir(join(directory, 'db'))).filter((name) => name.endsWith('.ldb'))
  expect(tables.length).toBeGreaterThan(0)
  for (const name of tables) {
    const path = join(directory, 'db', name)
    const bytes = await readFile(path)
    bytes.fill(0x80, 0, bytes.length - 48)
    await writeFile(path, bytes)
  }
  expect((await spanledger('verify', directory, '-k', log.vkey)).code).toBe(5)
})
