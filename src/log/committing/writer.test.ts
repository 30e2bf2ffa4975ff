import { describe, expect, it, vi } from 'vitest'
import { hold, namesIn, note, openCommittingLog, openHeldLog, settle, stored } from '../../../test/support/held-log.js'
import { AuditLogError } from '../../events/errors.js'
import type { SealedEntry } from '../../store/contract.js'
import { hashLeaf } from '../../tree/index.js'
import type { RecordInput } from '../contract.js'
import { MAX_GROUP_BYTES, MAX_GROUP_ENTRIES } from './commit-group.js'

describe('group commit', () => {
  it('commits the events of one tick together, in their order', async () => {
    const { log, store, control } = await openHeldLog()
    for (let n = 0; n < 1000; n++) log.record(note(`${n}`))
    expect(control.groups).toEqual([])
    await log.flush()
    expect(control.groups).toEqual([1000])
    expect(await namesIn(store)).toEqual(Array.from({ length: 1000 }, (_, n) => `${n}`))
    expect(log.counters()).toEqual({
      recorded: 1000,
      committed: 1000,
      dropped: {},
      queuedEvents: 0,
      spilledEvents: 0,
      queuedBytes: 0,
      journalBytes: 0,
      commits: 1,
    })
  })

  it('gathers the next group while one is in flight', async () => {
    const { log, control } = await openHeldLog()
    const { held, release } = hold()
    control.held = held
    log.record(note('first'))
    await settle()
    for (let n = 0; n < 10; n++) log.record(note(`${n}`))
    await settle()
    expect(control.groups).toEqual([1])
    expect(log.counters()).toMatchObject({ queuedEvents: 11, committed: 0 })
    release()
    await log.flush()
    expect(control.groups).toEqual([1, 10])
  })

  it('bounds a group by entries and by bytes', async () => {
    const { log, control } = await openHeldLog({ maxQueueBytes: 1e8 })
    for (let n = 0; n <= MAX_GROUP_ENTRIES; n++) log.record(note('n'))
    await log.flush()
    expect(control.groups.splice(0)).toEqual([MAX_GROUP_ENTRIES, 1])
    log.record(note('large', 60_000))
    const perGroup = Math.floor(MAX_GROUP_BYTES / log.counters().queuedBytes)
    for (let n = 0; n < perGroup; n++) log.record(note('large', 60_000))
    await log.flush()
    expect(control.groups).toEqual([perGroup, 1])
  })

  it('resolves each append with its position and leaf, in one commit with the records around it', async () => {
    const { log, store, control } = await openHeldLog()
    log.record(note('before'))
    const appends = ['a', 'b'].map((to) => log.append({ type: 'agent_handoff', data: { to } }))
    log.record(note('after'))
    const receipts = await Promise.all(appends)
    expect(receipts.map(({ seq }) => seq)).toEqual([1, 2])
    expect(control.groups).toEqual([4])
    const bytes = await store.read([1, 2])
    expect(receipts.map(({ leafHash }) => Buffer.from(leafHash))).toEqual(
      bytes.map((entry) => Buffer.from(hashLeaf(entry as Uint8Array))),
    )
  })
})

describe('an append with an id of the caller', () => {
  it('is kept once, and answered with the position and the leaf of what was kept', async () => {
    const { log, store } = await openHeldLog()
    const event = { type: 'agent_handoff' as const, data: { to: 'a' }, id: 'mine' }
    const first = await log.append(event)
    log.record(note('between'))
    const [second, third] = await Promise.all([log.append(event), log.append(event)])
    expect([second, third]).toEqual([first, first])
    const [sameTick, again] = await Promise.all([
      log.append({ ...event, id: 'other' }),
      log.append({ ...event, id: 'other' }),
    ])
    expect(again).toEqual(sameTick)
    expect((await stored(store)).map(({ id, type }) => (type === 'custom' ? 'between' : id))).toEqual([
      'mine',
      'between',
      'other',
    ])
  })

  it('rejects when the entry that was kept cannot be read', async () => {
    const { log, store } = await openHeldLog()
    const event = { type: 'agent_handoff' as const, data: { to: 'a' }, id: 'mine' }
    await log.append(event)
    const problem = new AuditLogError('AUDIT_READ_FAILED', 'bad block')
    store.read = () => Promise.reject(problem)
    await expect(log.append(event)).rejects.toBe(problem)
    await expect(log.append({ ...event, id: 'another' })).resolves.toMatchObject({ seq: 1 })
  })

  it('differs from a recorded event with an id: that needs no index', async () => {
    const { log, store } = await openHeldLog()
    const commit = vi.spyOn(store, 'commit')
    log.record({ ...note('recorded'), id: 'mine' })
    await log.append({ type: 'agent_handoff', data: { to: 'a' } })
    await log.append({ type: 'agent_handoff', data: { to: 'a' }, id: 'mine' })
    const groups = commit.mock.calls.map(([group]) => group as readonly SealedEntry[])
    expect(groups.flat().map(({ callerId }) => callerId)).toEqual([false, false, true])
  })
})

describe('an invalid event', () => {
  it('is rejected by append, and takes no position', async () => {
    const { log } = await openHeldLog()
    const event = { type: 'agent_handoff', data: {} } as unknown as Parameters<typeof log.append>[0]
    await expect(log.append(event)).rejects.toMatchObject({
      code: 'AUDIT_EVENT_INVALID',
      message: expect.stringContaining('data.to'),
    })
    expect(log.counters()).toMatchObject({ recorded: 0, queuedEvents: 0 })
  })

  it('is recorded, and record never throws', async () => {
    const { log } = await openHeldLog()
    expect(log.record(undefined as unknown as RecordInput)).toMatchObject({ type: 'custom' })
    const revoked = Proxy.revocable({}, {})
    revoked.revoke()
    expect(log.record(revoked.proxy as RecordInput)).toMatchObject({ tenantId: 'default' })
  })
})

describe('flush', () => {
  it('waits for what is queued and what is in flight, not for what comes later', async () => {
    const { log, store, release } = await openCommittingLog()
    let flushed = false
    const flush = log.flush().then(() => {
      flushed = true
    })
    await settle()
    expect(flushed).toBe(false)
    release()
    await flush
    expect(await namesIn(store)).toEqual(['in flight', 'queued'])
  })

  it('resolves at once when nothing waits', async () => {
    const { log, control } = await openHeldLog()
    await log.flush()
    expect(control.groups).toEqual([])
  })
})
