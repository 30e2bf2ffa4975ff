import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type RawDatabase, tamper, writeLog } from '../../test/verify/tampered-log.js'
import { openAuditLog } from '../audit-log/index.js'
import { HASH_KEY_KEY } from '../store/leveldb/entries/head.js'
import { decodeHashKey, NameHashes } from '../store/leveldb/hash-key.js'
import { openRunKey } from '../store/leveldb/indexes/keys.js'
import type { Database } from '../store/leveldb/load-level.js'
import { type Finding, Findings } from '../verify/findings.js'
import { closeFrozen, FrozenLog } from './frozen-log.js'
import { inspectLog, openOwn } from './inspection.js'

// A log is gone through once for each of its reads.
vi.setConfig({ testTimeout: 240_000 })

const REQUEST = {
  sizes: [],
  origins: undefined,
  gracePeriod: undefined,
  threads: 1,
  entriesOnly: false,
  onProgress: () => {},
  onStatement: () => {},
  signal: undefined,
}

/** Goes through a log, whose databases are read through `wrap`. */
async function inspected(
  directory: string,
  { wrap = (db: Database) => db, maxOpenRunSlots = undefined as number | undefined } = {},
): Promise<readonly Finding[]> {
  const log = await FrozenLog.take(directory)
  const databases = await openOwn(log)
  try {
    const request = { ...REQUEST, ...(maxOpenRunSlots !== undefined && { maxOpenRunSlots }) }
    const wrapped = { entries: wrap(databases.entries), index: databases.index && wrap(databases.index) }
    return (await inspectLog(log, wrapped, request, new Findings())).findings
  } finally {
    await closeFrozen(databases)
    await log.remove()
  }
}

describe('a read that fails', () => {
  let log: Awaited<ReturnType<typeof writeLog>>
  beforeAll(async () => {
    log = await writeLog([120])
  })
  afterAll(() => log.remove())

  /** Lets the n-th read of a database fail, and counts them. */
  function failing(at: number, code: string) {
    let reads = 0
    const read = <T>(begin: () => Promise<T>): Promise<T> =>
      ++reads === at ? Promise.reject(Object.assign(new Error('it cannot be read'), { code })) : begin()
    const wrapped = (target: object, methods: readonly string[]): object =>
      new Proxy(target, {
        get: (object, name) => {
          const value = Reflect.get(object, name)
          if (typeof value !== 'function') return value
          const call = value.bind(object)
          if (name === Symbol.asyncIterator) return () => wrapped(call(), CURSOR)
          if (methods.includes(name as string)) return (...args: unknown[]) => read(() => call(...args))
          return name === 'iterator' || name === 'keys' ? (...args: unknown[]) => wrapped(call(...args), CURSOR) : call
        },
      })
    return { wrap: (db: Database) => wrapped(db, ['get', 'getMany']) as Database, reads: () => reads }
  }
  const CURSOR = ['next', 'nextv', 'all']

  it('is no finding, wherever it fails: nothing is said of the log', async () => {
    const counted = failing(0, '')
    expect(await inspected(log.directory, counted)).toEqual([])
    expect(counted.reads()).toBeGreaterThan(30)
    for (let at = 1; at <= counted.reads(); at++) {
      const { wrap } = failing(at, 'LEVEL_IO_ERROR')
      await expect(inspected(log.directory, { wrap }), `read ${at}`).rejects.toMatchObject({
        code: 'AUDIT_READ_FAILED',
      })
    }
  })

  it('is one where what was read is damaged', async () => {
    const counted = failing(0, '')
    await inspected(log.directory, counted)
    for (let at = 1; at <= counted.reads(); at++) {
      const { wrap } = failing(at, 'LEVEL_CORRUPTION')
      await expect(inspected(log.directory, { wrap }), `read ${at}`).resolves.toBeDefined()
    }
  })
})

describe('runs that are open', () => {
  const COUNT = 2_000
  let directory: string
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'spanledger-open-runs-'))
    await using log = await openAuditLog(directory, { signer: false })
    for (let n = 0; n < COUNT; n++) {
      log.record({ type: 'run_started', runId: `r-${n}`, tenantId: `t-${n % 3}`, data: { agent: { name: 'a' } } })
      if (n % 5 === 0) log.record({ type: 'run_completed', runId: `r-${n}`, tenantId: `t-${n % 3}`, data: {} })
      if (n % 10 === 0) log.record({ type: 'resumed', runId: `r-${n}`, tenantId: `t-${n % 3}`, data: {} })
      if (n % 1_000 === 0) await log.flush()
    }
  })
  afterAll(() => rm(directory, { recursive: true }))

  const inParts = () => inspected(directory, { maxOpenRunSlots: 1_024 })

  it('are compared however many there are, as many at a time as fit', async () => {
    expect(await inspected(directory)).toEqual([])
    expect(await inParts()).toEqual([])
  })

  it('and none is missed, added or exchanged unnoticed', async () => {
    let hashes = new NameHashes(new Uint8Array())
    await tamper(directory, async (db) => {
      hashes = new NameHashes(decodeHashKey(await db.get(HASH_KEY_KEY)) ?? new Uint8Array())
    })
    const changes: readonly ((db: RawDatabase) => Promise<void>)[] = [
      (db) => db.del(openRunKey(hashes, 't-1', 'r-1')),
      (db) => db.put(openRunKey(hashes, 't-0', 'nobody'), Buffer.alloc(8)),
      (db) => db.put(openRunKey(hashes, 't-2', 'r-2'), Buffer.alloc(8)),
      (db) => db.put(openRunKey(hashes, 't-2', 'r-5'), Buffer.alloc(8)),
      (db) => db.put(openRunKey(hashes, 't-2', 'r-8'), Buffer.alloc(3)),
    ]
    for (const [at, change] of changes.entries()) {
      await tamper(directory, change, 'index')
      const expected = [{ kind: 'open_run_altered', count: at + 1 }]
      expect(await inspected(directory)).toMatchObject(expected)
      expect(await inParts()).toMatchObject(expected)
    }
  })
})
