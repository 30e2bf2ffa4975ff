import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { context, type Span, trace } from '@opentelemetry/api'
import { NodeSDK } from '@opentelemetry/sdk-node'
import { expect, onTestFinished, test, vi } from 'vitest'
import { openAuditLog } from '../audit-log/index.js'
import type { AuditLogError } from '../events/errors.js'
import { openAuditLogReader } from '../reader/index.js'
import { AuditSpanProcessor } from './processor.js'

const WAIT = { timeout: 50_000, interval: 20 }

function newBase(): string {
  const base = mkdtempSync(join(tmpdir(), 'spanledger-'))
  onTestFinished(() => rmSync(base, { recursive: true, force: true }))
  return base
}

function startSdk(location: string) {
  const warnings: string[] = []
  vi.spyOn(process, 'emitWarning').mockImplementation((warning) => void warnings.push(String(warning)))
  const audit = new AuditSpanProcessor({ location })
  const sdk = new NodeSDK({ spanProcessors: [audit], autoDetectResources: false })
  sdk.start()
  onTestFinished(async () => {
    await sdk.shutdown()
    trace.disable()
    context.disable()
    vi.restoreAllMocks()
  })
  return { audit, sdk, warnings }
}

function startAgent(name: string): Span {
  const attributes = { 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': name }
  return trace.getTracer('app').startSpan(`invoke_agent ${name}`, { attributes })
}

function runAgent(name: string): void {
  startAgent(name).end()
}

async function eventsIn(location: string) {
  const reader = await openAuditLogReader(location)
  const events = await reader.events().toArray()
  await reader.close()
  return {
    events,
    agents: events.filter(({ type }) => type === 'run_started').map(({ agent }) => agent?.name),
    gaps: events.flatMap(({ type, data }) =>
      type === 'events_dropped' ? [data as { reason: string; count: number }] : [],
    ),
    ids: events.map(({ id }) => id),
  }
}

const hasReturned = (warnings: readonly string[]) =>
  vi.waitFor(() => expect(warnings.at(-1)).toContain('is open now'), WAIT)

test.each([
  ['is removed', (location: string) => rmSync(location, { recursive: true })],
  [
    'is replaced by another one',
    (location: string) => {
      renameSync(location, `${location}-before`)
      mkdirSync(location)
    },
  ],
])('a log whose directory %s while nothing is recorded is told once and opened anew, with a gap', async (_, remove) => {
  const location = join(newBase(), 'audit')
  const { audit, sdk, warnings } = startSdk(location)
  runAgent('before')
  await audit.ready
  await audit.forceFlush()
  remove(location)
  await hasReturned(warnings)
  expect(warnings).toEqual([expect.stringContaining('was removed, or another one is in its place'), expect.any(String)])
  runAgent('after')
  await audit.forceFlush()
  const health = audit.health()
  expect(health).toMatchObject({ status: 'audited', reasons: [] })
  await sdk.shutdown()
  const { agents, gaps } = await eventsIn(location)
  expect(agents).toEqual(['after'])
  expect(gaps).toEqual([expect.objectContaining({ reason: 'log_removed', count: expect.any(Number) })])
  expect(gaps[0]?.count).toBeGreaterThanOrEqual(3)
  expect(health.counts.dropped).toBe(gaps[0]?.count)
  expect(warnings).toHaveLength(2)
})

test('what is recorded when its directory is gone already gets into the next log', async () => {
  const location = join(newBase(), 'audit')
  const { audit, sdk, warnings } = startSdk(location)
  await audit.ready
  await audit.forceFlush()
  renameSync(location, `${location}-before`)
  runAgent('meanwhile')
  await hasReturned(warnings)
  runAgent('after')
  await sdk.shutdown()
  expect((await eventsIn(location)).agents).toEqual(['meanwhile', 'after'])
})

test('a directory that is replaced by a copy of itself goes on as the same log, each event once', async () => {
  const location = join(newBase(), 'audit')
  const { audit, sdk, warnings } = startSdk(location)
  runAgent('before')
  await audit.ready
  await audit.forceFlush()
  renameSync(location, `${location}-before`)
  runAgent('meanwhile')
  cpSync(`${location}-before`, `${location}-copy`, { recursive: true })
  renameSync(`${location}-copy`, location)
  await hasReturned(warnings)
  runAgent('after')
  expect(audit.health().counts.dropped).toBe(0)
  await sdk.shutdown()
  const { agents, gaps, ids } = await eventsIn(location)
  expect(agents).toEqual(['before', 'meanwhile', 'after'])
  expect(gaps).toEqual([])
  expect(new Set(ids).size).toBe(ids.length)
})

test('the next log lists the runs that were open, of each processor, before anything that ends them', async () => {
  const location = join(newBase(), 'audit')
  const { audit, sdk, warnings } = startSdk(location)
  const second = new AuditSpanProcessor({ location })
  runAgent('over')
  const span = startAgent('planner')
  await Promise.all([audit.ready, second.ready])
  await audit.forceFlush()
  renameSync(location, `${location}-before`)
  await hasReturned(warnings)
  span.end()
  await second.shutdown()
  await sdk.shutdown()
  const { events } = await eventsIn(location)
  const attached = events.flatMap((event) => (event.type === 'audit_attached' ? [event] : []))
  const planner = { runId: expect.any(String), agent: { name: 'planner' }, startedAt: expect.any(String) }
  expect(attached.map(({ data }) => data.openRuns)).toEqual([[planner], [planner]])
  expect(attached.map(({ statementOf }) => statementOf)).toEqual(Array(2).fill(expect.stringContaining('/')))
  const [ended, ...others] = events.filter(({ type }) => type.startsWith('run_'))
  expect(others).toEqual([])
  const [open] = attached[0]?.data.openRuns ?? []
  expect(ended).toMatchObject({ type: 'run_completed', runId: open?.runId, data: { startedAt: open?.startedAt } })
  expect(events.indexOf(attached[0] as (typeof events)[number])).toBeLessThan(
    events.indexOf(ended as (typeof events)[number]),
  )
})

test('a processor that has left is no longer on record in the next log', async () => {
  const location = join(newBase(), 'audit')
  const { audit, warnings } = startSdk(location)
  const second = new AuditSpanProcessor({ location })
  await Promise.all([audit.ready, second.ready])
  await second.shutdown()
  await audit.forceFlush()
  renameSync(location, `${location}-before`)
  await hasReturned(warnings)
  await audit.forceFlush()
  const { events } = await eventsIn(location)
  expect(events.filter(({ type }) => type === 'audit_attached')).toHaveLength(1)
})

test('a directory that is replaced by an older copy of itself lacks what came since, with a gap', async () => {
  const location = join(newBase(), 'audit')
  const { audit, sdk, warnings } = startSdk(location)
  runAgent('in the copy')
  await audit.ready
  await audit.forceFlush()
  cpSync(location, `${location}-copy`, { recursive: true })
  runAgent('lost')
  await audit.forceFlush()
  renameSync(location, `${location}-before`)
  renameSync(`${location}-copy`, location)
  await hasReturned(warnings)
  runAgent('after')
  await audit.forceFlush()
  const { dropped } = audit.health().counts
  await sdk.shutdown()
  const { agents, gaps } = await eventsIn(location)
  expect(agents).toEqual(['in the copy', 'after'])
  expect(gaps).toEqual([expect.objectContaining({ reason: 'log_removed', count: dropped })])
  expect(dropped).toBeGreaterThanOrEqual(2)
})

const base = mkdtempSync(join(tmpdir(), 'spanledger-'))
const mount = () => spawnSync('mount', ['-t', 'tmpfs', 'tmpfs', base]).status === 0
const canMount = mount() && spawnSync('umount', [base]).status === 0

test.runIf(canMount)(
  'a log whose volume is gone goes on where the volume was, and in the volume once it is back',
  async () => {
    onTestFinished(() => {
      spawnSync('umount', ['-l', base])
      rmSync(base, { recursive: true, force: true })
    })
    const volume = newBase()
    execFileSync('mount', ['--bind', volume, base])
    const location = join(base, 'audit')
    const { audit, sdk, warnings } = startSdk(location)
    runAgent('in the volume')
    await audit.ready
    await audit.forceFlush()
    execFileSync('umount', ['-l', base])
    await hasReturned(warnings)
    runAgent('without it')
    await audit.forceFlush()
    const { agents, gaps } = await eventsIn(location)
    expect(agents).toEqual(['without it'])
    expect(gaps).toMatchObject([{ reason: 'log_removed' }])
    warnings.length = 0
    execFileSync('mount', ['--bind', volume, base])
    await hasReturned(warnings)
    runAgent('in the volume again')
    await sdk.shutdown()
    expect((await eventsIn(location)).agents).toEqual(['in the volume', 'in the volume again'])
  },
)

test('a log that is opened by itself is never written elsewhere: it tells, keeps what comes, and goes on once it is back', async () => {
  const location = join(newBase(), 'audit')
  const problems: AuditLogError[] = []
  const log = await openAuditLog(location, {
    on: { problem: (problem) => void problems.push(problem as AuditLogError) },
  })
  onTestFinished(() => log.close().catch(() => undefined))
  await log.append({ type: 'custom', data: { name: 'before' } })
  renameSync(location, `${location}-away`)
  const other = await openAuditLog(`${location}-other`)
  await other.append({ type: 'custom', data: { name: 'of another' } })
  await other.close()
  renameSync(`${location}-other`, location)
  await vi.waitFor(() => expect(problems.map(({ code }) => code)).toEqual(['AUDIT_LOG_REMOVED']), WAIT)
  expect(log.health()).toMatchObject({ status: 'failing', cause: { code: 'AUDIT_LOG_REMOVED' } })
  log.record({ type: 'custom', data: { name: 'meanwhile' } })
  await expect(log.assertWritable()).rejects.toMatchObject({ code: 'AUDIT_WRITE_FAILED' })
  renameSync(location, `${location}-other`)
  renameSync(`${location}-away`, location)
  await log.flush()
  expect(await log.events({ type: 'custom' }).count()).toBe(2)
  expect(problems.map(({ code }) => code)).toEqual(['AUDIT_LOG_REMOVED'])
  const again = await openAuditLog(`${location}-other`)
  expect(again.recovery).toMatchObject({ unclean: false, recoveredEvents: 0 })
  expect(await again.events({ type: 'custom' }).count()).toBe(1)
  await again.close()
})

test('closing a log whose directory was replaced leaves what the log that is there says of itself', async () => {
  const location = join(newBase(), 'audit')
  const log = await openAuditLog(location, { on: { problem: () => {} } })
  await log.append({ type: 'custom', data: { name: 'before' } })
  const other = await openAuditLog(`${location}-other`, { on: { problem: () => {} } })
  onTestFinished(() => other.close().catch(() => undefined))
  renameSync(location, `${location}-away`)
  renameSync(`${location}-other`, location)
  const state = () => readFileSync(join(location, 'state'), 'utf8')
  const before = state()
  expect(before).toMatch(/^writing/)
  await log.close().catch(() => undefined)
  expect(state()).toBe(before)
})

test('a log that writes nothing of itself notices as well, while nothing is recorded', async () => {
  const location = join(newBase(), 'audit')
  const problems: unknown[] = []
  const report = (problem: Error) => void problems.push(problem)
  const log = await openAuditLog(location, { signer: false, checkpointIntervalMillis: 1_000, on: { problem: report } })
  onTestFinished(() => log.close().catch(() => undefined))
  await log.append({ type: 'custom', data: { name: 'before' } })
  renameSync(location, `${location}-away`)
  await vi.waitFor(() => expect(problems).toMatchObject([{ code: 'AUDIT_LOG_REMOVED' }]), WAIT)
})
