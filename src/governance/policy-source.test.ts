import { execFileSync } from 'node:child_process'
import {
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { memoryKeys } from '../content/keys/memory-keys.js'
import { openGovernance } from './open-governor.js'

const NOW = '2026-12-01T00:00:00.000000000Z'
let directory: string
let path: string

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'policy-'))
  onTestFinished(() => rmSync(directory, { recursive: true }))
  path = join(directory, 'policy.json')
})

const write = (policy: unknown) => writeFileSync(path, typeof policy === 'string' ? policy : JSON.stringify(policy))

function largeFile() {
  write('')
  truncateSync(path, 100_000_000)
}

function opened(onInvalid?: 'metadata', policy: unknown = path) {
  const problems: string[] = []
  const report = ({ message }: Error) => problems.push(message)
  const governance = openGovernance({
    options: { policy: policy as string },
    location: undefined,
    onInvalid,
    keys: memoryKeys(),
    now: () => NOW,
    report,
  })
  return { governance, problems, inForce: () => governance.governor.policy.policy }
}

describe('a policy in a file', () => {
  test('is applied anew when the file is another', () => {
    write({ name: 'one' })
    const { governance, problems, inForce } = opened()
    write({ name: 'two', version: '2' })
    governance.review()
    expect(inForce()).toEqual({ name: 'two', version: '2' })
    expect(problems).toEqual([])
  })

  test('that is half written, or bad, is reported once, and the old one stays; it is applied when it is mended', () => {
    write({ name: 'one' })
    const { governance, problems, inForce } = opened()
    write('{"name": "tw')
    for (let n = 0; n < 3; n++) governance.review()
    expect(problems).toEqual([expect.stringContaining('is no JSON, or was not written in full')])
    write({ name: 'two', rules: [{ payload: 'all' }] })
    for (let n = 0; n < 3; n++) governance.review()
    expect(problems).toHaveLength(2)
    expect(problems[1]).toContain('rules[0].payload')
    expect(inForce()).toEqual({ name: 'one' })
    write({ name: 'two' })
    governance.review()
    expect(inForce()).toEqual({ name: 'two' })
  })

  test('that disappears stays in force, which is reported once', () => {
    write({ name: 'one' })
    const { governance, problems, inForce } = opened()
    rmSync(path)
    for (let n = 0; n < 3; n++) governance.review()
    expect(problems).toHaveLength(1)
    expect(inForce()).toEqual({ name: 'one' })
  })

  test.each([
    ['no JSON', () => write('{'), 'AUDIT_POLICY_INVALID'],
    ['too large', () => write(JSON.stringify({ name: 'x'.repeat(1024 * 1024) })), 'AUDIT_FILE_REFUSED'],
    ['a link to itself', () => symlinkSync(path, path), 'AUDIT_POLICY_INVALID'],
    ['missing', () => {}, 'AUDIT_POLICY_INVALID'],
    ['in a directory that is a file', () => write('{}'), 'AUDIT_POLICY_INVALID', '/x'],
    ['a directory', () => mkdirSync(path), 'AUDIT_FILE_REFUSED'],
    ['a FIFO', () => execFileSync('mkfifo', [path]), 'AUDIT_FILE_REFUSED'],
    ['of 100 MB', () => largeFile(), 'AUDIT_FILE_REFUSED'],
    ['not in UTF-8', () => writeFileSync(path, Buffer.from('{"name":"M\xfcller"}', 'latin1')), 'AUDIT_POLICY_INVALID'],
    ['in UTF-16', () => writeFileSync(path, Buffer.from('\ufeff{"name":"p"}', 'utf16le')), 'AUDIT_POLICY_INVALID'],
    ['empty', () => write(''), 'AUDIT_POLICY_INVALID'],
  ])('is refused when it is %s, and one in force stays until it is mended', (_, arrange, code, below = '') => {
    arrange()
    expect(() => opened(undefined, path + below)).toThrow(expect.objectContaining({ code }))
    rmSync(path, { recursive: true, force: true })
    write({ name: 'one' })
    const { governance, problems, inForce } = opened()
    rmSync(path)
    arrange()
    for (let n = 0; n < 3; n++) governance.review()
    if (below === '') expect(problems).toHaveLength(1)
    expect(inForce()).toEqual({ name: 'one' })
    rmSync(path, { recursive: true, force: true })
    write({ name: 'mended' })
    governance.review()
    expect(inForce()).toEqual({ name: 'mended' })
  })

  test('may begin with a byte order mark', () => {
    write('\ufeff{"name":"one"}')
    expect(opened().inForce()).toEqual({ name: 'one' })
  })

  test.each([
    ['{"name":"p","name":"q"}', 'name'],
    ['{"name":"p","rules":[{"payload":"digest"}],"rules":[]}', 'rules'],
    [
      '{"name":"p","rules":[{"match":{"tool":"a"},"payload":"digest"},{"payload":"none","payl\\u006fad":"content"}]}',
      'rules[1].payload',
    ],
    [
      '{"name":"p","rules":[{"match":{"tool":["a","b"],"agent":"\\"{","tool":"c"},"payload":"none"}]}',
      'rules[0].match.tool',
    ],
    ['{"name":"p","__proto__":1,"__proto__":2}', '__proto__'],
  ])('that says something twice is refused: %s', (text, at) => {
    write(text)
    expect(() => opened()).toThrow(
      expect.objectContaining({ message: expect.stringContaining(`Invalid policy: ${at}: `) }),
    )
  })

  test('that is reached through links is followed, as mounted configurations are', () => {
    const versions = ['a', 'b'].map((name) => join(directory, name))
    for (const [at, version] of versions.entries()) {
      mkdirSync(version)
      writeFileSync(join(version, 'policy.json'), JSON.stringify({ name: String(at) }))
    }
    const current = join(directory, 'current')
    symlinkSync(versions[0] as string, current)
    symlinkSync(join(current, 'policy.json'), path)
    const { governance, inForce } = opened()
    expect(inForce()).toEqual({ name: '0' })
    symlinkSync(versions[1] as string, `${current}.next`)
    renameSync(`${current}.next`, current)
    governance.review()
    expect(inForce()).toEqual({ name: '1' })
  })

  test('that is replaced by another is read, also within one tick of the clock', () => {
    write({ name: 'one' })
    const { governance, inForce } = opened()
    write({ name: 'two' })
    governance.review()
    write({ name: 'six' })
    utimesSync(path, 1, 1)
    governance.review()
    governance.review()
    expect(inForce()).toEqual({ name: 'six' })
    writeFileSync(`${path}.next`, JSON.stringify({ name: 'ten' }))
    renameSync(`${path}.next`, path)
    governance.review()
    expect(inForce()).toEqual({ name: 'ten' })
  })

  test('that is bad from the beginning gives way to one without content, until it is mended', () => {
    write('{')
    const { governance, problems, inForce } = opened('metadata')
    for (let n = 0; n < 3; n++) governance.review()
    expect(problems).toHaveLength(1)
    expect(inForce().name).toBe('spanledger-without-content')
    write({ name: 'mended' })
    governance.review()
    expect(inForce()).toEqual({ name: 'mended' })
  })
})

describe('applying a policy', () => {
  test('refuses a bad one, and keeps the one in force and its file', () => {
    write({ name: 'one' })
    const { governance, inForce } = opened()
    const bad = { name: 'p', rules: [{ payload: 'all' }] } as never
    expect(() => governance.apply(bad)).toThrow(expect.objectContaining({ code: 'AUDIT_POLICY_INVALID' }))
    write({ name: 'two' })
    governance.review()
    expect(inForce()).toEqual({ name: 'two' })
  })

  test('states which one is in force, when it is another than the last on record', () => {
    write({ name: 'one' })
    const { governance } = opened()
    const { governor } = governance
    governor.recordedAs(governor.policy.digest)
    expect(governor.statements(false)).toEqual([])
    governance.apply({ name: 'two', version: '7' })
    const { digest } = governor.policy
    expect(governor.statements(false)).toMatchObject([
      { type: 'audit_policy_applied', data: { policy: 'two', version: '7', digest } },
    ])
    governance.apply({ version: '7', name: 'two' })
    expect(governor.statements(true)).toEqual([])
  })
})

test.each(['', 5, null, true, []])('a policy that is %j is refused', (policy) => {
  expect(() => opened(undefined, policy)).toThrow()
  expect(() => opened('metadata', policy === null ? null : '')).toThrow(TypeError)
})

test('a bad policy that may have asked for pseudonyms gives way to one with them', () => {
  write('{')
  const { governance } = opened('metadata')
  const verdict = governance.governor.govern({ type: 'custom', actor: { id: 'ann' }, data: { name: 'x' } })
  expect(JSON.stringify(verdict)).not.toContain('"ann"')
})
