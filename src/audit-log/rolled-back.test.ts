import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { copyLive } from '../../test/support/copy-live.js'
import { Ed25519Signer, parseCheckpoint, parseNote, type Signer } from '../checkpoint/index.js'
import type { AuditEventInput } from '../events/types.js'
import type { AuditLogOptions } from '../log/options.js'
import { memoryStore } from '../store/memory/index.js'
import { fileWitness, witnessedBy } from '../witness/index.js'
import { type AuditLog, openAuditLog } from './index.js'

let base: string
let directory: string
const open: AuditLog[] = []
const signer = Ed25519Signer.generate('log.example')

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'spanledger-'))
  directory = join(base, 'audit')
})

afterEach(async () => {
  await Promise.allSettled(open.splice(0).map((log) => log.close()))
  await rm(base, { recursive: true, force: true })
})

type Options = Omit<AuditLogOptions, 'store'>
const note = (name: string): AuditEventInput<'custom'> => ({ type: 'custom', data: { name } })

async function openLog(options: Options = {}): Promise<AuditLog> {
  const log = await openAuditLog(directory, {
    signer,
    checkpointIntervalMillis: 0,
    on: { problem: () => {} },
    ...options,
  })
  open.push(log)
  return log
}

async function grow(events: number, options: Options = {}): Promise<void> {
  const log = await openLog(options)
  for (let n = 0; n < events; n++) await log.append(note(`${n}`))
  await log.close()
}

/** Every file of the log that opening could have changed. */
function bytesOf(): Map<string, string> {
  const names = readdirSync(directory, { recursive: true, encoding: 'utf8' }).sort()
  const kept = names.filter((name) => /^(journal\/|head$|checkpoint$)/.test(name))
  return new Map(kept.filter(isFile).map((name) => [name, readFileSync(join(directory, name), 'latin1')]))
}
const isFile = (name: string) => statSync(join(directory, name)).isFile()

function backUp(): void {
  copyLive(directory, join(base, 'backup'))
}

function restore(): void {
  rmSync(directory, { recursive: true })
  copyLive(join(base, 'backup'), directory)
}

const rolledBack = (what: string) => ({ code: 'AUDIT_LOG_ROLLED_BACK', message: expect.stringContaining(what) })
const sizeOf = (checkpoint: string) => Number(parseCheckpoint(parseNote(checkpoint).text).size)

/** Options configured outside of the log, and the message of each about a restored backup. */
const outside: [string, () => Promise<Options>, string][] = [
  [
    'a external checkpoint file',
    async () => ({ externalCheckpointFile: join(base, 'outside', 'counter') }),
    'the external checkpoint file covers 7 entries',
  ],
  [
    'a checkpoint kept elsewhere, fetched',
    async () => {
      const kept: string[] = []
      const publishCheckpoint = (checkpoint: string) => void kept.push(checkpoint)
      return { publishCheckpoint, knownCheckpoint: async () => kept }
    },
    'the known checkpoint covers 7 entries',
  ],
  [
    'a witness',
    async () => ({
      publishCheckpoint: witnessedBy([await fileWitness(join(base, 'witness'))], { onProblem: () => {} }),
    }),
    'has seen 7 entries of log.example',
  ],
]

describe.each(outside)('a backup that was restored is noticed by %s', (_, configure, told) => {
  let options: Options

  beforeEach(async () => {
    options = await configure()
    await grow(3, options)
    backUp()
    await grow(4, options)
  })

  it('before anything is committed or signed', async () => {
    restore()
    const before = bytesOf()
    let signatures = 0
    const { name, keyId, vkey } = signer
    const sign: Signer['sign'] = (text) => {
      signatures++
      return signer.sign(text)
    }
    await expect(openLog({ ...options, signer: { name, keyId, vkey, sign } })).rejects.toMatchObject(rolledBack(told))
    expect(signatures).toBe(0)
    expect(bytesOf()).toEqual(before)
  })

  it('also where its process had died, and its journal has more', async () => {
    restore()
    const log = await openLog()
    for (let n = 0; n < 6; n++) log.record(note('other'))
    copyLive(directory, join(base, 'image'))
    await log.close()
    rmSync(directory, { recursive: true })
    copyLive(join(base, 'image'), directory)
    await expect(openLog(options)).rejects.toMatchObject({ code: expect.stringMatching(/ROLLED_BACK|CORRUPT/) })
  })

  it('and recorded where that is asked for, before the log goes on', async () => {
    restore()
    const log = await openLog({ ...options, divergence: 'record' })
    expect(log.recovery.divergence).toContain(told)
    expect(await log.events({ type: 'audit_log_diverged' }).toArray()).toMatchObject([
      { seq: 3, data: { reason: 'rolled_back', foundSize: 3 } },
    ])
  })

  it('and nothing is said of a log that goes on, also after a crash', async () => {
    const log = await openLog(options)
    await log.append(note('more'))
    log.record(note('and more'))
    copyLive(directory, join(base, 'image'))
    await log.close()
    await grow(1, options)
  })
})

it('a crashed log whose journal makes up for what its database lost is whole, and compared before it is committed', async () => {
  const externalCheckpointFile = join(base, 'counter')
  await grow(3, { externalCheckpointFile })
  backUp()
  await grow(4, { externalCheckpointFile })
  rmSync(join(directory, 'entries'), { recursive: true })
  copyLive(join(base, 'backup', 'entries'), join(directory, 'entries'))
  const log = await openLog({ externalCheckpointFile })
  expect(log.recovery).toMatchObject({ unclean: true, recoveredEvents: 4 })
  expect(await log.events({ type: 'custom' }).count()).toBe(7)
})

it('a database set back, with other records in the journal than those that were signed, is refused as it is', async () => {
  await grow(3)
  backUp()
  await grow(4)
  const checkpoint = readFileSync(join(directory, 'checkpoint'))
  const head = readFileSync(join(directory, 'head'))
  restore()
  const log = await openLog()
  for (let n = 0; n < 4; n++) log.record(note('other'))
  copyLive(directory, join(base, 'image'))
  await log.close()
  directory = join(base, 'image')
  writeFileSync(join(directory, 'checkpoint'), checkpoint)
  writeFileSync(join(directory, 'head'), head)
  const before = bytesOf()
  await expect(openLog()).rejects.toMatchObject({ code: 'AUDIT_LOG_CORRUPT' })
  expect(bytesOf()).toEqual(before)
})

describe('a external checkpoint file', () => {
  const counter = () => join(base, 'outside', 'of', 'it')

  it('has the newest checkpoint of the log, for its owner alone', async () => {
    const externalCheckpointFile = counter()
    await grow(2, { externalCheckpointFile })
    expect(sizeOf(readFileSync(externalCheckpointFile, 'utf8'))).toBe(2)
    expect(readFileSync(externalCheckpointFile, 'utf8')).toBe(readFileSync(join(directory, 'checkpoint'), 'utf8'))
    expect(statSync(externalCheckpointFile).mode & 0o777).toBe(0o600)
    await grow(1, { externalCheckpointFile })
    expect(sizeOf(readFileSync(externalCheckpointFile, 'utf8'))).toBe(3)
  })

  it('notices that the whole directory is gone', async () => {
    await grow(2, { externalCheckpointFile: counter() })
    rmSync(directory, { recursive: true })
    await expect(openLog({ externalCheckpointFile: counter() })).rejects.toMatchObject(
      rolledBack('covers 2 entries, and it has 0'),
    )
  })

  it('of another log is a mistake that is named', async () => {
    await grow(2, { externalCheckpointFile: counter() })
    directory = join(base, 'other')
    const other = Ed25519Signer.generate('other.example')
    await grow(5, { signer: other })
    await expect(openLog({ signer: other, externalCheckpointFile: counter() })).rejects.toMatchObject({
      code: 'AUDIT_ORIGIN_MISMATCH',
      message: expect.stringContaining(
        "the external checkpoint file is of the log 'log.example', and this one is 'other.example'",
      ),
    })
  })

  it('that is malformed, or signed by nobody, is no reason to go on', async () => {
    await grow(2, { externalCheckpointFile: counter() })
    const text = readFileSync(counter(), 'utf8')
    for (const altered of ['', 'x', text.replace(/\n2\n/, '\n1\n'), text.replace(/(— \S+ .{12})./, '$1A')]) {
      writeFileSync(counter(), altered)
      await expect(openLog({ externalCheckpointFile: counter() })).rejects.toMatchObject({ code: 'AUDIT_LOG_CORRUPT' })
    }
    writeFileSync(counter(), text)
    await grow(1, { externalCheckpointFile: counter() })
  })

  it('must be outside of the directory, and a path', async () => {
    for (const externalCheckpointFile of [directory, join(directory, 'counter'), '', 5 as unknown as string]) {
      await expect(openLog({ externalCheckpointFile })).rejects.toBeInstanceOf(TypeError)
    }
    expect(existsSync(directory)).toBe(false)
  })

  it('that cannot be written holds nothing up, and is reported once', async () => {
    const problems: Error[] = []
    const log = await openLog({
      externalCheckpointFile: counter(),
      on: { problem: (problem) => void problems.push(problem) },
    })
    rmSync(join(base, 'outside'), { recursive: true })
    for (let n = 0; n < 3; n++) {
      await log.append(note('a'))
      await log.checkpoint()
    }
    expect(problems).toMatchObject([{ code: 'ENOENT' }])
    expect(log.health().checkpoints).toBe('ok')
  })

  it('stays empty where the log has no key, which is reported', async () => {
    const problems: Error[] = []
    const store = memoryStore()
    const report = (problem: Error) => void problems.push(problem)
    const log = await openAuditLog({ store, externalCheckpointFile: counter(), on: { problem: report } })
    await log.close()
    expect(problems).toMatchObject([{ message: expect.stringContaining('has no key') }])
  })
})

describe('what is known elsewhere', () => {
  it('may be several checkpoints, of which one is newer', async () => {
    await grow(2)
    const older = readFileSync(join(directory, 'checkpoint'), 'utf8')
    backUp()
    await grow(2)
    const newer = readFileSync(join(directory, 'checkpoint'), 'utf8')
    await grow(0, { knownCheckpoint: [older, newer] })
    restore()
    await expect(openLog({ knownCheckpoint: [older, newer] })).rejects.toMatchObject(rolledBack('covers 4 entries'))
    await grow(0, { knownCheckpoint: [older] })
    await grow(0, { knownCheckpoint: () => undefined })
  })

  it('and cannot be asked keeps the log from being opened', async () => {
    await grow(1)
    const cause = new Error('no network')
    await expect(openLog({ knownCheckpoint: () => Promise.reject(cause) })).rejects.toBe(cause)
    const never = { knownCheckpoint: () => new Promise<never>(() => {}), checkpointTimeoutMillis: 10 }
    await expect(openLog(never)).rejects.toThrow('knownCheckpoint did not answer within 10 ms')
    await expect(openLog({ knownCheckpoint: (() => 5) as never })).rejects.toBeInstanceOf(TypeError)
  })

  it('a witness that does not answer holds nothing up, and is reported', async () => {
    await grow(1)
    const problems: Error[] = []
    const report = (problem: Error) => void problems.push(problem)
    const silent = { name: 'w', vkey: '', cosign: () => Promise.reject(new Error('no network')) }
    await grow(0, { publishCheckpoint: witnessedBy([silent], { onProblem: report }) })
    expect(problems).toMatchObject([{ message: 'no network' }])
    const never = Object.assign(() => {}, { confirm: () => new Promise<never>(() => {}) })
    await grow(0, { publishCheckpoint: never, checkpointTimeoutMillis: 10, on: { problem: report } })
    expect(problems.at(-1)?.message).toBe('the witnesses did not answer within 10 ms')
  })
})
