import { execFile } from 'node:child_process'
import { mkdir, readdir, stat, symlink, unlink, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { promisify } from 'node:util'
import { Level } from 'level'
import { describe, expect, it } from 'vitest'
import { base, change, directory, leaveLog, useLevelLogs } from '../../../test/support/level-logs.js'
import type { RawDatabase } from '../../../test/support/raw-database.js'
import { sealedEntries } from '../../testing/index.js'
import { encodeBlock, entrySlot } from './entries/block.js'
import { blockKey, headKey, metaKey, tileKey } from './entries/keys.js'
import { levelStore } from './index.js'

useLevelLogs()

/** A block of so many entries that are not what the log has. */
function blockOf(count: number): Buffer {
  return encodeBlock(Array.from({ length: count }, () => entrySlot(Buffer.from('{}'), false)))
}

/** Opens the database in another process. @returns `opened`, or the code of the error */
async function openElsewhere(path: string): Promise<string> {
  const script = `
    const { Level } = require('level')
    new Level(process.argv[1]).open().then(() => 'opened', ({ cause }) => cause.code).then(console.log)`
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', script, join(path, 'entries')])
  return stdout.trim()
}

async function filesOf(extension: string): Promise<string[]> {
  const names = await readdir(join(directory, 'entries'))
  return names.filter((name) => name.endsWith(extension)).map((name) => join(directory, 'entries', name))
}

describe('opening a LevelDB log', () => {
  it('creates the directories for their owner alone, and its files too', async () => {
    const store = levelStore(directory)
    await store.open()
    const mode = async (path: string) => (await stat(path)).mode & 0o777
    expect(await mode(directory)).toBe(0o700)
    expect(await mode(join(directory, 'entries'))).toBe(0o700)
    for (const name of await readdir(join(directory, 'entries')))
      expect(await mode(join(directory, 'entries', name))).toBe(0o600)
    await store.close()
  })

  it('is refused with the absolute path while another has it open, by whatever path', async () => {
    const first = levelStore(directory)
    await first.open()
    await first.commit(sealedEntries(1))
    const link = join(base, 'link')
    await symlink(directory, link)
    for (const path of [directory, relative(process.cwd(), directory), link]) {
      const second = levelStore(path)
      const named = path === link ? link : directory
      await expect(second.open()).rejects.toMatchObject({
        code: 'AUDIT_LOG_LOCKED',
        message: expect.stringContaining(named),
      })
      await expect(second.commit(sealedEntries(1))).rejects.toMatchObject({ code: 'AUDIT_LOG_CLOSED' })
      // The refusal has not taken the lock from the first.
      expect(await openElsewhere(path)).toBe('LEVEL_LOCKED')
    }
    await first.commit(sealedEntries(1))
    await first.close()
    expect(await openElsewhere(directory)).toBe('opened')
    const next = levelStore(directory)
    await next.open()
    expect(next.size).toBe(2)
    await next.close()
  })

  it('fails with the cause where no directory can be', async () => {
    const file = join(base, 'file')
    await writeFile(file, '')
    for (const path of [file, join(file, 'below'), join(base, 'nul\0')]) {
      await expect(levelStore(path).open()).rejects.toMatchObject({
        code: 'AUDIT_OPEN_FAILED',
        cause: expect.any(Error),
      })
    }
    expect(() => levelStore('')).toThrow(TypeError)
  })

  it('refuses an unknown format version, names both, and lets go of the lock', async () => {
    await leaveLog((db) => db.put(metaKey('format'), Buffer.from('7')))
    for (let attempt = 0; attempt < 2; attempt++) {
      await expect(levelStore(directory).open()).rejects.toMatchObject({
        code: 'AUDIT_FORMAT_UNSUPPORTED',
        message: expect.stringMatching(/version 7\b.*version 3\b/),
      })
    }
  })

  it.each([
    ['the last block', 'entry 2 is missing', (db) => db.del(blockKey(0))],
    ['the last entry', 'entry 2 is missing', (db) => db.put(blockKey(0), blockOf(2))],
    ['an end to the entries', 'there is an entry 3', (db) => db.put(blockKey(3), blockOf(1))],
    ['an end to the last block', 'there is an entry 3', (db) => db.put(blockKey(0), blockOf(4))],
    ['a block', 'malformed', (db) => db.put(blockKey(0), Buffer.alloc(5))],
    ['the format version', 'format version is missing', (db) => db.del(metaKey('format'))],
    ['the id', 'its id is missing', (db) => db.del(metaKey('id'))],
    ['the key for index values', 'its key for index values', (db) => db.del(metaKey('hash key'))],
    ['the head', 'head is missing', (db) => db.del(headKey(3))],
    ['a tile of the tree', 'tile/0/000.p/3 is missing', (db) => db.del(tileKey(0, 0, 0))],
    ['the root', 'the root of its head', (db) => db.put(tileKey(0, 0, 0), Buffer.alloc(3 * 32))],
  ] satisfies [string, string, (db: RawDatabase) => Promise<void>][])(
    'finds that %s is missing or wrong',
    async (_, message, spoil) => {
      await leaveLog(spoil)
      await expect(levelStore(directory).open()).rejects.toMatchObject({
        code: 'AUDIT_LOG_CORRUPT',
        message: expect.stringContaining(message),
      })
    },
  )

  it.each([
    ['of a larger log', (head: Buffer) => head.writeUInt32BE(0xffff_ffff, 0)],
    ['with small blocks behind the end', (head: Buffer) => head.writeUInt32BE(0xffff_ffff, 40)],
    ['with a checkpoint behind the end', (head: Buffer) => head.writeUInt32BE(0xffff_ffff, 48)],
    ['cut short', (head: Buffer) => head.subarray(1)],
  ])('finds that a head is %s', async (_, spoil) => {
    await leaveLog(async (db) => {
      const head = Buffer.from((await db.get(headKey(3))) as Uint8Array)
      const spoilt = spoil(head)
      await db.put(headKey(3), spoilt instanceof Buffer ? spoilt : head)
    })
    await expect(levelStore(directory).open()).rejects.toMatchObject({
      code: 'AUDIT_LOG_CORRUPT',
      message: expect.stringContaining('its head is malformed'),
    })
  })

  it('does not take the head before for the last one', async () => {
    const store = levelStore(directory)
    await store.open()
    // Each commit is full blocks, between which the heads stay.
    for (let n = 0; n < 2; n++) await store.commit(sealedEntries(300))
    await store.close()
    await change((db) => db.del(headKey(600)))
    await expect(levelStore(directory).open()).rejects.toMatchObject({
      code: 'AUDIT_LOG_CORRUPT',
      message: expect.stringContaining('it should have 300 entries, but there is an entry 300'),
    })
  })

  it('does not take in more than a log can have of small blocks, whatever its head says', async () => {
    const store = levelStore(directory)
    await store.open()
    for (let n = 0; n < 20; n++) await store.commit(sealedEntries(1, () => ({ data: { name: 'x'.repeat(100_000) } })))
    await store.close()
    await change(async (db) => {
      const head = Buffer.from((await db.get(headKey(20))) as Uint8Array)
      await db.put(headKey(20), head.fill(0, 40, 48))
    })
    await expect(levelStore(directory).open()).rejects.toMatchObject({
      code: 'AUDIT_LOG_CORRUPT',
      message: expect.stringContaining('its head calls blocks from entry 0 on small'),
    })
  })

  it('reports tables that are gone, and leaves the others alone', async () => {
    await leaveLog()
    const [table] = await filesOf('.ldb')
    await unlink(table as string)
    await expect(levelStore(directory).open()).rejects.toMatchObject({ code: 'AUDIT_LOG_CORRUPT' })
  })

  it.each(['CURRENT', 'MANIFEST'])('does not take a log for a new one when %s is gone', async (lost) => {
    await leaveLog()
    const before = await filesOf('.ldb')
    const names = await readdir(join(directory, 'entries'))
    await unlink(join(directory, 'entries', names.find((name) => name.startsWith(lost)) as string))
    await expect(levelStore(directory).open()).rejects.toMatchObject({
      code: 'AUDIT_LOG_CORRUPT',
      message: expect.stringContaining('missing'),
    })
    expect(await filesOf('.ldb')).toEqual(before)
  })

  it('goes on where the first opening broke off before anything was written', async () => {
    await mkdir(join(directory, 'entries'), { recursive: true })
    const db = new Level(join(directory, 'entries'))
    await db.open()
    await db.close()
    const store = levelStore(directory)
    await store.open()
    expect(store.size).toBe(0)
    await store.close()
  })
})
