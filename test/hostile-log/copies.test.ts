import { cp, mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { fileWitness } from '../../src/witness/index.js'
import { run } from '../cli/command-line.js'
import { fingerprint, makeSparse, REPLACEMENT_KINDS, replace, writeSoundLog } from './hostile-log.js'

// Copies of a log that somebody hands over, and the directory of a witness: the same holds for their files.

let log: Awaited<ReturnType<typeof writeSoundLog>>
let vkey: string
beforeAll(async () => {
  log = await writeSoundLog()
  await mkdir(join(log.root, 'tmp'))
  vi.stubEnv('TMPDIR', join(log.root, 'tmp'))
  vkey = JSON.parse((await run(['verify', '--json', log.directory])).out).trustedKeys[0]
  const { code } = await run(['export', '--log', log.directory, '--tiles', join(log.root, 'sound-tiles')])
  expect(code).toBe(0)
})
afterAll(async () => {
  vi.unstubAllEnvs()
  await log.remove()
})

let copies = 0
async function copyTiles(): Promise<string> {
  const target = join(log.root, `tiles-${copies++}`)
  await cp(join(log.root, 'sound-tiles'), target, { recursive: true })
  return target
}

it('an exported tile tree is verified', async () => {
  expect((await run(['verify', await copyTiles(), '-k', vkey])).code).toBe(0)
})

it.each(REPLACEMENT_KINDS)('%s is refused by name anywhere in a tile tree', async (kind) => {
  const files = (await readdir(join(log.root, 'sound-tiles'), { recursive: true })).sort()
  expect(files).toContain(join('tile', 'entries'))
  for (const file of files) {
    const directory = await copyTiles()
    await replace(join(directory, file), kind, log.root)
    const before = [fingerprint(directory), fingerprint(join(log.root, 'outside'))]
    const { code, err } = await run(['verify', directory, '-k', vkey])
    expect(code, file).toBeGreaterThanOrEqual(64)
    expect(err, file).toContain(join(directory, file))
    expect([fingerprint(directory), fingerprint(join(log.root, 'outside'))]).toEqual(before)
    await rm(directory, { recursive: true })
  }
})

it('a file of gigabytes that takes no room is refused anywhere in a tile tree', async () => {
  const files = Object.keys(fingerprint(join(log.root, 'sound-tiles'))).filter((path) =>
    /checkpoint$|\/\d{3}$|\.p\//.test(path),
  )
  expect(files.length).toBeGreaterThan(2)
  for (const file of files) {
    const directory = await copyTiles()
    const path = file.replace(join(log.root, 'sound-tiles'), directory)
    await makeSparse(path)
    const { code, err } = await run(['verify', directory, '-k', vkey])
    expect(code, file).toBeGreaterThanOrEqual(64)
    expect(err).toContain(path)
  }
})

it('a file that the user names is read through links, and is no device', async () => {
  for (const path of ['/dev/zero', log.root]) {
    for (const option of ['--checkpoint', '--vkey', '--receipt']) {
      const { code, err } = await run(['verify', log.directory, option, path])
      expect(code).toBe(64)
      expect(err).toMatch(/device|directory|receipt/)
    }
  }
  const { code, err } = await run(['verify', '/dev/zero'])
  expect([code, err]).toEqual([66, expect.stringContaining('/dev/zero')])
})

it.each(REPLACEMENT_KINDS)('a witness refuses %s in its directory', async (kind) => {
  for (const file of ['witness.pem', 'witness.vkey']) {
    const directory = join(log.root, `witness-${copies++}`)
    await fileWitness(directory)
    await replace(join(directory, file), kind, log.root)
    await expect(fileWitness(directory)).rejects.toMatchObject({
      code: 'AUDIT_FILE_REFUSED',
      message: expect.stringContaining(join(directory, file)),
    })
  }
})
