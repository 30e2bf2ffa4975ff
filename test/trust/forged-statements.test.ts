import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { trace } from '@opentelemetry/api'
import { LoggerProvider } from '@opentelemetry/sdk-logs'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openAuditLog } from '../../src/audit-log/index.js'
import { Ed25519Signer } from '../../src/checkpoint/index.js'
import { isReserved } from '../../src/events/reserved.js'
import type { AuditEventInput } from '../../src/events/types.js'
import { forwardAuditLog } from '../../src/forward/index.js'
import { AuditLogRecordProcessor } from '../../src/otel/log-records.js'
import { recordEvent } from '../../src/record/index.js'
import { levelStore } from '../../src/store/leveldb/index.js'
import { startAuditedSdk } from '../support/audited-sdk.js'

const time = '2026-01-01T00:00:00.000000000Z'
const another = Ed25519Signer.generate('attacker.example/log').vkey

/** Everything that a log says of itself, as somebody else would word it. */
const forgeries: readonly AuditEventInput[] = [
  { type: 'events_dropped', data: { count: 7, reason: 'queue_full', from: time, to: time } },
  { type: 'audit_log_diverged', data: { reason: 'rolled_back', foundSize: 0, foundRoot: 'AA==' } },
  { type: 'signing_key_changed', data: { from: another, to: another } },
  { type: 'ledger_joined', data: { ledger: 'attacker.example', log: 1, vkey: another } },
  { type: 'siblings_noted', data: { logs: [{ log: 1, origin: 'attacker.example', size: 9, root: 'AA==' }] } },
  { type: 'audit_attached', data: { attachment: 'forged', openRuns: [] } },
  { type: 'audit_detached', data: { attachment: 'forged', openRuns: [] } },
  { type: 'clock_stepped', data: { from: time, to: time } },
  { type: 'events_recovered', data: { count: 1, unattested: 1, from: time, to: time } },
  { type: 'auditing_impaired', data: { reasons: ['foreign_provider'], from: time, to: time } },
  { type: 'auditing_suppressed', data: { spans: 1, events: 1, from: time, to: time } },
  { type: 'run_identified', data: { previous: { tenantId: 'default' } } },
  { type: 'run_identity_conflict', data: { tenantId: 'evil' } },
  { type: 'run_interrupted', data: { reason: 'process_died' } },
]

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'spanledger-forged-'))
})
afterEach(() => rm(directory, { recursive: true }))

/** Asserts that nothing of what was forged counts, now or after the log is opened again without having been closed. */
async function expectNoAuthority(location: string, forged: readonly AuditEventInput[]): Promise<void> {
  const log = await openAuditLog(location)
  const events = await log.events().toArray()
  const kept = events.filter(({ statementOf }) => statementOf === undefined)
  expect(events.filter((event) => isReserved(event) && event.statementOf === undefined)).toEqual([])
  expect(kept.map(({ type, data }) => [type, (data as { name?: string }).name])).toEqual(
    forged.map(({ type }) => ['custom', type]),
  )
  expect(await log.verify()).toMatchObject({ status: 'verified', droppedEvents: 0, problems: [] })
  expect(await log.checkpoint()).toContain(`\n${events.length}\n`)
  await log.close()
}

describe('the words of a log', () => {
  it.each(forgeries)('in a span event ($type) become a custom event', async (forged) => {
    const log = await openAuditLog(directory)
    const { audit, tracer } = startAuditedSdk({})
    const attachment = audit.attach(log)
    tracer.startActiveSpan('any', (span) => {
      span.addEvent(`spanledger.${forged.type}`, { 'spanledger.data': JSON.stringify(forged.data) })
      span.end()
    })
    await attachment.detach()
    await log.close()
    await expectNoAuthority(directory, [forged])
  })

  it('in log records become custom events', async () => {
    const log = await openAuditLog(directory)
    const { audit } = startAuditedSdk({})
    const attachment = audit.attach(log)
    const provider = new LoggerProvider({ processors: [new AuditLogRecordProcessor(audit) as never] })
    for (const { type, data } of forgeries) {
      const attributes = { 'spanledger.data': JSON.stringify(data) }
      provider.getLogger('anybody').emit({ eventName: `spanledger.${type}`, attributes })
    }
    await attachment.detach()
    await log.close()
    await expectNoAuthority(directory, forgeries)
  })

  it('in calls of recordEvent and record become custom events', async () => {
    const log = await openAuditLog(directory)
    const { audit } = startAuditedSdk({})
    const attachment = audit.attach(log)
    for (const { type, data } of forgeries) recordEvent(type, data as never)
    for (const forged of forgeries) log.record({ ...forged, statementOf: 'spanledger.local/forged' } as never)
    await attachment.detach()
    await log.close()
    await expectNoAuthority(directory, [...forgeries, ...forgeries])
  })

  it('are refused by append', async () => {
    const log = await openAuditLog(directory)
    for (const forged of forgeries) {
      await expect(log.append(forged)).rejects.toMatchObject({ code: 'AUDIT_EVENT_INVALID' })
    }
    const marked = { type: 'custom', data: { name: 'x' }, statementOf: 'spanledger.local/forged' } as never
    await expect(log.append(marked)).rejects.toMatchObject({ code: 'AUDIT_EVENT_INVALID' })
    await log.close()
  })

  it('cannot be smuggled in by an event that changes while it is read', async () => {
    const log = await openAuditLog(directory)
    for (const { type, data } of forgeries) {
      const types = ['custom', type]
      const twoFaced = Object.defineProperty({ data: { name: 'x', ...data } }, 'type', {
        enumerable: true,
        get: () => types.shift() ?? type,
      })
      log.record(twoFaced as never)
      log.record(new Proxy({ type, data }, { has: () => false }) as never)
      log.record({ type, data: { ...data, filler: 'x'.repeat(100_000), cyclic: { toJSON: () => ({}) } } } as never)
    }
    await log.flush()
    const events = await log.events().toArray()
    expect(events).toHaveLength(3 * forgeries.length)
    expect(events.filter(isReserved)).toEqual([])
    await log.close()
  })

  it('do not end a run that goes on', async () => {
    const log = await openAuditLog(directory)
    const { audit, tracer } = startAuditedSdk({})
    const attachment = audit.attach(log)
    tracer.startActiveSpan('agent', { attributes: { 'spanledger.run.kind': 'agent' } }, (span) => {
      const data = JSON.stringify({ reason: 'process_died' })
      trace.getActiveSpan()?.addEvent('spanledger.run_interrupted', { 'spanledger.data': data })
      span.end()
    })
    await attachment.detach()
    const [run] = await log.runs().toArray()
    expect(run?.status).toBe('completed')
    await log.close()
  })
})

describe('what another log says of itself', () => {
  it('is carried over byte for byte, and counts for nothing there', async () => {
    const source = await openAuditLog(join(directory, 'source'), { maxQueueBytes: 65_535, durability: 'flush-only' })
    const pad = 'x'.repeat(30_000)
    for (let n = 0; n < 5; n++) source.record({ type: 'custom', data: { name: 'big', pad } })
    await source.flush()
    expect((await source.verify()).status).toBe('incomplete')

    const target = levelStore(join(directory, 'target'))
    const forwarder = forwardAuditLog(source, target)
    await forwarder.flush()
    await forwarder.close()
    const texts = async (log: { entries(): { toArray(): Promise<readonly { bytes: Uint8Array }[]> } }) =>
      (await log.entries().toArray()).map(({ bytes }) => Buffer.from(bytes).toString())
    const expected = await texts(source)
    await source.close()

    const copy = await openAuditLog(join(directory, 'target'))
    expect(await texts(copy)).toEqual(expected)
    expect(expected.some((text) => text.includes('"type":"events_dropped"'))).toBe(true)
    await copy.checkpoint()
    expect(await copy.verify()).toMatchObject({ status: 'verified', droppedEvents: 0 })
    await copy.close()
  })
})
