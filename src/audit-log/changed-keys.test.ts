import { chmod, lstat, mkdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { never, signing } from '../../test/support/faulty-signers.js'
import { base, directory, grow, note, published, sizeOf, useLogDirectory } from '../../test/support/log-directory.js'
import { Ed25519Signer, type Signer } from '../checkpoint/index.js'
import type { AuditLogOptions } from '../log/options.js'
import { openAuditLog } from './index.js'

useLogDirectory()

vi.mock(import('../timers/real-timers.js'), async (actual) => ({
  ...(await actual()),
  ...(await import('../../test/support/replaceable-timers.js')),
}))

const signer = Ed25519Signer.generate('log.example')

const failing = (of: Signer) => signing(of, () => Promise.reject(new Error('no network')))

describe('a key that takes the place of another', () => {
  const next = Ed25519Signer.generate('log.example')
  const changes = async (options: Omit<AuditLogOptions, 'store'>) => {
    const log = await openAuditLog(directory, options)
    const events = await log.events({ type: 'signing_key_changed' }).toArray()
    await log.close()
    return events.map(({ seq, data }) => [seq, data.to])
  }

  it('is recorded once, though the process dies before its first checkpoint', async () => {
    await grow(2, { signer })
    const silent = { signer: failing(next), previousSigner: signer, on: { problem: () => {} } }
    for (let n = 0; n < 3; n++) await grow(1, silent)
    expect(await changes({ signer: next, previousSigner: signer })).toEqual([[2, next.vkey]])
  })

  it('is recorded again when it is taken back, though it signed nothing', async () => {
    await grow(2, { signer })
    await grow(0, { signer: failing(next), on: { problem: () => {} } })
    expect(await changes({ signer })).toEqual([
      [2, next.vkey],
      [3, signer.vkey],
    ])
  })

  it('is never one that was generated because none is given', async () => {
    await grow(1, { signer })
    const problems: Error[] = []
    const log = await openAuditLog(directory, { on: { problem: (problem) => void problems.push(problem) } })
    await log.append(note('a'))
    expect(log.health().checkpoints).toBe('off')
    await log.close()
    expect(problems).toMatchObject([{ code: 'AUDIT_KEY_UNKNOWN', message: expect.stringContaining('log.example+') }])
    await expect(stat(join(directory, 'keys'))).rejects.toThrow('ENOENT')
    expect(await changes({ signer })).toEqual([])
    expect(sizeOf(await published())).toBe(2n)
  })

  it('is refused when the one before does not state it in time', async () => {
    await grow(1, { signer })
    const options = { signer: next, previousSigner: signing(signer, never), checkpointTimeoutMillis: 20 }
    await expect(openAuditLog(directory, options)).rejects.toMatchObject({ code: 'AUDIT_SIGNING_FAILED' })
    await grow(1, { signer })
  })
})

describe('the key file', () => {
  it('is made anew, whatever lies where it is written first', async () => {
    const keys = join(directory, 'keys')
    await mkdir(keys, { recursive: true })
    await writeFile(join(base, 'victim'), 'kept')
    await symlink(join(base, 'victim'), join(keys, 'signing.key.next'))
    await writeFile(join(keys, 'signing.vkey.next'), '')
    await chmod(join(keys, 'signing.vkey.next'), 0o666)
    await symlink(join(base, 'victim'), join(directory, 'checkpoint.next'))
    await grow(1)
    expect(await readFile(join(base, 'victim'), 'utf8')).toBe('kept')
    for (const name of ['keys/signing.key', 'keys/signing.vkey', 'checkpoint']) {
      expect((await lstat(join(directory, name))).mode, name).toBe(0o100600)
    }
  })

  it('is named when it, or the key in the environment, is none, and shown nowhere', async () => {
    await grow(1)
    const secret = 'PRIVATE+KEY+secret'
    await writeFile(join(directory, 'keys/signing.key'), secret)
    const ownKey = await openAuditLog(directory).catch((error: Error) => error)
    vi.stubEnv('SPANLEDGER_SIGNING_KEY', secret)
    const environmentKey = await openAuditLog(directory).catch((error: Error) => error)
    expect(ownKey).toMatchObject({ code: 'AUDIT_KEY_INVALID', message: expect.stringContaining('signing.key: ') })
    expect(environmentKey).toMatchObject({ message: expect.stringContaining('SPANLEDGER_SIGNING_KEY: ') })
    expect(`${ownKey}${environmentKey}`).not.toContain('secret')
  })
})
