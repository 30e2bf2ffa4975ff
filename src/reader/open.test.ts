import { createHash } from 'node:crypto'
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Level } from 'level'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { metaKey } from '../store/leveldb/entries/keys.js'
import { levelStore } from '../store/leveldb/index.js'
import { sealedEntries } from '../testing/index.js'
import { openAuditLogReader } from './open.js'

const files = vi.hoisted(() => ({ refused: undefined as string | undefined }))

// Stands in for a directory on another file system, where hard links are refused.
vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>()
  const link: typeof real.link = async (...paths) => {
    if (files.refused === undefined) return await real.link(...paths)
    throw Object.assign(new Error(files.refused), { code: files.refused })
  }
  return { ...real, link }
})

let root: string
let directory: string
let temporary: string

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'spanledger-'))
  directory = join(root, 'audit')
  temporary = join(root, 'tmp')
  await mkdir(temporary)
  vi.stubEnv('TMPDIR', temporary)
})

afterEach(async () => {
  files.refused = undefined
  vi.unstubAllEnvs()
  await rm(root, { recursive: true, force: true })
})

/** Entries in tables, and one more in LevelDB's log. */
async function writtenLog(): Promise<void> {
  const filler = 'x'.repeat(1000)
  const store = levelStore(directory)
  for (const count of [300, 1]) {
    await store.open()
    await store.commit(sealedEntries(count, (n) => ({ runId: `r-${n}`, data: { name: filler } })))
    await store.close()
  }
}

/** Contents, modes and times of all files below a directory, by name. */
async function fingerprint(below: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  for (const name of (await readdir(below, { recursive: true })).sort()) {
    const { mode, size, mtimeMs, ino } = await stat(join(below, name))
    const isFile = (mode & 0o170000) === 0o100000
    const digest = isFile
      ? createHash('sha256')
          .update(await readFile(join(below, name)))
          .digest('hex')
      : ''
    found[name] = `${mode} ${isFile ? size : ''} ${mtimeMs} ${ino} ${digest}`
  }
  return found
}

describe('openAuditLogReader', () => {
  it.each([undefined, 'EXDEV', 'EROFS'])('leaves the directory of a log as it is (links: %s)', async (refused) => {
    await writtenLog()
    files.refused = refused
    // LevelDB numbers its next tables from the manifest on: none may be taken for the one that it would write.
    for (let number = 1; number < 40; number++) {
      const name = join(directory, 'entries', `${String(number).padStart(6, '0')}.ldb`)
      await writeFile(name, 'not in the manifest yet', { flag: 'wx' }).catch(() => undefined)
    }
    await chmod(join(directory, 'entries', 'CURRENT'), 0o644)
    const before = await fingerprint(directory)
    const reader = await openAuditLogReader(directory, { refreshMillis: 0 })
    expect(await reader.events().count()).toBe(301)
    expect(await reader.events({ runId: 'r-299' }).toArray()).toHaveLength(1)
    await reader.close()
    expect(await fingerprint(directory)).toEqual(before)
    expect(await readdir(temporary)).toEqual([])
  })

  it.each([undefined, 'EXDEV'])('reads on in tables that the writer has deleted (links: %s)', async (refused) => {
    if (refused !== undefined && process.platform !== 'linux') return
    await writtenLog()
    files.refused = refused
    const reader = await openAuditLogReader(directory, { refreshMillis: 3_600_000 })
    await rm(directory, { recursive: true })
    expect(await reader.events().toArray()).toHaveLength(301)
    await reader.close()
  })

  it('sees what a writer has committed since, once the time is up, and what it reads goes on', async () => {
    await writtenLog()
    const store = levelStore(directory)
    await store.open()
    const old = await openAuditLogReader(directory, { refreshMillis: 3_600_000 })
    const eager = await openAuditLogReader(directory, { refreshMillis: 0 })
    const reading = old.events()[Symbol.asyncIterator]()
    expect((await reading.next()).value).toMatchObject({ seq: 0 })
    await store.commit(sealedEntries(2))
    expect(await old.head()).toMatchObject({ size: 301 })
    expect(await eager.head()).toMatchObject({ size: 303 })
    await old.refresh()
    expect(await old.head()).toMatchObject({ size: 303 })
    let rest = 0
    while (!(await reading.next()).done) rest++
    expect(rest).toBe(300)
    await old.close()
    await eager.close()
    await store.close()
  })

  it('keeps one snapshot where nothing is committed', async () => {
    await writtenLog()
    const reader = await openAuditLogReader(directory, { refreshMillis: 0 })
    const [own] = await readdir(temporary)
    for (let reads = 0; reads < 3; reads++) await reader.head()
    expect(await readdir(join(temporary, own as string))).toEqual(['0'])
    await reader.close()
  })

  it('bears with a file that goes between being listed and being looked at', async () => {
    await writtenLog()
    const reader = await openAuditLogReader(directory, { refreshMillis: 0 })
    await symlink(join(root, 'gone'), join(directory, 'entries', 'gone.log'))
    expect(await reader.head()).toMatchObject({ size: 301 })
    await reader.close()
  })

  it('after close every read is AUDIT_LOG_CLOSED, and a reading that goes on ends with it', async () => {
    await writtenLog()
    const reader = await openAuditLogReader(directory, { refreshMillis: 0 })
    const reading = reader.events()[Symbol.asyncIterator]()
    await reading.next()
    await reader.close()
    await reader.close()
    const closed = { code: 'AUDIT_LOG_CLOSED' }
    const rest = async () => {
      while (!(await reading.next()).done);
    }
    await expect(rest()).rejects.toMatchObject(closed)
    await expect(reader.head()).rejects.toMatchObject(closed)
    await expect(reader.refresh()).rejects.toMatchObject(closed)
    await expect(reader.follow()[Symbol.asyncIterator]().next()).rejects.toMatchObject(closed)
  })

  it('says that there is no log, and makes none', async () => {
    for (const path of [join(root, 'nothing'), root]) {
      const message = `There is no audit log in ${path}`
      await expect(openAuditLogReader(path)).rejects.toMatchObject({ code: 'AUDIT_OPEN_FAILED', message })
    }
    expect((await readdir(root)).sort()).toEqual(['tmp'])
    expect(await readdir(temporary)).toEqual([])
  })

  it('refuses a damaged log and one of a format to come', async () => {
    await writtenLog()
    const db = new Level<Buffer, string>(join(directory, 'entries'), { keyEncoding: 'buffer', valueEncoding: 'utf8' })
    await db.put(metaKey('format'), '4')
    await db.close()
    await expect(openAuditLogReader(directory)).rejects.toMatchObject({ code: 'AUDIT_FORMAT_UNSUPPORTED' })
    const [table] = (await readdir(join(directory, 'entries'))).filter((name) => name.endsWith('.ldb'))
    await rm(join(directory, 'entries', table as string))
    await expect(openAuditLogReader(directory)).rejects.toMatchObject({
      code: 'AUDIT_LOG_CORRUPT',
      message: expect.stringContaining(table as string),
    })
    const manifest = (await readFile(join(directory, 'entries/CURRENT'), 'utf8')).trim()
    await writeFile(join(directory, 'entries', manifest), Buffer.alloc(64, 7))
    await expect(openAuditLogReader(directory)).rejects.toMatchObject({ code: 'AUDIT_LOG_CORRUPT' })
    await rm(join(directory, 'entries', manifest))
    await expect(openAuditLogReader(directory)).rejects.toMatchObject({ code: 'AUDIT_LOG_CORRUPT' })
    expect(await readdir(temporary)).toEqual([])
  })

  it.each(['zeros', 'other bytes'])('refuses a log of which LevelDB passes over a part: %s', async (what) => {
    const store = levelStore(directory)
    await store.open()
    for (let n = 0; n < 150; n++) await store.commit(sealedEntries(2, () => ({ data: { name: 'x'.repeat(500) } })))
    await store.close()
    const [name = ''] = (await readdir(join(directory, 'entries'))).filter((name) => name.endsWith('.log'))
    const log = await readFile(join(directory, 'entries', name))
    log.fill(what === 'zeros' ? 0 : 0x55, 32_768, 2 * 32_768)
    await writeFile(join(directory, 'entries', name), log)
    await expect(openAuditLogReader(directory)).rejects.toMatchObject({
      code: 'AUDIT_LOG_CORRUPT',
      message: expect.stringContaining('is missing'),
    })
  })

  it('refuses a log that has shrunk: another one is in its place', async () => {
    await writtenLog()
    const reader = await openAuditLogReader(directory, { refreshMillis: 0 })
    await rm(directory, { recursive: true })
    await expect(reader.head()).rejects.toMatchObject({ code: 'AUDIT_OPEN_FAILED' })
    const other = levelStore(directory)
    await other.open()
    await other.commit(sealedEntries(1))
    await expect(reader.head()).rejects.toMatchObject({ code: 'AUDIT_LOG_CORRUPT' })
    await reader.close()
    await other.close()
  })

  it('refuses options that cannot be meant', async () => {
    await expect(openAuditLogReader('')).rejects.toThrow(TypeError)
    await expect(openAuditLogReader('x', { refreshMilis: 1 } as object)).rejects.toThrow("mean 'refreshMillis'")
    await expect(openAuditLogReader('x', { refreshMillis: -1 })).rejects.toThrow('refreshMillis')
    await expect(openAuditLogReader('x', { eventTypes: [1] } as object)).rejects.toThrow('eventTypes')
  })
})
