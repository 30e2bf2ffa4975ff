import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rename, rm, stat, symlink, unlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { promisify } from 'node:util'
import { Level } from 'level'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { hex, leafHash, ReferenceTree } from '../../../test/support/reference-tree.js'
import { removeEntries } from '../../../test/support/remove-entries.js'
import { sealedEntries, sealedEntry, storeConformance } from '../../testing/index.js'
import { hashLeaf, TreeFrontier } from '../../tree/index.js'
import type { SealedEntry } from '../contract.js'
import { timeRanges } from '../time-blocks.js'
import { encodeBlock, entrySlot } from './entries/block.js'
import { blockKey, headKey, metaKey, pageKey, tileKey } from './entries/keys.js'
import { levelStore } from './index.js'

const EVERYTHING = { from: 0, to: Number.MAX_SAFE_INTEGER, reverse: false }

describe('levelStore keeps the store contract:', () => {
  storeConformance({
    test: it,
    create: async () => levelStore(await mkdtemp(join(tmpdir(), 'spanledger-'))),
    reopen: (closed) => levelStore(closed.location),
    removeEntries: (closed, seqs, under) => removeEntries(closed.location, seqs, under),
    remove: (closed) => rm(closed.location, { recursive: true }),
  })
})

let base: string
let directory: string

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'spanledger-'))
  directory = join(base, 'audit')
})

afterEach(async () => {
  vi.restoreAllMocks()
  await rm(base, { recursive: true })
})

type RawDatabase = Level<Buffer, Uint8Array>

/** Leaves a closed log of three entries behind, changed past the engine's back. */
async function leaveLog(changing: (db: RawDatabase) => Promise<void> = async () => {}): Promise<void> {
  const store = levelStore(directory)
  await store.open()
  await store.commit(sealedEntries(3))
  await store.close()
  await change(changing)
}

/** Changes the database of the entries of a closed log. */
async function change(changing: (db: RawDatabase) => Promise<void>): Promise<void> {
  const path = join(directory, 'entries')
  const db: RawDatabase = new Level<Buffer, Uint8Array>(path, { keyEncoding: 'buffer', valueEncoding: 'view' })
  await db.open()
  await changing(db)
  await db.close()
}

/** A block of so many entries that are not what the log has. */
function blockOf(count: number): Buffer {
  return encodeBlock(Array.from({ length: count }, () => entrySlot(Buffer.from('{}'), false)))
}

/** What comes of opening the database in another process. */
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
        code: 'AUDIT_LOG_OPEN_FAILED',
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

describe('a LevelDB log', () => {
  it('refuses a commit while another is under way', async () => {
    const store = levelStore(directory)
    await store.open()
    const first = store.commit(sealedEntries(10))
    await expect(store.commit(sealedEntries(1))).rejects.toThrow(TypeError)
    expect((await first).size).toBe(10)
    await store.close()
  })

  it('reports an entry missing from the middle instead of skipping it', async () => {
    const store = levelStore(directory)
    await store.open()
    // Each commit is a full block.
    for (let n = 0; n < 3; n++) await store.commit(sealedEntries(1, () => ({ data: { name: 'x'.repeat(20_000) } })))
    await store.close()
    await change((db) => db.del(blockKey(1)))
    await store.open()
    const readAll = async (reverse: boolean) => {
      for await (const _ of store.entries({ ...EVERYTHING, reverse }));
    }
    const missing = { code: 'AUDIT_LOG_CORRUPT', message: expect.stringContaining('entry 1 of 3 is missing') }
    await expect(readAll(false)).rejects.toMatchObject(missing)
    await expect(readAll(true)).rejects.toMatchObject(missing)
    await expect(store.read([0, 1])).rejects.toMatchObject(missing)
    expect(await store.read([0, 2])).toHaveLength(2)
    await store.close()
  })

  it('reports a page of its directory that is missing or malformed', async () => {
    for (const [spoil, message] of [
      [(db: RawDatabase) => db.del(pageKey(0)), 'page 0 of its directory is missing'],
      [(db: RawDatabase) => db.put(pageKey(0), Buffer.alloc(3)), 'malformed'],
      [(db: RawDatabase) => db.put(pageKey(0), Buffer.alloc(40)), 'tells of no block'],
    ] as const) {
      const store = levelStore(directory)
      await store.open()
      await store.commit(sealedEntries(300))
      await store.close()
      await change(spoil)
      await store.open()
      const damaged = { code: 'AUDIT_LOG_CORRUPT', message: expect.stringContaining(message) }
      await expect(store.read([1])).rejects.toMatchObject(damaged)
      await expect(store.entries(EVERYTHING)[Symbol.asyncIterator]().next()).rejects.toMatchObject(damaged)
      await store.close()
      await rm(directory, { recursive: true })
    }
  })

  it('closes its iterators when a reader stops early', async () => {
    const store = levelStore(directory)
    await store.open()
    for (let n = 0; n < 3; n++) await store.commit(sealedEntries(2_000, (m) => ({ runId: `${n}-${m}` })))
    // What is in memory takes no iterator.
    await store.close()
    await store.open()
    const iterators = vi.spyOn(Level.prototype, 'iterator')

    for await (const _ of store.entries(EVERYTHING)) break
    for await (const _ of store.firstOfEach('run')) break
    for await (const _ of store.timeBlocks(0, EVERYTHING)) break
    for (const reverse of [false, true]) {
      const cursor = store.postings('session', ['s'], { ...EVERYTHING, reverse })
      await cursor.next(1_000)
      await cursor.close()
      // Of another value: what was read of the first one takes no iterator.
      const interrupted = store.postings('agent', ['planner'], { ...EVERYTHING, reverse })
      const reading = interrupted.next(1_000)
      // It has begun to read then.
      await setImmediate()
      await interrupted.close()
      await reading
    }
    await store.countPostings('tenant', ['t'], EVERYTHING, 1)

    expect(iterators.mock.results.length).toBeGreaterThan(6)
    for (const { value: iterator } of iterators.mock.results) {
      await expect(iterator.next()).rejects.toMatchObject({ code: 'LEVEL_ITERATOR_NOT_OPEN' })
    }
    await store.close()
  })
})

/** What every chained batch inherits `write()` from. */
async function batchPrototype(): Promise<{ write: (options: object) => Promise<void> }> {
  const db = new Level(join(base, 'other'))
  await db.open()
  const batch = db.batch()
  await batch.close()
  await db.close()
  return Object.getPrototypeOf(batch)
}

it('has the root of the tree that RFC 6962 defines over its entries, however they were committed', async () => {
  const lengths = [1, 7, 64, 1_024, 1, 2, 255, 300]
  const entries = sealedEntries(lengths.reduce((sum, length) => sum + length))
  const tree = new ReferenceTree((index) => leafHash((entries[Number(index)] as SealedEntry).bytes))
  const pure = entries.map(({ bytes }) => hashLeaf(bytes))
  const store = levelStore(directory)
  await store.open()
  let size = 0
  for (const length of lengths) {
    await store.commit(entries.slice(size, size + length))
    size += length
    const root = Buffer.from(store.root).toString('hex')
    expect(root).toBe(hex(tree.hash(0n, BigInt(size))))
    expect(root).toBe(hex(TreeFrontier.empty.append(pure.slice(0, size)).frontier.root))
    if (size % 2 === 0) continue
    await store.close()
    await store.open()
    expect(Buffer.from(store.root).toString('hex')).toBe(root)
  }
  await store.close()
})

describe('a commit to LevelDB', () => {
  it('is one batch, which is on disk before it resolves', async () => {
    const store = levelStore(directory)
    await store.open()
    const writes = vi.spyOn(await batchPrototype(), 'write')
    await store.commit(
      sealedEntries(700, (n) => ({ id: `chosen-${n}`, runId: `r-${n}`, time: '2026-05-05T00:00:00Z' })),
    )
    expect(writes.mock.calls).toEqual([[{ sync: true }]])
    await store.close()
  })

  it('shows nothing until it resolves, though the database has it', async () => {
    const store = levelStore(directory)
    await store.open()
    await store.commit(sealedEntries(2))
    const prototype = await batchPrototype()
    const { write } = prototype
    const seen: unknown[] = []
    vi.spyOn(prototype, 'write').mockImplementationOnce(async function (this: unknown, options) {
      await write.call(this, options)
      for await (const chunk of store.entries(EVERYTHING)) seen.push(chunk.length)
      for await (const first of store.firstOfEach('tenant')) seen.push(first)
      for await (const range of timeRanges(store, undefined, undefined, EVERYTHING)) seen.push(range.to)
      seen.push(await store.countPostings('type', ['custom'], EVERYTHING))
      seen.push(await store.postings('type', ['custom'], { ...EVERYTHING, reverse: true }).next())
      seen.push(await store.read([2]))
    })
    await store.commit(sealedEntries(3, () => ({ tenantId: 'new' })))
    expect(seen).toEqual([2, 0, 2, 2, [1, 0], [undefined]])
    expect(store.size).toBe(5)
    await store.close()
  })

  it('is kept when the log is closed meanwhile', async () => {
    const store = levelStore(directory)
    await store.open()
    const committing = store.commit([sealedEntry({ id: 'chosen' }), sealedEntry()])
    await store.close()
    expect((await committing).size).toBe(2)
    await store.open()
    expect(store.size).toBe(2)
    await store.close()
  })
})

describe('a commit that LevelDB could not write', () => {
  it('rejects with its cause, leaves nothing behind, and the next one succeeds at the same position', async () => {
    const store = levelStore(directory)
    await store.open()
    await store.commit([sealedEntry({ id: 'kept' })])
    const failure = new Error('no space left')
    vi.spyOn(await batchPrototype(), 'write').mockRejectedValueOnce(failure)
    await expect(store.commit([sealedEntry({ id: 'lost', sessionId: 'lost' })])).rejects.toMatchObject({
      code: 'AUDIT_WRITE_FAILED',
      cause: failure,
    })
    expect(store.size).toBe(1)
    expect(await store.read([1])).toEqual([undefined])
    expect(await store.countPostings('session', ['lost'], EVERYTHING)).toBe(0)
    expect(await store.commit([sealedEntry({ id: 'kept' }), sealedEntry({ id: 'lost' })])).toMatchObject({
      seqs: [0, 1],
      size: 2,
    })
    await store.close()
  })

  it('shows nothing of what the disk kept all the same until the log goes on behind it', async () => {
    const store = levelStore(directory)
    await store.open()
    await store.commit(sealedEntries(1))
    const prototype = await batchPrototype()
    const { write } = prototype
    vi.spyOn(prototype, 'write').mockImplementationOnce(async function (this: unknown, options) {
      await write.call(this, options)
      throw new Error('fsync failed')
    })
    await expect(store.commit([sealedEntry({ id: 'a' }), sealedEntry()])).rejects.toMatchObject({
      code: 'AUDIT_WRITE_FAILED',
    })
    expect(store.size).toBe(1)
    expect(await store.countPostings('tenant', ['t'], EVERYTHING)).toBe(1)
    expect((await store.read([0, 1]))[1]).toBeUndefined()
    expect(await store.commit([sealedEntry({ id: 'a' }), sealedEntry()])).toEqual({
      seqs: [1, 3],
      size: 4,
      firstNew: 3,
    })
    expect(await store.countPostings('tenant', ['t'], EVERYTHING)).toBe(4)
    await store.close()
  })

  it('is not stored twice when the disk kept it all the same, however often the retry fails', async () => {
    const store = levelStore(directory)
    await store.open()
    await store.commit(sealedEntries(1))
    const prototype = await batchPrototype()
    const { write } = prototype
    const failLate = async function (this: unknown, options: object) {
      await write.call(this, options)
      throw new Error('fsync failed')
    }
    const failEarly = () => Promise.reject(new Error('no space left'))
    const [a, b, c, d, e] = sealedEntries(5) as [SealedEntry, SealedEntry, SealedEntry, SealedEntry, SealedEntry]
    const journal = { segment: 1, offset: 7 }
    const failed = { code: 'AUDIT_WRITE_FAILED' }
    vi.spyOn(prototype, 'write')
      .mockImplementationOnce(failLate)
      .mockImplementationOnce(failEarly)
      .mockImplementationOnce(failLate)
    await expect(store.commit([a, b, c])).rejects.toMatchObject(failed)
    await expect(store.commit([a, c, d])).rejects.toMatchObject(failed)
    await expect(store.commit([a, c, d])).rejects.toMatchObject(failed)
    expect(await store.commit([a, c, d, e], { journal })).toEqual({ seqs: [1, 3, 4, 5], size: 6, firstNew: 5 })
    expect(store.journalPosition).toEqual(journal)
    // What comes later is new, were it the same bytes.
    expect(await store.commit([e])).toEqual({ seqs: [6], size: 7, firstNew: 6 })
    await store.close()
  })

  it.each([false, true])('is what a directory that was removed makes of it (replaced: %s)', async (isReplaced) => {
    const store = levelStore(directory)
    await store.open()
    await store.commit(sealedEntries(1))
    await rename(directory, join(base, 'away'))
    if (isReplaced) await mkdir(join(directory, 'entries'), { recursive: true })
    for (let attempt = 0; attempt < 2; attempt++) {
      await expect(store.commit(sealedEntries(1))).rejects.toMatchObject({
        code: 'AUDIT_WRITE_FAILED',
        message: expect.stringContaining('removed or replaced'),
      })
    }
    expect(existsSync(directory)).toBe(isReplaced)
    await rm(directory, { recursive: true, force: true })
    await rename(join(base, 'away'), directory)
    expect((await store.commit(sealedEntries(1))).size).toBe(3)
    await store.close()
  })

  it('can be followed by close and open', async () => {
    const store = levelStore(directory)
    await store.open()
    vi.spyOn(await batchPrototype(), 'write').mockRejectedValueOnce(new Error('no space left'))
    await expect(store.commit(sealedEntries(1))).rejects.toMatchObject({ code: 'AUDIT_WRITE_FAILED' })
    await store.close()
    await store.open()
    expect((await store.commit(sealedEntries(1))).size).toBe(1)
    await store.close()
  })
})
