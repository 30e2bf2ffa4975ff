import { cp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { never, signing } from '../../test/support/faulty-signers.js'
import { base, directory, grow, note, published, sizeOf, useLogDirectory } from '../../test/support/log-directory.js'
import { Ed25519Signer, type Signer } from '../checkpoint/index.js'
import type { AuditLogOptions } from '../log/options.js'
import { memoryStore } from '../store/memory/index.js'
import { openAuditLog } from './index.js'

useLogDirectory()

vi.mock(import('../timers/real-timers.js'), async (actual) => ({
  ...(await actual()),
  ...(await import('../../test/support/replaceable-timers.js')),
}))

const signer = Ed25519Signer.generate('log.example')

describe('a signer or a listener that never answers', () => {
  const options = { signer, checkpointTimeoutMillis: 20 }
  const cases: [string, Omit<AuditLogOptions, 'store'>][] = [
    ['signer', { ...options, signer: signing(signer, never) }],
    ['listener', { ...options, publishCheckpoint: never }],
  ]

  it.each(cases)('keeps no log from being closed with all of its events (%s)', async (_, stuck) => {
    const problems: Error[] = []
    await grow(3, { ...stuck, on: { problem: (problem) => void problems.push(problem) } })
    expect(problems).not.toEqual([])
    const log = await openAuditLog(directory, { signer })
    expect(await log.head()).toMatchObject({ size: 3 })
    expect(log.recovery.unclean).toBe(false)
    await log.close()
    expect(sizeOf(await published())).toBe(3n)
  })

  it('costs the checkpoints of its time only', async () => {
    let isStuck = true
    const flaky = signing(signer, (text) => (isStuck ? never() : signer.sign(text)))
    const log = await openAuditLog({ ...options, store: memoryStore(), signer: flaky, on: { problem: () => {} } })
    await log.append(note('a'))
    await expect(log.checkpoint()).rejects.toMatchObject({ code: 'AUDIT_SIGNING_FAILED' })
    expect(log.health().checkpoints).toBe('failing')
    isStuck = false
    expect(sizeOf((await log.checkpoint()) ?? '')).toBe(1n)
    await log.close()
  })

  it('may be the log itself, closed by its listener', async () => {
    let closeLog: () => unknown = () => {}
    const log = await openAuditLog(directory, {
      ...options,
      publishCheckpoint: () => closeLog(),
      on: { problem: () => {} },
    })
    closeLog = () => log.close()
    await log.append(note('a'))
    await log.close()
    await grow(1, { signer })
    expect(sizeOf(await published())).toBe(2n)
  })

  it('writes nothing when it answers a closed log', async () => {
    const answers: (() => void)[] = []
    const late = signing(signer, (text) => new Promise((resolve) => answers.push(() => resolve(signer.sign(text)))))
    await grow(1, { ...options, signer: late, on: { problem: () => {} } })
    await grow(1, { signer })
    const newest = await published()
    for (const answer of answers) answer()
    await new Promise((resolve) => setImmediate(resolve))
    expect(await published()).toBe(newest)
    expect(answers).not.toEqual([])
  })
})

it('asks a signer that fails less and less often', async () => {
  const delays: number[] = []
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  try {
    let failures = 0
    const broken = signing(signer, () => {
      failures++
      throw new Error('no network')
    })
    const log = await openAuditLog({
      store: memoryStore(),
      signer: broken,
      checkpointIntervalMillis: 0,
      on: { problem: () => {} },
    })
    await log.append(note('a'))
    for (let begun = performance.now(); delays.length < 5; begun = performance.now()) {
      const before = failures
      while (failures === before) await vi.advanceTimersByTimeAsync(10)
      delays.push(Math.round((performance.now() - begun) / 100) * 100)
    }
    await log.close()
  } finally {
    vi.useRealTimers()
  }
  expect(delays).toEqual([0, 100, 200, 400, 800])
})

describe('what a signer or a listener gets wrong is in no checkpoint', () => {
  it.each<[string, () => unknown]>([
    ['nothing', () => undefined],
    ['no bytes', () => new Uint8Array()],
    ['a text', () => 'signed'],
    ['a signature of something else', () => signer.sign(Buffer.from('else'))],
    ['more than a note can have', () => new Uint8Array(2e6)],
  ])('a signer that answers %s', async (_, answer) => {
    const problems: Error[] = []
    const wrong = signing(signer, answer as Signer['sign'])
    const log = await openAuditLog(directory, {
      signer: wrong,
      on: { problem: (problem) => void problems.push(problem) },
    })
    await log.append(note('a'))
    await expect(log.checkpoint()).rejects.toMatchObject({ code: 'AUDIT_SIGNING_FAILED' })
    await log.close()
    expect(problems).toHaveLength(1)
    await expect(published()).rejects.toThrow('ENOENT')
    await grow(1, { signer })
  })

  it.each<[string, (checkpoint: string) => string]>([
    ['drops', (checkpoint) => checkpoint.replace(/\n\n.*/s, '\n\n\u2014 witness.example AAAAAAA=\n')],
    ['alters', (checkpoint) => checkpoint.replace(/.{4}(?=.{8}\n$)/, 'AAAA')],
  ])("a listener that %s the log's signature", async (_, answer) => {
    const problems: Error[] = []
    await grow(1, { signer, publishCheckpoint: answer, on: { problem: (problem) => void problems.push(problem) } })
    expect(problems).toMatchObject([{ message: expect.stringContaining("without the log's signature") }])
    await grow(1, { signer })
    expect(sizeOf(await published())).toBe(2n)
  })

  it('a signer that is not what it says', async () => {
    const { name, keyId, vkey } = signer
    const sign = () => new Uint8Array(64)
    for (const wrong of [
      { name: 'a b' },
      { name: 5 },
      { keyId: 1 },
      { keyId: -1 },
      { vkey: undefined },
      { vkey: 'x' },
    ]) {
      const of = { name, keyId, vkey, sign, ...wrong } as Signer
      await expect(openAuditLog(directory, { signer: of })).rejects.toBeInstanceOf(TypeError)
      await expect(openAuditLog(directory, { previousSigner: of })).rejects.toBeInstanceOf(TypeError)
    }
  })
})

describe('a checkpoint whose signature does not fit', () => {
  const forged = (text: string, signature: string) => `${text.split('\n\n')[0]}\n\n${signature.split('\n\n')[1]}`
  let older: string

  beforeEach(async () => {
    await grow(1, { signer })
    older = await published()
    await grow(1, { signer })
  })

  it('is refused as a file', async () => {
    await writeFile(join(directory, 'checkpoint'), forged(older, await published()))
    await expect(openAuditLog(directory, { signer })).rejects.toMatchObject({
      code: 'AUDIT_LOG_CORRUPT',
      message: expect.stringContaining('file checkpoint has a signature of log.example that does not fit it'),
    })
    const log = await openAuditLog(directory, { signer, divergence: 'record' })
    const [event] = await log.events({ type: 'audit_log_diverged' }).toArray()
    expect(event?.data.reason).toBe('checkpoint_forged')
    await log.close()
    await grow(1, { signer })
  })

  it('is refused as one that was kept elsewhere', async () => {
    const knownCheckpoint = forged(older, await published())
    await expect(openAuditLog(directory, { signer, knownCheckpoint })).rejects.toThrow('the known checkpoint has a sig')
  })

  it('is found by the key before, too', async () => {
    await writeFile(join(directory, 'checkpoint'), forged(older, await published()))
    const next = Ed25519Signer.generate('log.example')
    await expect(openAuditLog(directory, { signer: next, previousSigner: signer })).rejects.toThrow('does not fit it')
  })
})

describe('what was recorded as a divergence', () => {
  it.each<[string, (name: string) => Promise<void>]>([
    ['a checkpoint that is no note', (file) => writeFile(file, 'log.example\n7\n')],
    ['an empty checkpoint', (file) => writeFile(file, '')],
    [
      'a note that is no checkpoint',
      async (file) => writeFile(file, `some thing\n\n${(await readFile(file, 'utf8')).split('\n\n')[1]}`),
    ],
    ['no checkpoint', (file) => rm(file)],
    ['a head that is longer', (file) => writeFile(file.replace(/checkpoint$/, 'head'), `${'x'.repeat(500)}`)],
  ])('is not in the way of the next opening: %s', async (_, tamper) => {
    await grow(3)
    await tamper(join(directory, 'checkpoint'))
    await expect(openAuditLog(directory)).rejects.toMatchObject({ code: 'AUDIT_LOG_CORRUPT' })
    await grow(0, { divergence: 'record' })
    const log = await openAuditLog(directory)
    expect(log.recovery.divergence).toBeUndefined()
    expect(await log.events({ type: 'audit_log_diverged' }).count()).toBe(1)
    expect(sizeOf(await published())).toBe(4n)
    await log.close()
  })

  it.each([0, 3])('is not in the way when the log has grown by %i events since', async (events) => {
    const copy = join(base, 'copy')
    await grow(3, { signer })
    await cp(directory, copy, { recursive: true })
    await grow(4, { signer })
    for (const name of ['entries', 'journal']) {
      await rm(join(directory, name), { recursive: true })
      await cp(join(copy, name), join(directory, name), { recursive: true })
    }
    // With three events it has as many as the checkpoint that it does not continue.
    await grow(events, { signer, divergence: 'record' })
    await grow(1, { signer })
    expect(sizeOf(await published())).toBe(BigInt(events + 5))
  })
})

it('keeps the newer checkpoint of its database when the file was put back', async () => {
  await grow(1, { signer })
  const older = await published()
  await grow(1, { signer })
  await writeFile(join(directory, 'checkpoint'), older)
  const log = await openAuditLog(directory, { signer })
  expect(sizeOf((await log.checkpoint()) ?? '')).toBe(2n)
  await log.close()
})
