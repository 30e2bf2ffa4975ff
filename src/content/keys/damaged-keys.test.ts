import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { base, useTestDirectory } from '../../../test/support/test-directory.js'
import type { Subject } from '../contract.js'
import { FileContentKeys } from './file-keys.js'
import { LedgerKey } from './ledger-key.js'
import { contentKeyFile, keyFileProvider } from './provider.js'
import { findOrCreateKey } from './subject-files.js'

useTestDirectory()

const ann: Subject = { tenantId: 't', kind: 'actor', id: 'ann' }
const bob: Subject = { ...ann, id: 'bob' }
let directory: string

beforeEach(() => {
  directory = join(base, 'keys')
})

function opened(use: 'reading' | 'writing' = 'writing', keyFile?: string) {
  const problems: Error[] = []
  const provider = keyFile ? contentKeyFile(keyFile) : keyFileProvider(join(directory, 'provider.key'), true)
  const keys = new FileContentKeys({ directory, provider, use, report: (problem) => problems.push(problem) })
  return { keys, problems }
}

/** Path of the only file below a folder. */
function onlyFile(folder: string): string {
  const found = readdirSync(join(directory, folder), { recursive: true, withFileTypes: true })
  const [file, ...others] = found.filter((entry) => entry.isFile())
  expect(others).toEqual([])
  return join(file?.parentPath ?? '', file?.name ?? '')
}

type Damage = readonly [string, (path: string, bytes: Buffer) => void]

/** Forms of a file that was not put on the disk before power was lost. */
const CUTS: readonly Damage[] = [
  ['empty', (path) => writeFileSync(path, '')],
  ['cut short', (path, bytes) => writeFileSync(path, bytes.subarray(0, 30))],
  ['all zeros', (path, bytes) => writeFileSync(path, Buffer.alloc(bytes.length))],
]

/** Other ways in which a file is not what it was. */
const DAMAGES: readonly Damage[] = [
  ['one bit off', (path, bytes) => writeFileSync(path, flipped(bytes))],
  ['too long', (path, bytes) => writeFileSync(path, Buffer.concat([bytes, Buffer.alloc(100_000, 'x')]))],
  ['something else', (path) => writeFileSync(path, 'hello\n')],
  ['a link', (path) => replaced(path, (aside) => symlinkSync(aside, path))],
  ['a directory', (path) => replaced(path, () => mkdirSync(path))],
  ['a FIFO', (path) => replaced(path, () => execFileSync('mkfifo', [path]))],
]

function flipped(bytes: Buffer): Buffer {
  const at = bytes.length - 20
  bytes[at] = bytes[at] === 0x41 ? 0x42 : 0x41
  return bytes
}

function replaced(path: string, put: (aside: string) => void): void {
  const aside = join(base, 'aside')
  rmSync(aside, { force: true })
  renameSync(path, aside)
  put(aside)
}

/** Damages one of the two names of a key, which are one file. */
function damage(path: string, how: (path: string, bytes: Buffer) => void): void {
  const bytes = readFileSync(path)
  rmSync(path)
  writeFileSync(path, bytes, { mode: 0o600 })
  how(path, bytes)
}

describe.each(DAMAGES)('a key of a subject whose file is %s', (_, how) => {
  test('by its subject: is reported once and gets no other key, and others go on', async () => {
    const key = opened().keys.keyFor(ann)
    const path = onlyFile('subjects')
    damage(path, how)
    const { keys, problems } = opened()
    for (let n = 0; n < 3; n++) expect(keys.keyFor(ann)).toBeUndefined()
    expect(problems.length).toBe(1)
    expect(problems).toMatchObject([
      { code: expect.stringMatching(/^AUDIT_(KEY_INVALID|FILE_REFUSED)$/), message: expect.stringContaining(path) },
    ])
    expect(keys.keyFor(bob)).toBeDefined()
    expect(keys.keyOf(key?.id ?? '')).toMatchObject({ id: key?.id })
    await keys.settled()
  })
})

test.each(CUTS)(
  'a key of a subject whose file is %s gives way to another one; what has the first is readable by its id',
  async (_, how) => {
    const key = opened().keys.keyFor(ann)
    damage(onlyFile('subjects'), how)
    const { keys, problems } = opened()
    const other = keys.keyFor(ann)
    expect(other?.id).toMatch(/^[\da-f]{32}$/)
    expect(other?.id).not.toBe(key?.id)
    expect(opened().keys.keyFor(ann)?.id).toBe(other?.id)
    expect(keys.keyOf(key?.id ?? '')).toMatchObject({ id: key?.id })
    expect(problems).toEqual([])
    await keys.settled()
  },
)

describe.each([...CUTS, ...DAMAGES])('a key of a subject whose file is %s', (_, how) => {
  test('by its id: cannot be read, and was not erased; nothing is recorded that nobody could read', () => {
    const key = opened().keys.keyFor(ann)
    const path = onlyFile('ids')
    damage(path, how)
    for (const use of ['reading', 'writing'] as const) {
      const { keys, problems } = opened(use)
      for (let n = 0; n < 3; n++) expect(keys.keyOf(key?.id ?? '')).toBe('unavailable')
      expect(problems).toMatchObject([{ message: expect.stringContaining(path) }])
    }
    const { keys, problems } = opened()
    expect(keys.keyFor(ann)).toBeUndefined()
    expect(problems.length).toBe(1)
  })
})

test('a key whose files are gone is erased for readers, and its subject gets another id', () => {
  const key = opened().keys.keyFor(ann)
  rmSync(onlyFile('subjects'))
  rmSync(onlyFile('ids'))
  const { keys } = opened()
  expect(keys.keyOf(key?.id ?? '')).toBe('erased')
  expect(keys.keyFor(ann)?.id).not.toBe(key?.id)
})

test('a key that was put in place of another one by its id is not taken for it', () => {
  const { keys } = opened()
  const [first, second] = [keys.keyFor(ann), keys.keyFor(bob)]
  const path = (id = '') => join(directory, 'ids', id.slice(0, 2), id)
  rmSync(path(first?.id))
  writeFileSync(path(first?.id), readFileSync(path(second?.id)))
  expect(opened('reading').keys.keyOf(first?.id ?? '')).toBe('unavailable')
})

describe('the key of the ledger', () => {
  test('that is missing is not made anew where subjects have keys', () => {
    const key = opened().keys.keyFor(ann)
    renameSync(join(directory, 'ledger'), join(base, 'ledger'))
    const { keys, problems } = opened()
    for (let n = 0; n < 3; n++) expect(keys.keyFor(ann)).toBeUndefined()
    expect(problems).toMatchObject([{ code: 'AUDIT_KEY_INVALID', message: expect.stringContaining('Restore it') }])
    expect(readdirSync(directory)).not.toContain('ledger')
    expect(opened('reading').keys.keyOf(key?.id ?? '')).toBe('unavailable')
    renameSync(join(base, 'ledger'), join(directory, 'ledger'))
    expect(opened().keys.keyFor(ann)?.id).toBe(key?.id)
  })

  test.each([...CUTS, ...DAMAGES])('whose file is %s opens nothing, and is left as it is', (_, how) => {
    opened().keys.keyFor(ann)
    const path = join(directory, 'ledger')
    damage(path, how)
    const before = readdirSync(directory, { recursive: true })
    const { keys, problems } = opened()
    expect(keys.keyFor(bob)).toBeUndefined()
    expect(problems.length).toBe(1)
    expect(readdirSync(directory, { recursive: true })).toEqual(before)
  })

  test('that was wrapped by another provider says by which', () => {
    opened().keys.keyFor(ann)
    const path = join(directory, 'ledger')
    writeFileSync(path, readFileSync(path, 'utf8').replace('provider key-file', 'provider kms-€'))
    const { keys, problems } = opened()
    expect(keys.keyFor(ann)).toBeUndefined()
    expect(problems).toMatchObject([{ code: 'AUDIT_KEY_INVALID', message: expect.stringContaining("'kms-€'") }])
  })
})

describe('the key file', () => {
  test.each([...CUTS, ...DAMAGES])('of a ledger that is %s opens nothing, and is left as it is', (_, how) => {
    opened().keys.keyFor(ann)
    damage(join(directory, 'provider.key'), how)
    const before = readdirSync(directory, { recursive: true })
    const { keys, problems } = opened()
    expect(keys.keyFor(bob)).toBeUndefined()
    expect(problems.length).toBe(1)
    expect(readdirSync(directory, { recursive: true })).toEqual(before)
  })

  test('that is named may be reached through links, as mounted secrets are', () => {
    writeFileSync(join(base, 'secret'), randomBytes(32).toString('base64'), { mode: 0o600 })
    symlinkSync(join(base, 'secret'), join(base, 'link'))
    const { keys, problems } = opened('writing', join(base, 'link'))
    expect(keys.keyFor(ann)).toBeDefined()
    expect(problems).toEqual([])
    expect(readdirSync(directory)).not.toContain('provider.key')
  })

  test.each([
    ['a directory', (path: string) => mkdirSync(path), 'AUDIT_FILE_REFUSED'],
    ['empty', (path: string) => writeFileSync(path, ''), 'AUDIT_KEY_INVALID'],
    ['a link to nothing', (path: string) => symlinkSync(join(base, 'nothing'), path), 'AUDIT_KEY_INVALID'],
    ['a FIFO', (path: string) => execFileSync('mkfifo', [path]), 'AUDIT_FILE_REFUSED'],
  ])('that is named, and is %s, makes no key', (_, put, code) => {
    const path = join(base, 'named')
    put(path)
    const { keys, problems } = opened('writing', path)
    expect(keys.keyFor(ann)).toBeUndefined()
    expect(problems).toMatchObject([{ code, message: expect.stringContaining(path) }])
    expect(readdirSync(base)).not.toContain('keys')
  })

  test('of a ledger that belongs to another user is refused', () => {
    opened().keys.keyFor(ann)
    const own = join(directory, 'provider.key')
    if (statSync(own).uid === 0) chownSync(own, 4712, 4712)
    const user = vi.spyOn(process, 'getuid').mockReturnValue(4711)
    try {
      const { keys, problems } = opened()
      expect(keys.keyFor(ann)).toBeUndefined()
      expect(problems).toMatchObject([{ code: 'AUDIT_FILE_REFUSED', message: expect.stringContaining(own) }])
    } finally {
      user.mockRestore()
    }
    expect(opened('writing', own).keys.keyFor(ann)).toBeDefined()
  })

  test('that others can read is reported; in a ledger they cannot any more then', () => {
    opened().keys.keyFor(ann)
    const own = join(directory, 'provider.key')
    chmodSync(own, 0o640)
    const { keys, problems } = opened()
    expect(keys.keyFor(ann)).toBeDefined()
    expect(problems).toMatchObject([{ code: 'AUDIT_KEY_INVALID', message: expect.stringContaining(own) }])
    expect(statSync(own).mode & 0o777).toBe(0o600)
    chmodSync(own, 0o644)
    const named = opened('writing', own)
    expect(named.keys.keyFor(ann)).toBeDefined()
    expect(named.problems.length).toBe(1)
    expect(statSync(own).mode & 0o777).toBe(0o644)
  })
})

test('keys that were removed under a process keep nobody waiting', async () => {
  const { keys } = opened()
  expect(keys.keyFor(ann)).toBeDefined()
  rmSync(directory, { recursive: true })
  await keys.settled()
  expect(keys.keyFor(bob)).toBeUndefined()
  await keys.settled()
})

test('the key of a subject is put on the disk by whoever records with it, since its maker may not have come to that', () => {
  mkdirSync(directory)
  const ledgerKey = new LedgerKey(Buffer.alloc(32, 3))
  const made = findOrCreateKey(directory, ledgerKey, ledgerKey.nameOf(ann))
  const found = findOrCreateKey(directory, ledgerKey, ledgerKey.nameOf(ann))
  expect(found.key.id).toBe(made.key.id)
  expect(found.names).toEqual(made.names)
  expect(made.names.map((path) => readFileSync(path, 'utf8'))).toEqual(
    Array(2).fill(expect.stringContaining(made.key.id)),
  )
})
