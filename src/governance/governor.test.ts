import { describe, expect, test } from 'vitest'
import { memoryKeys } from '../content/keys/memory-keys.js'
import { subjectOf } from '../content/subject.js'
import type { RecordInput } from '../log/contract.js'
import type { GovernedEvent } from './contract.js'
import { Governor } from './governor.js'
import { policyDigest } from './policy/digest.js'
import type { AuditPolicy } from './policy/policy.js'

const NO_REDACTION = { redact: ({ value }: { value: unknown }) => ({ value, found: [] }), takeDisabled: () => [] }

function governorOf(policy: AuditPolicy = { name: 'test' }) {
  const keys = memoryKeys()
  const now = () => '2026-12-01T00:00:00.000000000Z'
  const resolved = { policy, digest: policyDigest(policy), redaction: NO_REDACTION }
  return { keys, governor: new Governor({ policy: resolved, keys, now, report: () => {} }) }
}

function recorded(governor: Governor, input: RecordInput): readonly GovernedEvent[] {
  const verdict = governor.govern(input)
  return verdict.kind === 'record' ? verdict.events : []
}

const failed = { type: 'run_failed', runId: 'r', data: { error: { code: 'E', message: 'no' } } } as const

describe('an event', () => {
  test('without content is recorded as it is', () => {
    const input = { type: 'agent_handoff', data: { to: 'b' } } as const
    expect(recorded(governorOf().governor, input)[0]?.input).toBe(input)
  })

  test('with a message goes without it, and is not changed itself', () => {
    const { governor, keys } = governorOf()
    const [event] = recorded(governor, failed)
    expect(event?.input.data).toEqual({ error: { code: 'E' } })
    expect(failed.data.error.message).toBe('no')
    const { stated, seal } = event?.content ?? {}
    expect(stated?.items).toMatchObject([
      { field: 'data.error.message', class: 'diagnostic', bytes: 2, level: 'content' },
    ])
    const leafHash = new Uint8Array(32)
    const [item] = seal?.(leafHash, 'log') ?? []
    const key = keys.keyFor(subjectOf(failed))
    const opened = key?.open(item?.bytes as Uint8Array, { leafHash, field: 'data.error.message' })
    expect(Buffer.from(opened?.bytes ?? []).toString()).toBe('no')
  })
})
