import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Level } from 'level'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { copyLive } from '../../test/support/copy-live.js'
import type { AuditEventInput } from '../events/types.js'
import type { AuditLogOptions } from '../log/options.js'
import type { AuditStore } from '../store/contract.js'
import { levelStore } from '../store/leveldb/index.js'
import { memoryStore } from '../store/memory/index.js'
import { type AuditLog, openAuditLog } from './index.js'

let base: string
const opened: AuditLog[] = []

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'spanledger-'))
})

afterEach(async () => {
  vi.restoreAllMocks()
  await Promise.allSettled(opened.splice(0).map((log) => log.close()))
  await rm(base, { recursive: true, force: true })
})

const directory = () => join(base, 'audit')

async function keep(opening: Promise<AuditLog>): Promise<AuditLog> {
  const log = await opening
  opened.push(log)
  return log
}
const openAt = (path: string, options?: Omit<AuditLogOptions, 'store'>) =>
  keep(openAuditLog(path, { on: { problem: () => {} }, ...options }))

const note = (name: string, more: Partial<AuditEventInput<'custom'>> = {}): AuditEventInput<'custom'> => ({
  type: 'custom',
  id: 'mine',
  data: { name },
  ...more,
})
const conflictAt = (seq: number) => ({
  name: 'AuditLogError',
  code: 'AUDIT_ID_CONFLICT',
  message: expect.stringContaining(`position ${seq} `),
})
const dataIn = async (log: AuditLog) => (await log.events().toArray()).map(({ data }) => data)

const LOGS: readonly [string, () => Promise<AuditLog>][] = [
  ['a directory', () => openAt(directory())],
  ['a directory without a journal', () => openAt(directory(), { durability: 'flush-only' })],
  ['a LevelDB store', () => keep(openAuditLog({ store: levelStore(directory()) }))],
  ['memory', () => keep(openAuditLog({ store: memoryStore() }))],
]

describe.each(LOGS)('an id that its caller chose, in %s', (_, open) => {
  it('is that of its tenant', async () => {
    const log = await open()
    const appended = await Promise.all([
      log.append(note('a', { tenantId: 'a', id: 'bc' })),
      log.append(note('b', { tenantId: 'ab', id: 'c' })),
      log.append(note('c', { id: 'c' })),
      log.append(note('d', { tenantId: 'b', id: 'c' })),
    ])
    expect(appended.map(({ seq }) => seq)).toEqual([0, 1, 2, 3])
    expect(await log.append(note('b', { tenantId: 'ab', id: 'c' }))).toEqual(appended[1])
    expect((await log.head()).size).toBe(4)
  })

  it('rejects another event, and names where the first one stands', async () => {
    const log = await open()
    await log.append(note('other', { id: 'other' }))
    const first = await log.append(note('a'))
    for (const other of [
      note('b'),
      note('a', { sessionId: 's' }),
      note('a', { time: '2026-01-01T00:00:00Z' }),
      { type: 'agent_handoff', id: 'mine', data: { to: 'a' } } as const,
    ]) {
      await expect(log.append(other)).rejects.toMatchObject(conflictAt(1))
    }
    expect(await log.append(note('a'))).toEqual(first)
    expect(await dataIn(log)).toEqual([{ name: 'other' }, { name: 'a' }])
    expect(log.counters()).toMatchObject({ committed: 3, dropped: { id_conflict: 4 }, queuedEvents: 0 })
  })

  it('does so within one group, and harms nothing else of the group', async () => {
    const log = await open()
    const settled = await Promise.allSettled([
      log.append(note('before', { id: 'before' })),
      log.append(note('a')),
      log.append(note('b')),
      log.append({ type: 'custom', data: { name: 'after' } }),
      log.append(note('a')),
      log.append(note('c')),
    ])
    expect(settled.map((each) => (each.status === 'fulfilled' ? each.value.seq : each.reason))).toEqual([
      0,
      1,
      expect.objectContaining(conflictAt(1)),
      2,
      1,
      expect.objectContaining(conflictAt(1)),
    ])
    expect(await dataIn(log)).toEqual([{ name: 'before' }, { name: 'a' }, { name: 'after' }])
    expect((await log.append({ type: 'custom', data: { name: 'later' } })).seq).toBe(3)
  })

  it('is compared ten thousand times in one tick, in time that grows with their number', async () => {
    const log = await open()
    const settled = await Promise.allSettled(
      Array.from({ length: 10_000 }, (_, n) => log.append(note(n % 2 === 0 ? 'a' : 'b'))),
    )
    expect(settled.filter(({ status }) => status === 'fulfilled').length).toBe(5_000)
    expect((await log.head()).size).toBe(1)
  })
})

it('is compared with an event that waits in the journal alone', async () => {
  const log = await openAt(directory(), { maxQueueBytes: 65_536 })
  const pad = 'x'.repeat(30_000)
  const appends = [note('a')]
  for (let n = 0; n < 20; n++) appends.push({ type: 'custom', data: { name: 'pad', pad } })
  appends.push(note('b'), note('a'))
  const settled = Promise.allSettled(appends.map((event) => log.append(event)))
  expect(log.counters().spilledEvents).toBeGreaterThan(10)
  const [same, other] = (await settled).reverse()
  expect(other).toMatchObject({ status: 'rejected', reason: conflictAt(0) })
  expect(same).toMatchObject({ status: 'fulfilled', value: { seq: 0 } })
})

it('is compared with an event of a group whose write failed, and that the disk kept', async () => {
  const store = levelStore(directory())
  const log = await keep(openAuditLog({ store, on: { problem: () => {} }, maxQueueBytes: 65_536 }))
  await log.append(note('first', { id: 'first' }))
  const db = new Level<Buffer, Uint8Array>(join(base, 'any'))
  await db.open()
  const prototype = Object.getPrototypeOf(db.batch()) as { write(options?: object): Promise<void> }
  await db.close()
  const { write } = prototype
  vi.spyOn(prototype, 'write').mockImplementationOnce(async function (this: unknown, options) {
    await write.call(this as never, options)
    throw new Error('fsync failed')
  })
  // The room of the append is needed, so its caller is told that it was not stored, though it may have been.
  const given = log.append(note('a', { data: { name: 'a', pad: 'x'.repeat(40_000) } }))
  await expect(log.flush()).rejects.toMatchObject({ code: 'AUDIT_WRITE_FAILED' })
  log.record({ type: 'custom', data: { name: 'recorded', pad: 'x'.repeat(40_000) } })
  await expect(given).rejects.toMatchObject({ code: 'AUDIT_WRITE_FAILED' })
  await expect(log.append(note('b'))).rejects.toMatchObject(conflictAt(1))
  expect((await dataIn(log)).map((data) => (data as { name: string }).name)).toEqual(['first', 'a', 'recorded'])
})

describe('a conflict that only the next opening finds', () => {
  /** Leaves the directory of a process that died before it committed the events in `left`. */
  async function died(stored: readonly AuditEventInput[], left: readonly AuditEventInput[]): Promise<string> {
    const log = await openAt(directory())
    for (const event of stored) await log.append(event)
    const appends = left.map((event) => log.append(event))
    const image = join(base, 'image')
    copyLive(directory(), image)
    await Promise.allSettled(appends)
    return image
  }

  it.each([
    { stored: [note('a')], left: [note('b')] },
    { stored: [], left: [note('a'), note('b')] },
  ])('is stated by the log itself, once, and the other events are stored', async ({ stored, left }) => {
    const around = (name: string) => ({ type: 'custom', data: { name } }) as const
    const image = await died(stored, [around('before'), ...left, around('after'), note('a', { tenantId: 't' })])
    const log = await openAt(image)
    const events = await log.events().toArray()
    expect(events.map(({ type, data }) => (type === 'custom' ? data.name : type)).sort()).toEqual(
      ['a', 'a', 'after', 'before', 'events_dropped', 'events_recovered'].sort(),
    )
    const [dropped] = events.filter(({ type }) => type === 'events_dropped')
    expect(dropped).toMatchObject({
      data: { count: 1, reason: 'id_conflict' },
      statementOf: expect.stringContaining('spanledger.local/'),
    })
    expect(log.recovery.recoveredEvents).toBe(3 + left.length - 1)
    expect((await log.verify()).status).toBe('incomplete')
    await log.close()
    expect((await (await openAt(image)).head()).size).toBe(6)
  })

  it('is none where the same event was left', async () => {
    const log = await openAt(await died([note('a')], [note('a'), note('a')]))
    expect(await dataIn(log)).toEqual([{ name: 'a' }, expect.objectContaining({ count: 2 })])
    expect((await log.verify()).droppedEvents).toBe(0)
  })

  it('is told with the position of the journal: dying before that commit tells it again, and not twice', async () => {
    const image = await died([note('a')], [note('b'), note('c'), { type: 'custom', data: { name: 'after' } }])
    const interrupted = levelStore(image)
    const prototype = Object.getPrototypeOf(interrupted) as AuditStore
    const commit = vi.spyOn(prototype, 'commit').mockRejectedValueOnce(new Error('died'))
    await expect(openAuditLog(image, { on: { problem: () => {} } })).rejects.toThrow('died')
    commit.mockRestore()
    const log = await openAt(image)
    expect(await dataIn(log)).toEqual([
      { name: 'a' },
      { count: 2, reason: 'id_conflict', from: expect.any(String), to: expect.any(String) },
      { name: 'after' },
      expect.objectContaining({ count: 1 }),
    ])
  })
})
