import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { HrTime } from '../events/time.js'
import type { AuditEventInput } from '../events/types.js'
import { isClockSynchronized } from '../log/sealing/clock-statement.js'
import { memoryStore } from '../store/memory/index.js'
import { type AuditLog, openAuditLog } from './index.js'

const SECONDS = 1_795_300_506
let base: string
let log: AuditLog
let seconds: number
const clock = (): HrTime => [seconds, 0]

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'spanledger-'))
  // The monotonic clock stands still, so that the log's clock alone tells what passes.
  vi.useFakeTimers({ toFake: ['performance'] })
  seconds = SECONDS
})

afterEach(async () => {
  vi.useRealTimers()
  await log.close().catch(() => {})
  await rm(base, { recursive: true, force: true })
})

const note = (name: string): AuditEventInput<'custom'> => ({ type: 'custom', data: { name } })
const trail = async () =>
  (await log.events().toArray()).map(({ type, recordedAt }) => `${type} ${recordedAt.slice(0, 4)}`)

it('a clock that jumps ahead and comes back spoils nothing, and both are on record before what follows', async () => {
  log = await openAuditLog({ store: memoryStore(), clock })
  log.record(note('before'))
  seconds += 20 * 365 * 86_400
  log.record(note('ahead'))
  log.record(note('still ahead'))
  seconds = SECONDS + 1
  await log.append(note('back'))
  expect(await trail()).toEqual([
    'custom 2026',
    'clock_stepped 2046',
    'custom 2046',
    'custom 2046',
    'clock_stepped 2026',
    'custom 2026',
  ])
  const [ahead, back] = await log.events({ type: 'clock_stepped' }).toArray()
  expect(ahead).toMatchObject({ statementOf: expect.any(String), data: { from: '2026-11-21T22:35:06.000000000Z' } })
  expect(back?.data).toMatchObject({ from: ahead?.data.to, to: '2026-11-21T22:35:07.000000000Z' })
})

it.each(['journal', 'flush-only'] as const)('also between two openings (%s)', async (durability) => {
  const directory = join(base, 'audit')
  seconds += 20 * 365 * 86_400
  log = await openAuditLog(directory, { clock, durability })
  log.record(note('ahead'))
  await log.close()
  seconds = SECONDS
  log = await openAuditLog(directory, { clock, durability })
  expect(log.recovery).toMatchObject({ unclean: false })
  log.record(note('right'))
  await log.flush()
  expect(await trail()).toEqual(['custom 2046', 'clock_stepped 2026', 'custom 2026'])
  await log.close()
  log = await openAuditLog(directory, { clock, durability })
  await log.append(note('right still'))
  expect(await trail()).toHaveLength(4)
})

it('a statement of the log is behind the step too: of runs that were interrupted, of a key that changed', async () => {
  const store = memoryStore()
  seconds += 3600
  log = await openAuditLog({ store, clock })
  log.record({ type: 'run_started', runId: 'r', data: { agent: { name: 'planner' } } })
  await log.flush()
  // Not closed in order: what opens the store next finds the run open.
  await store.commit([], { closed: false })
  seconds = SECONDS
  const next = await openAuditLog({ store, clock })
  await next.append(note('next'))
  const events = await next.events().toArray()
  expect(events.map(({ type }) => type)).toEqual(['run_started', 'clock_stepped', 'run_interrupted', 'custom'])
  await next.close()
})

it('what the log dropped while its clock was set is stated behind the step', async () => {
  const store = memoryStore()
  log = await openAuditLog({ store, clock, maxQueueBytes: 65_535 })
  const large = { type: 'custom' as const, data: { name: 'x', pad: 'x'.repeat(60_000) } }
  log.record(large)
  seconds += 7200
  expect(log.record(large)).toBeUndefined()
  await log.flush()
  await log.flush()
  const types = (await log.events().toArray()).map(({ type }) => type)
  expect(types[0]).toBe('custom')
  expect(types.slice(1).sort()).toEqual(['clock_stepped', 'events_dropped'])
  expect(types.indexOf('clock_stepped')).toBeLessThan(types.indexOf('events_dropped'))
})

it('whether the system clock follows a server is said where the system says it', async () => {
  const { mkdir, writeFile } = await import('node:fs/promises')
  const directory = join(base, 'timesync')
  expect(isClockSynchronized(directory)).toBeUndefined()
  await mkdir(directory)
  expect(isClockSynchronized(directory)).toBe(false)
  await writeFile(join(directory, 'synchronized'), '')
  expect(isClockSynchronized(directory)).toBe(true)
  log = await openAuditLog({ store: memoryStore() })
})
