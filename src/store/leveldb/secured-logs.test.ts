import { execFile } from 'node:child_process'
import { cpSync, renameSync, truncateSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rename, rm, stat, symlink, unlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Level } from 'level'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { sealedEntries, sealedEntry } from '../../testing/index.js'
import { readHead, storedHead } from './entries/head.js'
import { encodeHead } from './entries/head-value.js'
import { headKey } from './entries/keys.js'
import { levelStore } from './index.js'
import { encodeLog } from './log-records.js'
import { LogReader, recordsOf } from './recovered-records.js'

/*
 * LevelDB passes over what it cannot read of its log for a moment, and deletes the log. What that comes to is done here
 * to the files right before LevelDB opens them; `npm run test:faults -- opening` lets the system calls fail.
 */

const BLOCK_BYTES = 32 * 1024
const GROUPS = 60
/** A log that LevelDB began without noting it in its manifest: it may give the number to another file. */
const UNNOTED = '000009.log'

/** Steps of an opening on the file system, each told when it is done. */
const steps = vi.hoisted(() => ({ done: (_step: string) => {} }))

vi.mock('node:fs/promises', async (importOriginal) => {
  const original = await importOriginal<typeof import('node:fs/promises')>()
  const told = Object.entries(original).map(([name, call]) => {
    if (!['mkdir', 'link', 'copyFile', 'rm', 'rename'].includes(name)) return [name, call]
    const tell = async (...args: unknown[]) => {
      const result = await (call as (...args: unknown[]) => Promise<unknown>)(...args)
      steps.done(name)
      return result
    }
    return [name, tell]
  })
  return Object.fromEntries(told)
})

let base: string
/** Of a log whose process died: some entries in a table, and in two logs of LevelDB's. */
let directory: string

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'spanledger-'))
  directory = join(base, 'audit')
  const log = join(base, 'live')
  await leave(log, 3)
  await leave(log, GROUPS)
  cpSync(log, directory, { recursive: true })
  await splitLog()
})

afterEach(async () => {
  steps.done = () => {}
  vi.restoreAllMocks()
  await rm(base, { recursive: true })
})

/** Commits groups of 4 and a run, and copies the log as a process that dies leaves it. */
async function leave(log: string, groups: number): Promise<void> {
  const store = levelStore(log)
  await store.open()
  for (let n = 0; n < groups; n++) {
    if (n === 1) await store.commit([sealedEntry({ type: 'run_started', runId: 'r', data: { agent: { name: 'a' } } })])
    if (n === groups - 1) await store.commit([sealedEntry({ type: 'run_completed', runId: 'r', data: {} })])
    await store.commit(sealedEntries(4, () => ({ data: { name: 'x'.repeat(300) } })))
  }
  cpSync(log, `${log}-left`, { recursive: true })
  await store.close()
  await rm(log, { recursive: true })
  await rename(`${log}-left`, log)
}

const db = (...names: string[]) => join(directory, 'entries', ...names)

async function logNames(): Promise<string[]> {
  return (await readdir(db())).filter((name) => name.endsWith('.log')).sort()
}

/** Lays the later half of the log into another one, as LevelDB does when its write buffer is full. */
async function splitLog(): Promise<void> {
  const [name = ''] = await logNames()
  const records = Array.from(recordsOf(await readFile(db(name)), new LogReader({ checksums: true })), (record) =>
    Buffer.from(record),
  )
  await writeFile(db(name), encodeLog(records.slice(0, records.length / 2)))
  await writeFile(db(UNNOTED), encodeLog(records.slice(records.length / 2)))
}

type LevelHooks = { _open(options: object): Promise<void> }

/** Does something to the files right before LevelDB opens them, so many times. */
function beforeOpening(change: () => unknown, { times = 1, after = () => {} } = {}): void {
  const hooks = Level.prototype as unknown as LevelHooks
  const { _open } = hooks
  const spy = vi.spyOn(hooks, '_open')
  for (let n = 0; n < times; n++) {
    spy.mockImplementationOnce(async function (this: unknown, options) {
      await change()
      try {
        await _open.call(this as LevelHooks, options)
      } finally {
        after()
      }
    })
  }
}

/** Opens the log and looks whether it is whole. @returns the names in the database's directory */
async function expectWhole(at = directory): Promise<string[]> {
  const store = levelStore(at)
  await store.open()
  const size = 3 * 4 + 2 + GROUPS * 4 + 2
  expect(store.size).toBe(size)
  expect((await store.read(Array.from({ length: size }, (_, seq) => seq))).includes(undefined)).toBe(false)
  expect(await store.openRuns()).toEqual([])
  const names = await readdir(join(at, 'entries'))
  await store.close()
  return names
}

const all = async () => await Promise.all((await logNames()).map((name) => unlink(db(name))))
const first = async () => {
  const sizes = await Promise.all((await logNames()).map(async (name) => ({ name, ...(await stat(db(name))) })))
  await unlink(db(sizes.find(({ size }) => size > 0)?.name as string))
}
const last = async () => await unlink(db(UNNOTED))
/** As after a read that failed: LevelDB does not go on behind it. */
const rest = async () => {
  for (const name of await logNames()) {
    await writeFile(`${db(name)}.cut`, (await readFile(db(name))).subarray(0, BLOCK_BYTES))
    await rename(`${db(name)}.cut`, db(name))
  }
}
/** LevelDB gave the number of the log to a new one. */
const overwritten = () => truncateSync(db(UNNOTED), 0)

describe('a log of which LevelDB does not read', () => {
  it.each([
    ['anything', all],
    ['the older half', first],
    ['the newer half', last],
    ['what follows the first block', rest],
    ['what it has written over', overwritten],
  ])('%s is opened whole at the second attempt', async (_, fault) => {
    beforeOpening(fault)
    const names = await expectWhole()
    expect(names.filter((name) => /secured|returning|damaged/.test(name))).toEqual([])
  })

  it.each([
    ['anything', all],
    ['the older half', first],
    ['what follows the first block', rest],
  ])('%s, however often, is refused, and whole once LevelDB can read it', async (_, fault) => {
    beforeOpening(fault, { times: 6 })
    for (let attempt = 0; attempt < 3; attempt++) {
      await expect(levelStore(directory).open()).rejects.toMatchObject({
        code: 'AUDIT_OPEN_FAILED',
        message: expect.stringContaining('did not read all of its own log'),
      })
      // Nothing piles up.
      expect((await readdir(db())).filter((name) => /secured|returning|damaged/.test(name))).toEqual([])
    }
    await expectWhole()
  })

  it('is whole for who reads it from another process after a refusal', async () => {
    beforeOpening(all, { times: 2 })
    await expect(levelStore(directory).open()).rejects.toMatchObject({ code: 'AUDIT_OPEN_FAILED' })
    const copied = join(base, 'copied')
    cpSync(directory, copied, { recursive: true })
    await expectWhole(copied)
  })

  it('is whole whenever the process dies', async () => {
    const images: string[] = []
    const image = (step: string) => {
      const path = join(base, `${images.length}-${step}`)
      cpSync(directory, path, { recursive: true })
      images.push(path)
    }
    beforeOpening(all, { after: () => image('opened') })
    steps.done = image
    await expectWhole()
    steps.done = () => {}
    expect(images.length).toBeGreaterThan(8)
    for (const path of images) {
      const names = await expectWhole(path)
      expect(names.filter((name) => /secured|returning|damaged/.test(name))).toEqual([])
    }
  })
})

it('a database whose CURRENT LevelDB does not see is not taken for a new one', async () => {
  const tables = async () => (await readdir(db())).filter((name) => name.endsWith('.ldb'))
  const before = await tables()
  const hide = () => rename(db('CURRENT'), db('hidden'))
  const show = () => renameSync(db('hidden'), db('CURRENT'))
  beforeOpening(hide, { times: 2, after: show })
  await expect(levelStore(directory).open()).rejects.toMatchObject({ code: 'AUDIT_OPEN_FAILED' })
  expect(await tables()).toEqual(expect.arrayContaining(before))
  await expectWhole()
})

it('what cannot be read is not opened, and every byte stays as it was', async () => {
  const before = await Promise.all((await readdir(db())).map(async (name) => [name, await readFile(db(name))]))
  await rename(db(UNNOTED), db('log'))
  for (const lay of [() => symlink(db('log'), db(UNNOTED)), () => promisify(execFile)('mkfifo', [db(UNNOTED)])]) {
    await lay()
    await expect(levelStore(directory).open()).rejects.toMatchObject({
      code: 'AUDIT_FILE_REFUSED',
      message: expect.stringContaining(db(UNNOTED)),
    })
    await unlink(db(UNNOTED))
  }
  await rename(db('log'), db(UNNOTED))
  expect(await Promise.all((await readdir(db())).map(async (name) => [name, await readFile(db(name))]))).toEqual(before)
  await expectWhole()
})

it('a log that is damaged itself is kept aside as evidence', async () => {
  const bytes = await readFile(db(UNNOTED))
  bytes[bytes.length - 100] = (bytes[bytes.length - 100] as number) ^ 1
  await writeFile(db(UNNOTED), bytes)
  const store = levelStore(directory)
  await store.open()
  await store.close()
  expect(await readFile(db('damaged', UNNOTED))).toEqual(bytes)
  expect((await readdir(db())).filter((name) => name.startsWith('secured'))).toEqual([])
})

it('an opening that is refused, since another process has the log open, leaves nothing behind', async () => {
  const store = levelStore(directory)
  await store.open()
  await store.commit(sealedEntries(1))
  const before = (await readdir(db())).sort()
  const script = `
    const { Level } = await import('level')
    await new Level(process.argv[1]).open().catch(() => {})`
  await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script, db()])
  expect((await readdir(db())).sort()).toEqual(before)
  await store.close()
})

it('a log that another process has opened and closed meanwhile is left as that one made it', async () => {
  beforeOpening(async () => {
    const other = new Level<Buffer, Uint8Array>(db(), { keyEncoding: 'buffer', valueEncoding: 'view' })
    const head = await readHead(other, directory)
    const closed = { ...head.writer, closed: true }
    await other.put(headKey(head.tree.size), encodeHead({ ...storedHead(head), writer: closed }))
    await other.close()
  })
  const store = levelStore(directory)
  await store.open()
  expect(store.closedInOrder).toBe(true)
  await store.close()
  expect((await expectWhole()).filter((name) => /secured|returning|damaged/.test(name))).toEqual([])
})

it('nothing is secured where no log holds anything', async () => {
  const fresh = join(base, 'fresh')
  const made: string[] = []
  const store = levelStore(fresh)
  await store.open()
  await store.close()
  for (const name of await readdir(join(fresh, 'entries'))) {
    if (name.endsWith('.log')) truncateSync(join(fresh, 'entries', name), 0)
  }
  steps.done = (step) => made.push(step)
  await store.open().catch(() => undefined)
  await store.close()
  // An index of another log gives way to an empty one.
  expect(made.filter((step) => step !== 'mkdir' && step !== 'rm')).toEqual([])
  expect((await stat(fresh)).isDirectory()).toBe(true)
})
