import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { AuditEventInput, AuditPolicy } from '../../src/index.js'
import { openAuditLog } from '../../src/index.js'
import { directory, useTestDirectory } from '../support/test-directory.js'

useTestDirectory()

const event = (change: object = {}): AuditEventInput => ({
  type: 'tool_call_failed',
  id: 'mine',
  actor: { id: 'ann' },
  data: {
    callId: 'c',
    tool: { name: 't' },
    durationMs: 1,
    error: { code: 'E', message: 'ask ann@example.org, card 4111 1111 1111 1111' },
    ...change,
  },
})

const metadata: AuditPolicy = { name: 'metadata', rules: [{ payload: 'metadata', diagnostics: 'metadata' }] }
const digests: AuditPolicy = { name: 'digests', rules: [{ payload: 'digest', diagnostics: 'digest' }] }
const everything: AuditPolicy = { name: 'everything', rules: [{ payload: 'content', diagnostics: 'content' }] }
const redacting: AuditPolicy = { name: 'redacting', redact: { email: true, payment_card: false } }
const pseudonyms: AuditPolicy = { name: 'pseudonyms', pseudonyms: { actor: true } }
const policies = [metadata, digests, everything, redacting, pseudonyms]
const pairs = policies.flatMap((one) => policies.filter((other) => other !== one).map((other) => [one, other] as const))

test.each(pairs.map(([one, other]) => [one.name, other.name, one, other] as const))(
  'an event that was appended under the policy %s and is repeated under %s has its first position',
  async (_, __, one, other) => {
    const log = await openAuditLog(directory, { policy: one })
    const first = await log.append(event())
    const [before] = await log.events({ type: 'tool_call_failed', content: 'all' }).toArray()
    await log.applyPolicy(other)
    expect(await log.append(event())).toEqual(first)
    await log.close()
    const again = await openAuditLog(directory, { policy: other })
    expect(await again.append(event())).toEqual(first)
    const found = await again.events({ type: 'tool_call_failed', content: 'all' }).toArray()
    expect(found).toEqual([before])
    expect((await again.verify()).status).toBe('verified')
    await again.close()
  },
)

test('an event that is repeated without its keys, or under others, has its first position', async () => {
  const log = await openAuditLog(directory, { policy: pseudonyms })
  const first = await log.append(event())
  await log.close()
  const on = { problem: () => {} }
  const keyless = await openAuditLog(directory, { policy: pseudonyms, contentKeys: false, on })
  expect(await keyless.append(event())).toEqual(first)
  await keyless.close()
  const contentKeys = { directory: join(directory, 'other-keys') }
  const others = await openAuditLog(directory, { policy: everything, contentKeys, on })
  expect(await others.append(event())).toEqual(first)
  await others.close()
})

test.each([
  ['another message', { error: { code: 'E', message: 'another of 4111 1111 1111 1111' } }],
  ['another duration', { durationMs: 2 }],
])('an event with the same id and %s is another one', async (_, change) => {
  const log = await openAuditLog(directory, { policy: everything })
  await log.append(event())
  await expect(log.append(event(change))).rejects.toMatchObject({ code: 'AUDIT_ID_CONFLICT' })
  await log.applyPolicy(digests)
  await expect(log.append(event(change))).rejects.toMatchObject({ code: 'AUDIT_ID_CONFLICT' })
  await log.close()
})

test('another actor under pseudonyms is another event', async () => {
  const log = await openAuditLog(directory, { policy: pseudonyms })
  await log.append(event())
  const bobs = { ...event(), actor: { id: 'bob' } }
  await expect(log.append(bobs)).rejects.toMatchObject({ code: 'AUDIT_ID_CONFLICT' })
  await log.close()
})
