import { cp, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { AMPLE } from '../../test/support/ample.js'
import { createWitness } from '../../test/support/witness.js'
import {
  Ed25519Signer,
  externalSigner,
  formatCheckpoint,
  openCheckpoint,
  openNote,
  parseCheckpoint,
  parseNote,
  type Signer,
  signNote,
  verifierFromVkey,
} from '../checkpoint/index.js'
import type { AuditEventInput } from '../events/types.js'
import type { AuditLogOptions } from '../log/options.js'
import { levelStore } from '../store/leveldb/index.js'
import { memoryStore } from '../store/memory/index.js'
import { TreeFrontier } from '../tree/index.js'
import { openAuditLog } from './index.js'

let directory: string
let base: string
const signer = Ed25519Signer.generate('log.example')

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'spanledger-'))
  directory = join(base, 'audit')
})

afterEach(async () => {
  vi.unstubAllEnvs()
  await rm(base, { recursive: true, force: true })
})

const note = (name: string): AuditEventInput<'custom'> => ({ type: 'custom', data: { name } })
const published = () => readFile(join(directory, 'checkpoint'), 'utf8')
const textOf = (checkpoint: string) => parseCheckpoint(parseNote(checkpoint).text)

/** Opens the log, appends so many events and closes it. */
async function grow(events: number, options: Omit<AuditLogOptions, 'store'> = {}): Promise<void> {
  const log = await openAuditLog(directory, options)
  for (let n = 0; n < events; n++) await log.append(note(`${n}`))
  await log.close()
}

/** Puts the database, and the files named, back to what they were in a copy. */
async function restore(copy: string, ...names: string[]): Promise<void> {
  for (const name of ['entries', ...names]) {
    await rm(join(directory, name), { recursive: true, force: true })
    await cp(join(copy, name), join(directory, name), { recursive: true })
  }
}

describe('a checkpoint', () => {
  it('covers all entries of a closed log, signed by the key of the log, outside of the database and in it', async () => {
    await grow(5)
    const vkey = (await readFile(join(directory, 'keys/signing.vkey'), 'utf8')).trim()
    const origin = verifierFromVkey(vkey).name
    const { size, root } = openCheckpoint(await published(), { origin, logKeys: [vkey] })
    expect(size).toBe(5n)
    const store = levelStore(directory)
    await store.open()
    expect(store.checkpoint).toBe(await published())
    expect(Buffer.from(root)).toEqual(Buffer.from(store.root))
    await store.close()
    for (const [name, mode] of [
      ['keys', 0o700],
      ['keys/signing.key', 0o600],
      ['checkpoint', 0o600],
    ] as const) {
      expect((await stat(join(directory, name))).mode & 0o777, name).toBe(mode)
    }
  })

  it('is signed on demand, of everything recorded before', async () => {
    const log = await openAuditLog({ store: memoryStore(), signer, checkpointIntervalMillis: 1e9 })
    expect(await log.checkpoint()).toBeUndefined()
    for (const size of [1n, 2n]) {
      log.record(note('a'))
      const { size: covered, origin } = textOf((await log.checkpoint()) ?? '')
      expect([covered, origin]).toEqual([size, 'log.example'])
    }
    const last = await log.checkpoint()
    expect(await log.checkpoint()).toBe(last)
    await log.close()
    await expect(log.checkpoint()).rejects.toMatchObject({ code: 'AUDIT_LOG_CLOSED' })
  })

  it('is signed soon after a commit, but not after each, and published', async () => {
    const sizes: bigint[] = []
    const publishCheckpoint = (checkpoint: string) => {
      sizes.push(textOf(checkpoint).size)
    }
    const log = await openAuditLog({
      store: memoryStore(),
      signer,
      publishCheckpoint,
      checkpointIntervalMillis: 2 ** 31 - 1,
    })
    await log.append(note('a'))
    await vi.waitFor(() => expect(sizes).toEqual([1n]), AMPLE)
    for (let n = 0; n < 20; n++) await log.append(note('b'))
    expect(sizes).toEqual([1n])
    await log.close()
    expect(sizes).toEqual([1n, 21n])
  })

  it('of what a process left behind that died is signed by the next', async () => {
    const store = memoryStore()
    const first = await openAuditLog({ store, signer: false })
    await first.append(note('a'))
    await first.close()
    const checkpoints: string[] = []
    const log = await openAuditLog({
      store,
      signer,
      publishCheckpoint: (checkpoint) => void checkpoints.push(checkpoint),
    })
    await vi.waitFor(() => expect(checkpoints.map((each) => textOf(each).size)).toEqual([1n]), AMPLE)
    await log.close()
    expect(store.checkpoint).toBe(checkpoints[0])
  })

  it('takes the cosignatures that its listener answers with, and nothing else', async () => {
    const witness = createWitness('witness.example')
    const problems: Error[] = []
    const answers: ((checkpoint: string) => unknown)[] = [
      (checkpoint) => witness.cosign(checkpoint, 1_700_000_000n),
      (checkpoint) => checkpoint.replace('log.example', 'other.example'),
      () => Promise.reject(new Error('unreachable')),
    ]
    const store = memoryStore()
    const report = (problem: Error) => void problems.push(problem)
    const publishCheckpoint = (checkpoint: string) => answers.shift()?.(checkpoint)
    const log = await openAuditLog({
      store,
      signer,
      publishCheckpoint,
      on: { problem: report },
      checkpointIntervalMillis: 1e9,
    })
    const signatures: number[] = []
    for (let n = 0; n < 3; n++) {
      log.record(note('a'))
      signatures.push(parseNote((await log.checkpoint()) ?? '').signatures.length)
    }
    expect(signatures).toEqual([2, 1, 1])
    expect(problems).toMatchObject([{ name: 'TypeError' }, { message: 'unreachable' }])
    await log.close()
  })

  it('that cannot be signed costs nothing but itself, and is told once', async () => {
    const problems: Error[] = []
    let isBroken = true
    const flaky: Signer = {
      name: signer.name,
      keyId: signer.keyId,
      vkey: signer.vkey,
      sign: (text) => (isBroken ? Promise.reject(new Error('no network')) : signer.sign(text)),
    }
    const report = (problem: Error) => void problems.push(problem)
    const log = await openAuditLog(directory, { signer: flaky, on: { problem: report }, checkpointIntervalMillis: 1e9 })
    for (let n = 0; n < 3; n++) {
      await log.append(note('a'))
      await expect(log.checkpoint()).rejects.toMatchObject({ code: 'AUDIT_SIGNING_FAILED' })
    }
    expect(problems).toHaveLength(1)
    expect(log.health()).toMatchObject({ status: 'ok', checkpoints: 'failing' })
    isBroken = false
    expect(textOf((await log.checkpoint()) ?? '').size).toBe(3n)
    expect(log.health()).toMatchObject({ checkpoints: 'ok' })
    await log.close()
  })

  it('is not there without a signer', async () => {
    const log = await openAuditLog(directory, { signer: false })
    await log.append(note('a'))
    expect(log.health().checkpoints).toBe('off')
    await expect(log.checkpoint()).rejects.toMatchObject({ code: 'AUDIT_SIGNING_FAILED' })
    await log.close()
    await expect(published()).rejects.toThrow('ENOENT')
    await expect(stat(join(directory, 'keys'))).rejects.toThrow('ENOENT')
  })
})

describe('the key', () => {
  it.each([
    ['a PEM', (key: Ed25519Signer) => ({ signingKey: key.exportPem(), origin: key.name })],
    ['an skey', (key: Ed25519Signer) => ({ signingKey: key.exportSkey() })],
    [
      'one kept by others',
      (key: Ed25519Signer) => {
        const publicKey = Buffer.from(key.vkey.slice(key.name.length + 10), 'base64').subarray(1)
        const spki = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), publicKey])
        return { signer: externalSigner({ name: key.name, publicKey: spki, sign: (text) => key.sign(text) }) }
      },
    ],
  ])('may be %s', async (_, optionsOf) => {
    await grow(2, optionsOf(signer))
    expect(openCheckpoint(await published(), { origin: signer.name, logKeys: [signer.vkey] }).size).toBe(2n)
    await expect(stat(join(directory, 'keys'))).rejects.toThrow('ENOENT')
  })

  it('may be in the environment, its lines apart by \\n, and keeps the origin of the log', async () => {
    vi.stubEnv('SPANLEDGER_SIGNING_KEY', signer.exportPem().replaceAll('\n', '\\n'))
    await grow(1)
    const { origin } = textOf(await published())
    expect(origin).toMatch(/^spanledger\.local\/[\da-f]{16}$/)
    await grow(1)
    const named = Ed25519Signer.fromPem(origin, signer.exportPem())
    expect(openCheckpoint(await published(), { origin, logKeys: [named.vkey] }).size).toBe(2n)
  })

  it('must be of the log', async () => {
    await grow(1, { signer })
    const other = Ed25519Signer.generate('other.example')
    await expect(openAuditLog(directory, { signer: other })).rejects.toMatchObject({ code: 'AUDIT_ORIGIN_MISMATCH' })
    await expect(openAuditLog(directory, { signingKey: 'none' })).rejects.toMatchObject({ code: 'AUDIT_KEY_INVALID' })
    await writeFile(join(directory, 'keys'), '')
    await expect(openAuditLog(directory)).rejects.toMatchObject({ code: 'AUDIT_LOG_OPEN_FAILED' })
    await grow(1, { signer })
  })

  it.each([true, false])('may change, which the log records (with a statement of the old one: %s)', async (stated) => {
    await grow(2, { signer })
    const next = Ed25519Signer.generate('log.example')
    await grow(1, { signer: next, ...(stated && { previousSigner: signer }) })
    await grow(1, { signer: next })
    const log = await openAuditLog(directory, { signer: next })
    const changes = await log.events({ type: 'signing_key_changed' }).toArray()
    await log.close()
    expect(changes).toHaveLength(1)
    const [{ seq, data } = { seq: 0, data: { from: '', to: '' } }] = changes
    expect([seq, data.to]).toEqual([2, next.vkey])
    if (stated) {
      const { text } = openNote(data.statement ?? '', [verifierFromVkey(signer.vkey)])
      expect(text).toBe(`spanledger.dev/signing-key-changed\nlog.example\n2\n${next.vkey}\n`)
      expect(data.from).toBe(signer.vkey)
    } else {
      expect(data.statement).toBeUndefined()
      expect(signer.vkey.startsWith(data.from)).toBe(true)
    }
    expect(openCheckpoint(await published(), { origin: next.name, logKeys: [next.vkey] }).size).toBe(5n)
  })

  it.each([true, false])(
    'is trusted alone while the database has a checkpoint of the one before (with a statement: %s)',
    async (stated) => {
      await grow(2, { signer })
      const next = Ed25519Signer.generate('log.example')
      const log = await openAuditLog(directory, { signer: next, ...(stated && { previousSigner: signer }) })
      const { status, problems, checkpoints } = await log.verify()
      await log.close()
      expect({ status, problems }).toEqual({ status: 'verified', problems: [] })
      expect(checkpoints.map(({ signedBy }) => signedBy)).toContain(undefined)
    },
  )

  it('that was generated states that another takes its place', async () => {
    await grow(1)
    const { origin } = textOf(await published())
    const vkey = (await readFile(join(directory, 'keys/signing.vkey'), 'utf8')).trim()
    const log = await openAuditLog(directory, { signer: Ed25519Signer.generate(origin) })
    const [change] = await log.events({ type: 'signing_key_changed' }).toArray()
    expect(openNote(change?.data.statement ?? '', [verifierFromVkey(vkey)]).text).toContain('\n1\n')
    await log.close()
  })
})

describe('opening refuses', () => {
  const options = { signer, checkpointIntervalMillis: 0 }
  let copy: string

  beforeEach(async () => {
    copy = join(base, 'copy')
    await grow(3, options)
    await cp(directory, copy, { recursive: true })
    await grow(4, options)
  })

  it('a database that was put back to an earlier state', async () => {
    await restore(copy, 'journal')
    await expect(openAuditLog(directory, options)).rejects.toMatchObject({
      code: 'AUDIT_LOG_CORRUPT',
      message: expect.stringContaining('of the 7 entries that were committed, the last 4 are missing'),
    })
  })

  it('nothing where the journal still has what is missing', async () => {
    await restore(copy)
    const log = await openAuditLog(directory, options)
    expect(log.recovery).toMatchObject({ replayedEvents: 4, unattestedEvents: 4 })
    expect(await log.events({ type: 'custom' }).count()).toBe(7)
    await log.close()
  })

  it('one whose head was put back with it', async () => {
    await restore(copy, 'head', 'journal')
    await expect(openAuditLog(directory, options)).rejects.toMatchObject({
      code: 'AUDIT_LOG_ROLLED_BACK',
      message: expect.stringMatching(/file checkpoint covers 7 entries, and it has 3: the last 4 are missing/),
    })
  })

  it('one whose checkpoint was removed', async () => {
    await rm(join(directory, 'checkpoint'))
    await expect(openAuditLog(directory, options)).rejects.toMatchObject({
      code: 'AUDIT_LOG_CORRUPT',
      message: expect.stringContaining('file checkpoint is missing'),
    })
  })

  it('one whose checkpoint is none', async () => {
    await writeFile(join(directory, 'checkpoint'), 'log.example\n7\n')
    await expect(openAuditLog(directory, options)).rejects.toMatchObject({
      code: 'AUDIT_LOG_CORRUPT',
      message: expect.stringContaining('file checkpoint is malformed'),
    })
  })

  it('one whose checkpoint is of another key, or of another log, that the log does not know of', async () => {
    const { size, root } = textOf(await published())
    for (const forger of ['log.example', 'other.example'].map((name) => Ed25519Signer.generate(name))) {
      const text = formatCheckpoint({ origin: forger.name, size, root, extensions: [] })
      await writeFile(join(directory, 'checkpoint'), await signNote(text, [forger]))
      for (const key of [signer, forger]) {
        await expect(openAuditLog(directory, { signer: key })).rejects.toMatchObject({
          code: 'AUDIT_LOG_CORRUPT',
          message: expect.stringContaining('its file checkpoint'),
        })
      }
    }
  })

  it('one that is put back as a whole, to whoever kept a checkpoint elsewhere', async () => {
    const knownCheckpoint = await published()
    await restore(copy, 'head', 'journal', 'checkpoint')
    await expect(openAuditLog(directory, { ...options, knownCheckpoint })).rejects.toMatchObject({
      code: 'AUDIT_LOG_ROLLED_BACK',
      message: expect.stringContaining('the known checkpoint covers 7 entries'),
    })
    await grow(1, options)
  })

  it('another database of the same length or longer', async () => {
    const kept = directory
    directory = join(base, 'other')
    await grow(9, options)
    directory = kept
    await restore(join(base, 'other'), 'journal')
    await rm(join(directory, 'head'))
    await expect(openAuditLog(directory, options)).rejects.toMatchObject({
      code: 'AUDIT_LOG_CORRUPT',
      message: expect.stringContaining('first 7 entries are not those that its file checkpoint covers'),
    })
  })

  it('unless it is told to record it', async () => {
    const lost = await published()
    await restore(copy, 'head', 'journal')
    const log = await openAuditLog(directory, { ...options, divergence: 'record' })
    expect(log.recovery.divergence).toContain('the last 4 are missing')
    const [event] = await log.events({ type: 'audit_log_diverged' }).toArray()
    expect(event).toMatchObject({
      seq: 3,
      data: { reason: 'rolled_back', expectedSize: 7, foundSize: 3, checkpoint: lost },
    })
    await log.append(note('goes on'))
    await log.close()
    expect(textOf(await published()).size).toBe(5n)
    await grow(1, options)
  })
})

it('has the root over the leaf hashes of its receipts', async () => {
  const log = await openAuditLog({ store: memoryStore(), signer })
  const receipts = await Promise.all(Array.from({ length: 300 }, (_, n) => log.append(note(`${n}`))))
  const { root } = textOf((await log.checkpoint()) ?? '')
  const { frontier } = TreeFrontier.empty.append(receipts.map(({ leafHash }) => leafHash))
  expect(Buffer.from(root)).toEqual(Buffer.from(frontier.root))
  await log.close()
})

it('checks the options', async () => {
  const open = openAuditLog as (...args: unknown[]) => Promise<unknown>
  for (const options of [
    { signer: {} },
    { signer: true },
    { signingKey: '' },
    { origin: 5 },
    { publishCheckpoint: 'x' },
    { checkpointIntervalMillis: -1 },
    { divergence: 'ignore' },
    { previousSigner: 'x' },
    { knownCheckpoint: Buffer.from('x') },
    { signer, signingKey: signer.exportSkey() },
    { signer, origin: 'other.example' },
  ]) {
    await expect(open(directory, options)).rejects.toBeInstanceOf(TypeError)
  }
})
