import { link, mkdir, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { openAuditLog } from '../../src/audit-log/index.js'
import { openAuditLogReader } from '../../src/reader/index.js'
import { encodeLog } from '../../src/store/leveldb/log-records.js'
import { encodeManifest, type Manifest, parseManifest } from '../../src/store/leveldb/manifest.js'
import { run } from '../cli/command-line.js'
import { ENTRIES, fingerprint, manifestPath, writeSoundLog } from './hostile-log.js'

// LevelDB does what a manifest says, also to files that it was linked to. Nothing that a manifest from elsewhere says
// makes it write to one.

let log: Awaited<ReturnType<typeof writeSoundLog>>
let temporary: string
beforeAll(async () => {
  log = await writeSoundLog()
  temporary = join(log.root, 'tmp')
  await mkdir(temporary)
})
afterAll(() => log.remove())
afterEach(() => vi.unstubAllEnvs())

const highest = ({ tables }: Manifest) => Math.max(...tables.map(({ number }) => number))

/** Numbers that a manifest may state, of which LevelDB would make names of files that are there. */
const NUMBERS: Readonly<Record<string, (stated: Manifest) => Partial<Manifest>>> = {
  'no file is next': () => ({ nextFile: 0 }),
  'the first file is next': () => ({ nextFile: 1 }),
  'a table is next': (stated) => ({ nextFile: highest(stated) }),
  'what is before a table is next': (stated) => ({ nextFile: highest(stated) - 1 }),
  'what is two before a table is next': (stated) => ({ nextFile: highest(stated) - 2 }),
  'its own number is next': (stated) => ({ nextFile: stated.nextFile - 1 }),
  'the last number of all is next': () => ({ nextFile: 2 ** 53 - 1 }),
  'a table is the log before': (stated) => ({ previousLog: highest(stated) }),
  'all logs are older': () => ({ firstLog: 2 ** 40 }),
  'all logs are newer': () => ({ firstLog: 0 }),
  'all is full': (stated) => ({ tables: stated.tables.map((table) => ({ ...table, bytes: 2 ** 50 })) }),
  'all is empty': (stated) => ({ tables: stated.tables.map((table) => ({ ...table, bytes: 0 })) }),
}

async function look(directory: string): Promise<void> {
  await openAuditLogReader(directory)
    .then(async (reader) => {
      await reader
        .events()
        .toArray()
        .finally(() => reader.close())
    })
    .catch((error) => expect(error.code).toMatch(/^AUDIT_/))
  for (const command of ['doctor', 'query', 'export', 'tail']) await run([command, '--log', directory])
  await run(['verify', directory])
}

async function stateNumbers(directory: string, change: (stated: Manifest) => Partial<Manifest>): Promise<void> {
  const path = await manifestPath(directory)
  const stated = parseManifest(await readFile(path))
  await writeFile(path, encodeManifest({ ...stated, ...change(stated) }))
}

describe.each(Object.entries(NUMBERS))('where %s', (_, change) => {
  it.each(['with hard links', 'with links to descriptors'])('looking changes nothing, %s', async (links) => {
    const directory = await log.copy()
    await stateNumbers(directory, change)
    // Another file system refuses hard links.
    vi.stubEnv('TMPDIR', links === 'with hard links' ? temporary : '/dev/shm')
    const before = fingerprint(directory)
    await look(directory)
    expect(fingerprint(directory)).toEqual(before)
    if (links === 'with hard links') expect(await readdir(temporary)).toEqual([])
  })
})

it('reads a log whatever number its manifest calls the next one', async () => {
  const directory = await log.copy()
  await stateNumbers(directory, () => ({ nextFile: 1 }))
  const reader = await openAuditLogReader(directory)
  expect(await reader.events().count()).toBeGreaterThanOrEqual(ENTRIES)
  await reader.close()
})

it.each(['no file is next', 'a table is next', 'what is before a table is next'])(
  'refuses to write where LevelDB would overwrite a table: %s',
  async (numbers) => {
    const directory = await log.copy()
    await stateNumbers(directory, NUMBERS[numbers] as never)
    const before = fingerprint(join(directory, 'entries'))
    await expect(openAuditLog(directory)).rejects.toMatchObject({
      code: 'AUDIT_LOG_CORRUPT',
      message: expect.stringContaining('overwrite'),
    })
    expect(fingerprint(join(directory, 'entries'))).toEqual(before)
  },
)

it('refuses to write where LevelDB would empty a file that has another name', async () => {
  for (const name of ['%.ldb', 'MANIFEST-%', '%.dbtmp']) {
    const directory = await log.copy()
    const { nextFile } = parseManifest(await readFile(await manifestPath(directory)))
    const victim = join(log.root, 'outside', 'victim')
    await writeFile(victim, 'of the user')
    for (let number = nextFile; number < nextFile + 4; number++) {
      await link(victim, join(directory, 'entries', name.replace('%', String(number).padStart(6, '0')))).catch(() => {})
    }
    await expect(openAuditLog(directory)).rejects.toMatchObject({ code: 'AUDIT_FILE_REFUSED' })
    expect(await readFile(victim, 'utf8')).toBe('of the user')
  }
})

it('follows no link under any name that LevelDB may give to a file', async () => {
  const victim = join(log.root, 'outside', 'victim')
  vi.stubEnv('TMPDIR', temporary)
  for (const kind of ['%.ldb', '%.log', 'MANIFEST-%', '%.dbtmp', 'LOG', 'LOG.old', 'LOCK', 'WRITER']) {
    const directory = await log.copy()
    await writeFile(victim, 'of the user')
    for (let number = 1; number < 40; number++) {
      const path = join(directory, 'entries', kind.replace('%', String(number).padStart(6, '0')))
      await rm(path, { force: true })
      await symlink(victim, path)
    }
    await look(directory)
    await expect(openAuditLog(directory)).rejects.toMatchObject({ code: 'AUDIT_FILE_REFUSED' })
    expect(await readFile(victim, 'utf8')).toBe('of the user')
  }
})

it('says what a manifest cannot mean, and names it', async () => {
  vi.stubEnv('TMPDIR', temporary)
  const path = async (directory: string) => await manifestPath(directory)
  const garbage: Readonly<Record<string, (bytes: Buffer) => Buffer>> = {
    cut: (bytes) => bytes.subarray(0, 20),
    empty: () => Buffer.alloc(0),
    zeros: () => Buffer.alloc(100_000),
    'a record of nothing': () => encodeLog([new Uint8Array()]),
    'a record without end': () => encodeLog([new Uint8Array(100_000)]).subarray(0, 40_000),
    'a checksum that is wrong': (bytes) => bytes.fill(1, 0, 4),
    'a table that is missing': (bytes) => {
      const stated = parseManifest(bytes)
      const [first] = stated.tables
      if (!first) throw new Error('no table')
      return encodeManifest({ ...stated, tables: [{ ...first, number: 999 }] })
    },
  }
  for (const [what, spoil] of Object.entries(garbage)) {
    const directory = await log.copy()
    const manifest = await path(directory)
    await writeFile(manifest, spoil(await readFile(manifest)))
    await expect(openAuditLogReader(directory), what).rejects.toMatchObject({ code: 'AUDIT_LOG_CORRUPT' })
    await expect(openAuditLog(directory), what).rejects.toMatchObject({ code: 'AUDIT_LOG_CORRUPT' })
    const { code, out } = await run(['verify', '--json', directory])
    expect(code).not.toBe(0)
    expect(JSON.parse(out).status).toBe('altered')
  }
})
