import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openAuditLog } from '../../src/audit-log/index.js'
import { Ed25519Signer } from '../../src/checkpoint/index.js'
import { log, useGrownLog } from './grown-log.js'
import { spanledger, verdict } from './tampered-log.js'

useGrownLog()

describe('keys', () => {
  const directoryOf = async (name: string) => {
    const directory = join(log.root, name)
    await mkdir(directory)
    return directory
  }

  it('hand over to the next in the log: who knows the first trusts the last', async () => {
    const directory = await log.copy()
    const next = Ed25519Signer.generate(log.vkey.split('+')[0] as string)
    const rotated = await openAuditLog(directory, { signer: next })
    await rotated.append({ type: 'custom', data: { name: 'by another key' } })
    await rotated.close()
    const { code, report } = await verdict(directory, '-k', log.vkey)
    expect({ code, problems: report.problems }).toEqual({ code: 0, problems: [] })
    expect(report.checkpoints[0]?.signedBy).toContain(next.vkey.split('+')[1])
    expect((await verdict(directory, '-k', next.vkey)).code).toBe(0)
  })

  it('may come back without a word of the one between, for who knows it', async () => {
    const directory = await directoryOf('back')
    const [one, other] = [Ed25519Signer.generate('example.org/log'), Ed25519Signer.generate('example.org/log')]
    for (const [signer, previousSigner] of [[one], [other, one], [one]] as const) {
      const opened = await openAuditLog(directory, { signer, ...(previousSigner && { previousSigner }) })
      await opened.append({ type: 'custom', data: { name: 'x' } })
      await opened.close()
    }
    expect((await verdict(directory, '-k', one.vkey)).code).toBe(0)
    expect((await verdict(directory, '-k', other.vkey)).code).toBe(4)
  })

  it('that others put in place are unknown to who knows the first', async () => {
    const directory = await directoryOf('unproven')
    const [one, other] = [Ed25519Signer.generate('example.org/log'), Ed25519Signer.generate('example.org/log')]
    for (const signer of [one, other]) {
      const opened = await openAuditLog(directory, { signer })
      await opened.append({ type: 'custom', data: { name: 'x' } })
      await opened.close()
    }
    const { code, kinds } = await verdict(directory, '-k', one.vkey)
    expect(code).toBe(4)
    expect(kinds).toContain('key_change_unproven')
    expect((await verdict(directory, '-k', other.vkey)).code).toBe(0)
  })

  it('are wrong or missing: 4; malformed: 64', async () => {
    const stranger = Ed25519Signer.generate('example.org/other')
    expect((await verdict(log.directory, '-k', stranger.vkey)).code).toBe(4)
    const unsigned = await directoryOf('unsigned')
    const opened = await openAuditLog(unsigned, { signer: false })
    await opened.append({ type: 'custom', data: { name: 'x' } })
    await opened.close()
    expect(await verdict(unsigned)).toMatchObject({ code: 4, kinds: ['checkpoint_missing'] })
    expect((await spanledger('verify', log.directory, '-k', log.vkey.replace('+', '+0'))).code).toBe(64)
  })
})
