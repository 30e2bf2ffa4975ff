import { randomBytes } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import { openAuditLog } from '../../src/index.js'
import { base, directory, useTestDirectory } from '../support/test-directory.js'
import { run } from './command-line.js'

useTestDirectory()

let keys: string

beforeEach(async () => {
  keys = join(directory, 'keys', 'content')
  const log = await openAuditLog(directory)
  for (const id of ['ann', 'bob']) {
    const error = { code: 'E', message: `message of ${id}` }
    await log.append({ type: 'error_occurred', actor: { id }, data: { operation: 'o', error } })
  }
  await log.close()
})

const asked = async (...args: readonly string[]) => {
  const { code, out, err } = await run(['keys', '--log', directory, '--json', ...args])
  return { code, err, found: out === '' ? undefined : JSON.parse(out) }
}

function newKey(name: string): string {
  const path = join(base, name)
  writeFileSync(path, randomBytes(32).toString('base64'), { mode: 0o600 })
  return path
}

describe('keys', () => {
  test('says who wrapped the key of the ledger, that it opens, and how many subjects have keys', async () => {
    expect(await asked()).toEqual({
      code: 0,
      err: '',
      found: { directory: keys, ledgerKey: 'open', provider: 'key-file', subjects: 2 },
    })
    expect((await run(['keys', '--keys', keys])).out).toMatch(/opens\n.*key-file\n.*2\n$/)
  })

  test('says that there are none, and makes none', async () => {
    const empty = join(base, 'empty')
    expect((await run(['keys', '--log', empty, '--json'])).out).toContain('"none"')
    expect((await run(['keys', 'rotate', '--log', empty, '--to', join(base, 'next')])).code).toBe(66)
    expect(readdirSync(base)).toEqual(['audit'])
  })

  test('fails where the key is another one, or missing, and says what to do', async () => {
    const other = await asked('--key-file', newKey('other'))
    expect(other).toMatchObject({ code: 70, found: { ledgerKey: 'unavailable', subjects: 2, provider: 'key-file' } })
    renameSync(join(keys, 'provider.key'), join(base, 'aside'))
    expect((await asked()).found.problem).toMatchObject({
      code: 'AUDIT_KEY_INVALID',
      message: expect.stringContaining('Bring it back'),
    })
    renameSync(join(keys, 'ledger'), join(base, 'ledger'))
    expect((await asked()).found.problem.message).toContain('Restore it')
  })

  test('rotate has another key file wrap them, which is made where it is missing', async () => {
    const next = join(base, 'next')
    expect((await asked('rotate', '--to', next)).found).toEqual({ directory: keys, keyFile: next })
    expect(Buffer.from(readFileSync(next, 'utf8'), 'base64').length).toBe(32)
    expect((await asked()).code).toBe(70)
    expect((await asked('--key-file', next)).found).toMatchObject({ ledgerKey: 'open', subjects: 2 })
    const third = newKey('third')
    expect((await asked('rotate', '--from', next, '--to', third)).code).toBe(0)
    const shown = await run(['content', '1', '--log', directory, '--key-file', third])
    expect(shown.out).toContain('message of')
  })

  test('rotate from another key changes nothing, and makes none', async () => {
    const before = readFileSync(join(keys, 'ledger'), 'utf8')
    const next = join(base, 'next')
    const { code, err } = await run(['keys', 'rotate', '--log', directory, '--from', newKey('wrong'), '--to', next])
    expect(code).toBe(70)
    expect(err).toContain('wrong has another key')
    expect(existsSync(next)).toBe(false)
    expect(readFileSync(join(keys, 'ledger'), 'utf8')).toBe(before)
  })

  test.each([
    ['rotate'],
    ['rotate', '--from', 'a', '--to', './a'],
    ['--to', 'a'],
    ['turn'],
    ['rotate', 'twice', '--to', 'a'],
    ['--keys', ''],
  ])('%s %s is a wrong command line', async (...args) => {
    expect((await run(['keys', '--log', directory, ...args])).code).toBe(64)
  })
})

describe('--key-file', () => {
  test.each([
    ['content', '1'],
    ['query', '--content', 'all'],
    ['tail', '--content', 'all'],
    ['export', '--format', 'csv', '--content', 'all'],
  ])('%s %s reads content with the key that is named, and fails with another one', async (...args) => {
    const aside = join(base, 'aside')
    renameSync(join(keys, 'provider.key'), aside)
    const read = (...more: readonly string[]) => run([...args, '--log', directory, ...more])
    expect((await read()).out).not.toContain('message of ann')
    const { code, out } = await read('--key-file', aside)
    expect(code).toBe(0)
    expect(out).toContain('message of')
    for (const wrong of [newKey('wrong'), join(base, 'missing')]) {
      const failed = await read('--key-file', wrong)
      expect(failed).toMatchObject({ code: 70, out: '' })
      expect(failed.err).toContain(wrong)
    }
  })
})
