import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { AMPLE } from '../../test/support/ample.js'
import { directory, grow, note, published, useLogDirectory } from '../../test/support/log-directory.js'
import { createWitness } from '../../test/support/witness.js'
import {
  Ed25519Signer,
  openCheckpoint,
  parseCheckpoint,
  parseNote,
  type Signer,
  verifierFromVkey,
} from '../checkpoint/index.js'
import { levelStore } from '../store/leveldb/index.js'
import { memoryStore } from '../store/memory/index.js'
import { TreeFrontier } from '../tree/index.js'
import { openAuditLog } from './index.js'

useLogDirectory()

const signer = Ed25519Signer.generate('log.example')
const textOf = (checkpoint: string) => parseCheckpoint(parseNote(checkpoint).text)

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

  it('that cannot be signed costs nothing but itself, and is reported once', async () => {
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
