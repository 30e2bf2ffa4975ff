import { link, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { openAuditLog } from '../../src/audit-log/index.js'
import { AuditLogError } from '../../src/events/errors.js'
import { openAuditLogReader } from '../../src/reader/index.js'
import { run } from '../cli/command-line.js'
import { filesOf, fingerprint, makeSparse, REPLACEMENT_KINDS, replace, writeSoundLog } from './hostile-log.js'

// Whatever stands in place of a file of a log: it is not followed, not waited for, and named.

let log: Awaited<ReturnType<typeof writeSoundLog>>
let files: readonly string[]
beforeAll(async () => {
  log = await writeSoundLog()
  files = await filesOf(log.directory)
  await mkdir(join(log.root, 'tmp'))
  vi.stubEnv('TMPDIR', join(log.root, 'tmp'))
})
afterAll(async () => {
  vi.unstubAllEnvs()
  await log.remove()
})

/** Ways to read a log. @returns the message of the failure */
const READERS: Readonly<Record<string, (directory: string) => Promise<string | undefined>>> = {
  openAuditLogReader: (directory) =>
    failureOf(async () => {
      const reader = await openAuditLogReader(directory)
      await reader.events().toArray()
      await reader.close()
    }),
  verify: (directory) => command('verify', directory),
  doctor: (directory) => command('doctor', '--log', directory),
  query: (directory) => command('query', '--log', directory),
  export: (directory) => command('export', '--log', directory),
  tail: (directory) => command('tail', '--log', directory),
}

const openToWrite = (directory: string) =>
  failureOf(async () => {
    await (await openAuditLog(directory)).close()
  })

async function command(...args: readonly string[]): Promise<string | undefined> {
  const { code, err } = await run(args)
  return code === 0 ? undefined : `${code}: ${err}`
}

async function failureOf(act: () => Promise<void>): Promise<string | undefined> {
  try {
    await act()
    return undefined
  } catch (error) {
    if (error instanceof AuditLogError) return `${error.code}: ${error.message}`
    throw error
  }
}

describe.each(REPLACEMENT_KINDS)('%s', (kind) => {
  it('is refused by name in place of any file, and nothing changes', async () => {
    for (const file of files) {
      const directory = await log.copy()
      const path = join(directory, file)
      await replace(path, kind, log.root)
      const before = [fingerprint(directory), fingerprint(join(log.root, 'outside'))]
      for (const [name, read] of Object.entries({ ...READERS, openAuditLog: openToWrite })) {
        expect(await read(directory), `${name} with ${kind} as ${file}`).toContain(path)
      }
      expect([fingerprint(directory), fingerprint(join(log.root, 'outside'))]).toEqual(before)
      await rm(directory, { recursive: true })
    }
    expect(await readdir(join(log.root, 'tmp'))).toEqual([])
  })
})

it('a directory is refused in place of any file', async () => {
  for (const file of files.filter((name) => name.includes('/') || name === 'head' || name === 'checkpoint')) {
    const directory = await log.copy()
    await rm(join(directory, file))
    await mkdir(join(directory, file))
    const before = fingerprint(directory)
    for (const read of [...Object.values(READERS), openToWrite]) {
      expect(await read(directory), file).toContain(join(directory, file))
    }
    expect(fingerprint(directory)).toEqual(before)
    await rm(directory, { recursive: true })
  }
})

const isOfIndex = (name: string) => name.startsWith('index/')

/** The readers that read each kind of file. */
const { openAuditLogReader: openReader, verify, doctor } = READERS
const READS_ALL = [openReader, verify, doctor].filter((read) => read !== undefined)

it('a file of gigabytes that takes no room is not read', async () => {
  // LevelDB begins LOG anew; it reads of a table what its index says; LOCK and WRITER are never read.
  // Of the journal of a log that was closed nothing is read, and what was added to it is moved aside.
  // What is wrong with the index is no reason to refuse a log.
  const read = files.filter((name) => /CURRENT|MANIFEST|\.log|keys\/|head|checkpoint/.test(name) && !isOfIndex(name))
  for (const file of read) {
    const directory = await log.copy()
    await rm(join(directory, file))
    await makeSparse(join(directory, file))
    const before = fingerprint(directory)
    const memory = process.memoryUsage().rss
    const said = await Promise.all([...READS_ALL, openToWrite].map((look) => look(directory)))
    expect(said.join(), file).toContain(join(directory, file))
    expect(process.memoryUsage().rss - memory).toBeLessThan(512 * 2 ** 20)
    const path = join(directory, file)
    expect(fingerprint(directory)[path]).toBe(before[path])
    await rm(directory, { recursive: true })
  }
})

it('a file of the index of gigabytes that takes no room is not read, and the log is', async () => {
  for (const file of files.filter((name) => isOfIndex(name) && /CURRENT|MANIFEST|\.log/.test(name))) {
    const directory = await log.copy()
    await rm(join(directory, file))
    await makeSparse(join(directory, file))
    const memory = process.memoryUsage().rss
    for (const [name, look] of Object.entries({ openReader, doctor, openAuditLog: openToWrite })) {
      expect(await look?.(directory), `${name} with ${file}`).toBeUndefined()
    }
    expect(process.memoryUsage().rss - memory).toBeLessThan(512 * 2 ** 20)
    await rm(directory, { recursive: true })
  }
})

it('an empty file is a coded failure, or makes no difference', async () => {
  for (const file of files.filter((name) => name.includes('/')).concat('head', 'checkpoint')) {
    const directory = await log.copy()
    await writeFile(join(directory, file), '')
    for (const look of [...READS_ALL, openToWrite]) await look(directory)
    await rm(directory, { recursive: true })
  }
})

it('a log whose path leads through links is read and written', async () => {
  const directory = await log.copy()
  await symlink(directory, join(log.root, 'volume'))
  for (const [name, read] of Object.entries({ ...READERS, openAuditLog: openToWrite })) {
    expect(await read(join(log.root, 'volume')), name).toBeUndefined()
  }
})

it('what is written in place is not written under another name', async () => {
  const directory = await log.copy()
  await link(join(directory, 'head'), join(log.root, 'outside', 'backup-of-head'))
  const before = await readFile(join(log.root, 'outside', 'backup-of-head'), 'utf8')
  const opened = await openAuditLog(directory)
  await opened.append({ type: 'custom', data: { name: 'more' } })
  await opened.close()
  expect(await readFile(join(log.root, 'outside', 'backup-of-head'), 'utf8')).toBe(before)
  expect(await readFile(join(directory, 'head'), 'utf8')).not.toBe(before)
})
