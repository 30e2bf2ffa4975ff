import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { directory, grow, published, useLogDirectory } from '../../test/support/log-directory.js'
import {
  Ed25519Signer,
  externalSigner,
  openCheckpoint,
  openNote,
  parseCheckpoint,
  parseNote,
  verifierFromVkey,
} from '../checkpoint/index.js'
import { openAuditLog } from './index.js'

useLogDirectory()

const signer = Ed25519Signer.generate('log.example')
const textOf = (checkpoint: string) => parseCheckpoint(parseNote(checkpoint).text)

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
    await expect(openAuditLog(directory)).rejects.toMatchObject({ code: 'AUDIT_OPEN_FAILED' })
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
