import { generateKeyPairSync, sign } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, test, vi } from 'vitest'
import { AMPLE } from '../../test/support/ample.js'
import { Ed25519Signer, externalSigner, openCheckpoint, openNote } from '../checkpoint/index.js'
import type { AuditLogOptions } from '../log/options.js'
import { type AuditLog, openAuditLog } from './index.js'

let base: string
let location: string
let problems: string[]
const open: AuditLog[] = []

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'spanledger-shared-'))
  location = join(base, 'audit')
  problems = []
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await Promise.all(open.splice(0).map((log) => log.close()))
  await rm(base, { recursive: true, force: true })
})

async function take(options: Omit<AuditLogOptions, 'store'> = {}): Promise<AuditLog> {
  const report = ({ message }: Error) => problems.push(message)
  const log = await openAuditLog(location, { shared: true, on: { problem: report }, ...options })
  open.push(log)
  return log
}

/** Returns the `data` of the events of a type. */
async function said(log: AuditLog, type: 'ledger_joined' | 'siblings_noted'): Promise<Record<string, unknown>[]> {
  return (await log.events({ type: [type] }).toArray()).map(({ data }) => data as Record<string, unknown>)
}

const append = (log: AuditLog, name = 'paid') => log.append({ type: 'custom', data: { name } })

describe('a ledger', () => {
  test('of one log has nothing but this log', async () => {
    const log = await take()
    expect(log.ledger).toEqual({ location, log: 0 })
    expect(log.location).toBe(location)
    await append(log)
    expect((await log.events().toArray()).map(({ type }) => type)).toEqual(['custom'])
    expect(await readdir(location)).not.toContain('logs')
  })

  test('gives each that opens it a log of its own, the lowest that is free', async () => {
    const [first, second, third] = [await take(), await take(), await take()] as const
    expect([first, second, third].map(({ ledger }) => ledger?.log)).toEqual([0, 1, 2])
    expect(second.location).toBe(join(location, 'logs/1'))
    for (const log of [first, second, third]) await log.close()
    expect((await take()).ledger?.log).toBe(0)
    expect((await take()).ledger?.log).toBe(1)
    expect(problems).toEqual([])
  })

  test('takes a directory with a single log as it is', async () => {
    const log = await openAuditLog(location)
    await append(log)
    expect(log.ledger).toBeUndefined()
    const other = await take()
    expect(other.ledger?.log).toBe(1)
    await log.close()
    const same = await take()
    expect(same.ledger?.log).toBe(0)
    expect(await same.events({ type: ['custom'] }).count()).toBe(1)
  })

  test('keeps its log 0 to one writer that does not share', async () => {
    await take()
    await expect(openAuditLog(location)).rejects.toMatchObject({ code: 'AUDIT_LOG_LOCKED' })
  })

  it.each([
    ['a store', { shared: true, store: {} as never }],
    ['yes', { shared: 'yes' as never }],
  ])('is asked for by true or false, and never of a store (%s)', async (_, options) => {
    await expect(openAuditLog(location, options)).rejects.toThrow(TypeError)
  })
})

describe('the key of a ledger', () => {
  test('is that of log 0, also where another log is opened first', async () => {
    // Somebody has log 0, and is not as far as to have a key.
    await mkdir(join(location, 'entries'), { recursive: true })
    const logs = await Promise.all([take(), take(), take()])
    const vkey = (await readFile(join(location, 'keys/signing.vkey'), 'utf8')).trim()
    for (const log of logs) await append(log)
    for (const log of logs) {
      const note = (await log.checkpoint()) as string
      if (log.ledger?.log === 0) {
        expect(openCheckpoint(note, { origin: vkey.split('+')[0] as string, logKeys: [vkey] }).size).toBeGreaterThan(0n)
        continue
      }
      const [joined] = await said(log, 'ledger_joined')
      expect(joined).toMatchObject({ ledger: vkey.split('+')[0], log: log.ledger?.log })
      expect(openNote(joined?.statement as string, [vkey]).text).toBe(
        `spanledger.dev/ledger-log\n${joined?.ledger}\n${joined?.log}\n${joined?.vkey}\n`,
      )
      const own = joined?.vkey as string
      expect(own.split('+')[0]).not.toBe(joined?.ledger)
      expect(openCheckpoint(note, { origin: own.split('+')[0] as string, logKeys: [own] }).size).toBeGreaterThan(1n)
    }
  })

  const pem = () => Ed25519Signer.generate('any').exportPem()
  const kms = () => {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519')
    return externalSigner({
      name: 'acme.example/audit',
      publicKey: publicKey.export({ type: 'spki', format: 'pem' }) as string,
      sign: async (text) => sign(null, text, privateKey),
    })
  }
  it.each<[string, Omit<AuditLogOptions, 'store'>]>([
    ['a signer', { signer: Ed25519Signer.generate('acme.example/audit') }],
    ['a signer in a KMS', { signer: kms() }],
    ['a key with a name', { signingKey: Ed25519Signer.generate('acme.example/audit').exportSkey() }],
    ['a key in PEM, and an origin', { signingKey: pem(), origin: 'acme.example/audit' }],
  ])('that is given (%s) signs all logs, each under a name of its own', async (_, options) => {
    const logs = [await take(options), await take(options)] as const
    for (const log of logs) await append(log)
    const [first, second] = (await Promise.all(logs.map((log) => log.checkpoint()))) as [string, string]
    expect(first).toMatch(/^acme\.example\/audit\n/)
    expect(second).toMatch(/^acme\.example\/audit\/[\da-f]{16}\n/)
    await vi.waitFor(async () => expect(await said(logs[1], 'ledger_joined')).toHaveLength(1), AMPLE)
    const [joined] = await said(logs[1], 'ledger_joined')
    expect(joined).toMatchObject({ ledger: 'acme.example/audit', log: 1 })
    expect(joined?.statement).toMatch(/\n\n— acme\.example\/audit /)
    const own = joined?.vkey as string
    openCheckpoint(second, { origin: own.split('+')[0] as string, logKeys: [own] })
    expect(await readdir(logs[1].location)).not.toContain('keys')
    expect(await logs[1].verify({ logKeys: [own] })).toMatchObject({ status: 'verified' })
    expect(problems).toEqual([])
  })

  test('that has no name waits for the name of log 0', async () => {
    vi.stubEnv('SPANLEDGER_SIGNING_KEY', pem())
    const logs = [await take(), await take()] as const
    await append(logs[1])
    expect(await said(logs[1], 'ledger_joined')).toEqual([])
    await append(logs[0])
    const note = (await logs[0].checkpoint()) as string
    await vi.waitFor(async () => expect(await said(logs[1], 'ledger_joined')).toHaveLength(1), AMPLE)
    expect((await said(logs[1], 'ledger_joined'))[0]).toMatchObject({ ledger: note.split('\n')[0] })
  })

  test('certifies a log once, and again when the key has changed', async () => {
    const first = await take()
    const second = await take()
    await append(second)
    await second.close()
    const again = await take()
    expect(again.ledger?.log).toBe(1)
    await again.close()
    await first.close()
    const signer = Ed25519Signer.generate(
      (await readFile(join(location, 'keys/signing.vkey'), 'utf8')).split('+')[0] as string,
    )
    await take({ signer })
    const changed = await take({ signer })
    await vi.waitFor(async () => expect(await said(changed, 'ledger_joined')).toHaveLength(2), AMPLE)
    await append(changed)
    expect(await changed.verify()).toMatchObject({ problems: [] })
    expect(await changed.events({ type: ['signing_key_changed'] }).count()).toBe(1)
  })

  test('is none where checkpoints are switched off', async () => {
    const logs = [await take({ signer: false }), await take({ signer: false })] as const
    await append(logs[1])
    expect(await said(logs[1], 'ledger_joined')).toEqual([])
  })
})

describe('a log of a ledger notes the others', () => {
  test('when it is opened and closed, and says nothing while nothing changes', async () => {
    const first = await take()
    await append(first)
    const note = (await first.checkpoint()) as string
    const second = await take()
    await vi.waitFor(async () => expect(await said(second, 'siblings_noted')).toHaveLength(1), AMPLE)
    const [origin, size, root] = note.split('\n')
    const [head] = ((await said(second, 'siblings_noted'))[0]?.logs ?? []) as Record<string, unknown>[]
    expect(head).toMatchObject({ log: 0, origin, size: Number(size), root })
    // The note of a sibling is the signed checkpoint of it.
    expect(`${origin}\n${size}\n${root}\n\n\u2014 ${origin} ${head?.signature}\n`).toBe(note)
    await append(first, 'refunded')
    await first.checkpoint()
    await second.close()
    const again = await take()
    expect(again.ledger?.log).toBe(1)
    const notes = await said(again, 'siblings_noted')
    expect(notes.map(({ logs }) => (logs as { size: number }[]).map(({ size }) => size))).toEqual([[1], [2]])
  })

  test('also where log 0 is opened alone: when it is opened, while they grow, and when it is closed', async () => {
    const alone = await openAuditLog(location, { checkpointIntervalMillis: 1 })
    open.push(alone)
    const sizesNoted = async () =>
      (await said(alone, 'siblings_noted')).map(({ logs }) => (logs as { size: number }[]).map(({ size }) => size))
    const other = await take()
    expect(other.ledger?.log).toBe(1)
    for (const name of ['paid', 'refunded']) await append(other, name)
    const grown = async () => Number((await other.checkpoint())?.split('\n')[1])
    await grown()
    await vi.waitFor(async () => expect((await sizesNoted()).length).toBeGreaterThan(0), 30_000)
    await other.flush()
    await append(other, 'booked')
    const last = await grown()
    await other.close()
    await alone.close()
    const again = await openAuditLog(location)
    open.push(again)
    const notes = (await said(again, 'siblings_noted')).map(({ logs }) => logs as { log: number; size: number }[])
    expect(notes.at(-1)).toMatchObject([{ log: 1 }])
    expect(notes.at(-1)?.[0]?.size).toBeGreaterThanOrEqual(last)
  })

  test('when one that was opened alone is opened again', async () => {
    await (await openAuditLog(location)).close()
    const first = await take()
    const second = await take()
    await append(second)
    await first.close()
    await second.close()
    const alone = await openAuditLog(location)
    open.push(alone)
    await vi.waitFor(async () => expect(await said(alone, 'siblings_noted')).not.toEqual([]), 30_000)
    expect(alone.ledger).toBeUndefined()
  })

  test('but not where another than log 0 is opened by its own path', async () => {
    const logs = [await take(), await take()] as const
    for (const log of logs) await append(log)
    for (const log of logs) await log.checkpoint()
    for (const log of logs) await log.close()
    const report = ({ message }: Error) => problems.push(message)
    const second = await openAuditLog(logs[1].location, { on: { problem: report } })
    open.push(second)
    const notes = (await said(second, 'siblings_noted')).length
    expect(notes).toBeGreaterThan(0)
    // Longer than it takes to look for the others.
    for (let n = 0; n < 20; n++) await append(second)
    await second.close()
    expect(problems).toEqual([])
    const again = await openAuditLog(logs[1].location)
    open.push(again)
    expect(await said(again, 'siblings_noted')).toHaveLength(notes)
  })

  test('and a log that is alone notes nothing', async () => {
    const alone = await openAuditLog(location)
    await append(alone)
    await alone.close()
    const again = await openAuditLog(location)
    open.push(again)
    expect((await again.events().toArray()).map(({ type }) => type)).toEqual(['custom'])
  })

  test('tells when one of them is gone or was set back', async () => {
    const first = await take()
    const second = await take()
    await append(second)
    await second.checkpoint()
    await first.close()
    await second.close()
    await rename(join(location, 'logs/1'), join(base, 'gone'))
    await take()
    await vi.waitFor(
      () => expect(problems).toContainEqual(expect.stringMatching(/^Log 1 of the ledger .* is gone/)),
      AMPLE,
    )
  })
})

describe('a ledger that is not as it should be', () => {
  test('has a log that is damaged: it is reported once, and events go to another', async () => {
    const first = await take()
    await append(first)
    await first.close()
    await writeFile(join(location, 'entries/CURRENT'), 'MANIFEST-999999\n')
    const log = await take()
    expect(log.ledger?.log).toBe(1)
    await append(log)
    expect(problems).toEqual([expect.stringMatching(/^Log 0 of the ledger is left as it is/)])
    await log.close()
    expect((await take()).ledger?.log).toBe(1)
  })

  test('is a file', async () => {
    await writeFile(location, 'no directory')
    await expect(take()).rejects.toMatchObject({ code: 'AUDIT_OPEN_FAILED' })
  })

  test('has a link in place of the directory of further logs', async () => {
    const elsewhere = join(base, 'elsewhere')
    await mkdir(elsewhere)
    await mkdir(location)
    await symlink(elsewhere, join(location, 'logs'))
    expect((await take()).ledger?.log).toBe(0)
    await expect(take()).rejects.toMatchObject({ code: 'AUDIT_FILE_REFUSED' })
    expect(await readdir(elsewhere)).toEqual([])
  })

  test('has names that are no numbers', async () => {
    for (const name of ['x', '01', '-1', '0', '1.5', '99999999999999999999']) {
      await mkdir(join(location, 'logs', name), { recursive: true })
    }
    const logs = [await take(), await take()]
    expect(logs.map(({ ledger }) => ledger?.log)).toEqual([0, 1])
  })

  test('has a log of another format', async () => {
    await mkdir(join(location, 'db'), { recursive: true })
    await writeFile(join(location, 'db/CURRENT'), 'MANIFEST-000001\n')
    await expect(take()).rejects.toMatchObject({ code: 'AUDIT_FORMAT_UNSUPPORTED' })
  })
})
