import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import {
  type AuditLog,
  type AuditPolicy,
  AuditSpanProcessor,
  openAuditLog,
  openAuditLogReader,
} from '../../src/index.js'
import { recordCustom, recordEvent, withScope } from '../../src/record/index.js'
import { startAuditedSdk } from '../support/audited-sdk.js'
import { copyLive } from '../support/copy-live.js'
import { base, directory, useTestDirectory } from '../support/test-directory.js'

vi.mock(import('../../src/timers/real-timers.js'), async (actual) => ({
  ...(await actual()),
  ...(await import('../support/replaceable-timers.js')),
}))

useTestDirectory()

const REVIEW_MILLIS = 2_000
const policyFile = () => join(base, 'policy.json')

/** Puts a policy in place of the one in the file, as deployments do. */
function replaceFile(policy: AuditPolicy): void {
  writeFileSync(`${policyFile()}.next`, JSON.stringify(policy))
  renameSync(`${policyFile()}.next`, policyFile())
}

/** Policies by which calls of tools have one level or the other. */
const withLevel = (n: number): AuditPolicy => ({
  name: `p-${n}`,
  rules: [{ match: { type: 'tool_*' }, payload: n % 2 === 0 ? 'digest' : 'content' }],
})
const call = (n: number) =>
  ({
    type: 'tool_call_started',
    runId: `r-${n}`,
    data: { callId: 'c', tool: { name: 't', type: 'function' }, arguments: { n } },
  }) as const

/** For each call of a tool: the policy that is on record as the one in force, and the level that it has. */
async function decisions(log: AuditLog): Promise<readonly (readonly [string, string])[]> {
  let policy = 'none'
  const found: (readonly [string, string])[] = []
  for await (const event of log.events()) {
    if (event.type === 'audit_policy_applied') policy = event.data.policy
    if (event.type === 'tool_call_started') found.push([policy, event.content?.items[0]?.level ?? 'metadata'])
  }
  return found
}

test('each event is decided on by the policy that stands before it in the log, however often the file changes', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  replaceFile(withLevel(0))
  const log = await openAuditLog(directory, { policy: policyFile() })
  for (let n = 0; n < 20; n++) {
    for (let each = 0; each < 50; each++) log.record(call(n))
    replaceFile(withLevel(n + 1))
    log.record(call(n))
    if (n % 3 === 0) await log.flush()
    vi.advanceTimersByTime(REVIEW_MILLIS)
  }
  vi.useRealTimers()
  const found = await decisions(log)
  expect(found.length).toBe(20 * 51)
  expect(found).toEqual(
    Array.from({ length: 20 }, (_, n) => Array(51).fill([`p-${n}`, n % 2 === 0 ? 'digest' : 'content'])).flat(),
  )
  await log.close()
})

test('what is staged before a log is open stands behind the policy that decided on it, and before the next one', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  replaceFile(withLevel(1))
  const audit = new AuditSpanProcessor({ location: directory, policy: policyFile() })
  for (let n = 0; n < 3; n++) recordEvent('tool_call_started', call(n).data)
  replaceFile(withLevel(2))
  vi.advanceTimersByTime(REVIEW_MILLIS)
  await audit.ready
  recordEvent('tool_call_started', call(3).data)
  vi.advanceTimersByTime(REVIEW_MILLIS)
  recordEvent('tool_call_started', call(4).data)
  vi.useRealTimers()
  await audit.shutdown()
  const log = await openAuditLog(directory, { policy: policyFile() })
  expect(await decisions(log)).toEqual([...Array(4).fill(['p-1', 'content']), ['p-2', 'digest']])
  await log.close()
})

test('a log that is recovered beside another has nothing of the policy of the process that recovers it', async () => {
  const image = join(base, 'image')
  const dying = [0, 1].map(() => openAuditLog(directory, { shared: true, policy: { name: 'a' } }))
  const logs = await Promise.all(dying)
  for (const log of logs) log.record({ type: 'run_started', runId: 'r', data: { agent: { name: 'planner' } } })
  copyLive(directory, image)
  await Promise.all(logs.map((log) => log.close()))
  const recovered = new Map<string, () => void>()
  const both = Promise.all(
    [image, join(image, 'logs', '1')].map((path) => new Promise<void>((done) => recovered.set(path, done))),
  )
  const writer = await openAuditLog(image, {
    shared: true,
    policy: { name: 'b' },
    on: { recovered: ({ location }) => recovered.get(location)?.() },
  })
  await both
  const { ledger } = writer
  await writer.close()
  const reader = await openAuditLogReader(image)
  const stated = await reader.events({ type: 'audit_policy_applied' }).toArray()
  const applied = (log: number) => stated.flatMap((event) => (event.log === log ? event.data.policy : []))
  const own = ledger?.log ?? 0
  expect(applied(own)).toEqual(['a', 'b'])
  expect(applied(1 - own)).toEqual(['a'])
  await reader.close()
})

test('a person whose id is a pseudonym is named by no statement on a run either', async () => {
  const policy = { name: 'p', pseudonyms: { actor: true } } as const
  const { audit, tracer } = startAuditedSdk({ location: directory, policy })
  const span = tracer.startSpan('invoke_agent', {
    attributes: {
      'gen_ai.operation.name': 'invoke_agent',
      'gen_ai.agent.name': 'planner',
      'user.id': 'ann-wolpertinger',
    },
  })
  span.setAttribute('session.id', 's1')
  withScope({ userId: 'ann-wolpertinger', tenantId: 't1' }, () => recordCustom('x', {}))
  withScope({ userId: 'ann-wolpertinger', tenantId: 't2' }, () =>
    recordEvent('custom', { name: 'y' }, { runId: 'other' }),
  )
  span.end()
  await audit.shutdown()
  const log = await openAuditLog(directory, { policy })
  const events = await log.events().toArray()
  expect(JSON.stringify(events)).not.toContain('wolpertinger')
  const [noted] = events.filter(({ type }) => type === 'custom')
  const [id] = await log.content(noted as NonNullable<typeof noted>)
  expect(id).toMatchObject({ field: 'actor.id', status: 'readable', value: 'ann-wolpertinger' })
  await log.close()
})

test('pseudonyms begin with the policy that asks for them, and stay the same ones', async () => {
  const log = await openAuditLog(directory)
  const custom = { type: 'custom', actor: { id: 'ann' }, runId: 'r', data: { name: 'x' } } as const
  log.record(custom)
  await log.applyPolicy({ name: 'p', pseudonyms: { actor: true } })
  log.record(custom)
  await log.close()
  const again = await openAuditLog(directory, { policy: { name: 'p', pseudonyms: { actor: true } } })
  again.record(custom)
  const events = await again.events({ type: 'custom' }).toArray()
  const [first, second, third] = events.map(({ actor }) => actor?.id)
  expect(first).toBe('ann')
  expect(second).toMatch(/^pseudonym-/)
  expect(third).toBe(second)
  await again.close()
})

test('an event that is appended and left out is refused, and a policy for a log that is closed too', async () => {
  const rules = [{ name: 'no customs', match: { type: 'custom' }, payload: 'none' }] as const
  const log = await openAuditLog(directory, { policy: { name: 'p', rules } })
  await expect(log.append({ type: 'custom', data: { name: 'x' } })).rejects.toMatchObject({
    code: 'AUDIT_EVENT_LEFT_OUT',
    message: expect.stringContaining('no customs'),
  })
  expect(log.record({ type: 'custom', data: { name: 'x' } })).toBeUndefined()
  await log.close()
  await expect(log.applyPolicy({ name: 'q' })).rejects.toMatchObject({ code: 'AUDIT_LOG_CLOSED' })
})

test('two processors with two policies for one log are warned of', async () => {
  const warnings: string[] = []
  const onWarning = ({ message }: Error) => warnings.push(message)
  process.on('warning', onWarning)
  const first = new AuditSpanProcessor({ location: directory, policy: { name: 'a' } })
  const second = new AuditSpanProcessor({ location: directory, policy: { name: 'b' } })
  await first.ready
  await Promise.all([first.shutdown(), second.shutdown()])
  process.off('warning', onWarning)
  expect(warnings.filter((text) => text.includes('another policy'))).toHaveLength(1)
})
