import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { memoryKeys } from '../content/keys/memory-keys.js'
import { openGovernance } from './open-governor.js'

const NOW = '2026-12-01T00:00:00.000000000Z'
let path: string

beforeEach(() => {
  const directory = mkdtempSync(join(tmpdir(), 'policy-'))
  onTestFinished(() => rmSync(directory, { recursive: true }))
  path = join(directory, 'policy.json')
})

const write = (policy: unknown) => writeFileSync(path, typeof policy === 'string' ? policy : JSON.stringify(policy))

function opened(onInvalid?: 'metadata') {
  const problems: string[] = []
  const report = ({ message }: Error) => problems.push(message)
  const governance = openGovernance({
    options: { policy: path },
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
    ['a link', () => symlinkSync('/etc/hostname', path), 'AUDIT_FILE_REFUSED'],
    ['a directory', () => mkdirSync(path), 'AUDIT_FILE_REFUSED'],
  ])('is refused when it is %s', (_, arrange, code) => {
    arrange()
    expect(() => opened()).toThrow(expect.objectContaining({ code }))
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
