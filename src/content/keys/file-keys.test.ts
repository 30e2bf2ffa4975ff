import { randomBytes } from 'node:crypto'
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { base, useTestDirectory } from '../../../test/support/test-directory.js'
import type { Subject } from '../contract.js'
import { FileContentKeys } from './file-keys.js'
import { type ContentKeyProvider, contentKeyFile, keyFileProvider } from './provider.js'
import { rotateContentKey } from './rotate.js'

useTestDirectory()

const ann: Subject = { tenantId: 't', kind: 'actor', id: 'ann' }
let made = 0

function opened(
  directory = join(base, `keys-${made++}`),
  more: { provider?: ContentKeyProvider; use?: 'reading' } = {},
) {
  const problems: Error[] = []
  const { provider = keyFileProvider(join(directory, 'provider.key'), true), use = 'writing' } = more
  const keys = new FileContentKeys({ directory, provider, use, report: (problem) => problems.push(problem) })
  return { directory, keys, problems }
}

describe('keys in files', () => {
  test('are found again by their subjects and by their ids', async () => {
    const { directory, keys } = opened()
    const key = keys.keyFor(ann)
    expect(key?.id).toMatch(/^[\da-f]{32}$/)
    await keys.settled()
    const again = opened(directory)
    expect(again.keys.keyFor(ann)?.id).toBe(key?.id)
    expect(again.keys.keyFor(ann)?.digest(Buffer.from('x'))).toBe(key?.digest(Buffer.from('x')))
    const reader = opened(directory, { use: 'reading' })
    const read = reader.keys.keyOf(key?.id as string)
    expect(typeof read === 'object' && read.digest(Buffer.from('x'))).toBe(key?.digest(Buffer.from('x')))
    expect(reader.keys.keyOf('0'.repeat(32))).toBe('erased')
    expect(reader.keys.keyOf('../../ledger')).toBe('erased')
  })

  test('are made with the first that is needed, for their owner alone', () => {
    const { directory, keys } = opened()
    expect(readdirSync(base)).not.toContain(directory.split('/').at(-1))
    keys.keyFor(ann)
    expect(statSync(directory).mode & 0o777).toBe(0o700)
    for (const name of readdirSync(directory, { recursive: true, encoding: 'utf8' })) {
      const found = statSync(join(directory, name))
      expect(found.mode & 0o077).toBe(0)
      expect(name).not.toContain('ann')
      if (found.isFile()) expect(readFileSync(join(directory, name), 'latin1')).not.toContain('ann')
    }
  })

  test('differ for each subject', () => {
    const { keys } = opened()
    const subjects: readonly Subject[] = [
      ann,
      { ...ann, tenantId: 'u' },
      { ...ann, kind: 'session' },
      { tenantId: 't', kind: 'tenant', id: 't' },
    ]
    expect(new Set(subjects.map((subject) => keys.keyFor(subject)?.id)).size).toBe(4)
  })

  test('a reader makes nothing, and says that it has none', () => {
    const { directory, keys } = opened(undefined, { use: 'reading' })
    expect(keys.keyFor(ann)).toBeUndefined()
    expect(keys.keyOf('0'.repeat(32))).toBe('unavailable')
    expect(readdirSync(base)).not.toContain(directory.split('/').at(-1))
  })
})

describe('a key of the ledger', () => {
  test('that is missing is not made anew: what was encrypted would be lost', () => {
    const { directory, keys } = opened()
    keys.keyFor(ann)
    rmSync(join(directory, 'provider.key'))
    const { keys: again, problems } = opened(directory)
    expect(again.keyFor(ann)).toBeUndefined()
    expect(again.keyFor({ ...ann, id: 'bob' })).toBeUndefined()
    expect(problems).toMatchObject([{ code: 'AUDIT_KEY_INVALID', message: expect.stringContaining('Bring it back') }])
  })

  test('that is another one is told once', () => {
    const { directory, keys } = opened()
    keys.keyFor(ann)
    const other = join(base, `other-${made++}.key`)
    writeFileSync(other, randomBytes(32).toString('base64'), { mode: 0o600 })
    const { keys: again, problems } = opened(directory, { provider: contentKeyFile(other) })
    for (let n = 0; n < 3; n++) expect(again.keyFor(ann)).toBeUndefined()
    expect(problems).toMatchObject([{ code: 'AUDIT_KEY_INVALID' }])
    expect(problems[0]?.message).not.toContain(readFileSync(other, 'latin1'))
  })

  test.each(['', 'short', 'x'.repeat(5000), '\0'.repeat(44)])('in a file that holds %j is refused', (content) => {
    const { directory, keys, problems } = opened()
    mkdirSync(directory, { recursive: true })
    writeFileSync(join(directory, 'provider.key'), content, { mode: 0o600 })
    expect(keys.keyFor(ann)).toBeUndefined()
    expect(problems.length).toBe(1)
  })

  test('in place of which a link stands is refused', () => {
    const { directory, keys, problems } = opened()
    mkdirSync(directory, { recursive: true })
    writeFileSync(join(base, 'elsewhere.key'), randomBytes(32).toString('base64'))
    symlinkSync(join(base, 'elsewhere.key'), join(directory, 'provider.key'))
    expect(keys.keyFor(ann)).toBeUndefined()
    expect(problems).toMatchObject([{ code: 'AUDIT_FILE_REFUSED' }])
  })

  test('of a service is there once it was unwrapped', async () => {
    const secrets = new Map<string, Uint8Array>()
    const provider: ContentKeyProvider = {
      id: 'service',
      wrap: async (key) => {
        secrets.set('1', Uint8Array.from(key))
        return Buffer.from('1')
      },
      unwrap: async (wrapped) => secrets.get(Buffer.from(wrapped).toString()) as Uint8Array,
    }
    const { directory, keys } = opened(undefined, { provider })
    expect(keys.keyFor(ann)).toBeUndefined()
    await keys.ready()
    const key = keys.keyFor(ann)
    expect(key).toBeDefined()
    const again = opened(directory, { provider })
    await again.keys.ready()
    expect(again.keys.keyFor(ann)?.id).toBe(key?.id)
  })

  test('of a service that fails is told, and nothing throws', async () => {
    const failing = { id: 'service', wrap: async () => Promise.reject(new Error('no')), unwrap: () => new Uint8Array() }
    const { keys, problems } = opened(undefined, { provider: failing })
    await keys.ready()
    expect(keys.keyFor(ann)).toBeUndefined()
    expect(problems.length).toBe(1)
  })

  test('that nothing can be written for is told once', () => {
    if (process.getuid?.() === 0) return
    const closed = join(base, `closed-${made++}`)
    mkdirSync(closed)
    chmodSync(closed, 0o500)
    const { keys, problems } = opened(join(closed, 'keys'))
    expect(keys.keyFor(ann)).toBeUndefined()
    expect(problems.length).toBe(1)
  })
})

describe('a rotation', () => {
  test('wraps the key of the ledger anew, and nothing else; who has it open goes on', async () => {
    const { directory, keys } = opened()
    const key = keys.keyFor(ann)
    const before = readdirSync(join(directory, 'ids'), { recursive: true })
    const next = join(base, `next-${made++}.key`)
    writeFileSync(next, randomBytes(32).toString('base64'), { mode: 0o600 })
    await rotateContentKey({
      directory,
      from: contentKeyFile(join(directory, 'provider.key')),
      to: contentKeyFile(next),
    })
    expect(readdirSync(join(directory, 'ids'), { recursive: true })).toEqual(before)
    const bob = keys.keyFor({ ...ann, id: 'bob' })
    const { keys: again, problems } = opened(directory, { provider: contentKeyFile(next) })
    expect(again.keyFor(ann)?.id).toBe(key?.id)
    expect(again.keyFor({ ...ann, id: 'bob' })?.id).toBe(bob?.id)
    expect(problems).toEqual([])
    expect(opened(directory).keys.keyFor(ann)).toBeUndefined()
  })

  test('from a provider that has not wrapped it changes nothing', async () => {
    const { directory, keys } = opened()
    keys.keyFor(ann)
    const wrong = join(base, `wrong-${made++}.key`)
    writeFileSync(wrong, randomBytes(32).toString('base64'), { mode: 0o600 })
    const before = readFileSync(join(directory, 'ledger'), 'latin1')
    const own = contentKeyFile(join(directory, 'provider.key'))
    await expect(rotateContentKey({ directory, from: contentKeyFile(wrong), to: own })).rejects.toMatchObject({
      code: 'AUDIT_KEY_INVALID',
    })
    const forgetful = { id: 'forgetful', wrap: () => Buffer.from('x'), unwrap: () => new Uint8Array(32) }
    await expect(rotateContentKey({ directory, from: own, to: forgetful })).rejects.toMatchObject({
      code: 'AUDIT_KEY_INVALID',
    })
    expect(readFileSync(join(directory, 'ledger'), 'latin1')).toBe(before)
  })
})
