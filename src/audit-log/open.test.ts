import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Level } from 'level'
import * as v from 'valibot'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { HrTime } from '../events/time.js'
import type { AuditEventInput } from '../events/types.js'
import type { AuditLogOptions } from '../log/options.js'
import type { AuditStore } from '../store/contract.js'
import { encodeBlock, entrySlot } from '../store/leveldb/entries/block.js'
import { blockKey, metaKey } from '../store/leveldb/entries/keys.js'
import { levelStore } from '../store/leveldb/index.js'
import { memoryStore } from '../store/memory/index.js'
import { openAuditLog } from './index.js'

let directory: string

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'spanledger-'))
})

afterEach(async () => {
  await rm(directory, { recursive: true, force: true })
})

const note = (name: string): AuditEventInput<'custom'> => ({ type: 'custom', data: { name } })
const nameOf = ({ data }: { data: unknown }) => (data as { name: string }).name

/** Writes into the database behind the log's back. */
async function tamper(key: Buffer, value: Buffer): Promise<void> {
  const db = new Level<Buffer, Buffer>(join(directory, 'entries'), { keyEncoding: 'buffer', valueEncoding: 'buffer' })
  await db.put(key, value)
  await db.close()
}

describe('openAuditLog', () => {
  it('creates the directory, and keeps what was appended for the next opening', async () => {
    const location = join(directory, 'not', 'there', 'yet')
    const first = await openAuditLog(location)
    expect(first.location).toBe(location)
    const { seq, leafHash } = await first.append(note('a'))
    expect(seq).toBe(0)
    expect(leafHash).toHaveLength(32)
    await first.close()
    const second = await openAuditLog(location)
    expect(await second.append(note('b'))).toMatchObject({ seq: 1 })
    expect((await second.events().toArray()).map(nameOf)).toEqual(['a', 'b'])
    await second.close()
  })

  it('refuses a second opener, naming the directory, and serves it after the first has closed', async () => {
    const first = await openAuditLog(directory)
    await expect(openAuditLog(directory)).rejects.toMatchObject({
      code: 'AUDIT_LOG_LOCKED',
      message: expect.stringContaining(directory),
    })
    await first.append(note('the first goes on'))
    await first.close()
    const second = await openAuditLog(directory)
    expect(await second.head()).toMatchObject({ size: 1 })
    await second.close()
  })

  it('refuses a log of a format from the future', async () => {
    await (await openAuditLog(directory)).close()
    await tamper(metaKey('format'), Buffer.from('4'))
    await expect(openAuditLog(directory)).rejects.toMatchObject({ code: 'AUDIT_FORMAT_UNSUPPORTED' })
    await tamper(metaKey('format'), Buffer.from('3'))
    await (await openAuditLog(directory)).close()
  })

  it('refuses a log whose last entry is no event, and lets go of it', async () => {
    const log = await openAuditLog(directory)
    await log.append(note('a'))
    await log.close()
    for (const broken of ['not json', 'null']) {
      await tamper(blockKey(0), encodeBlock([entrySlot(Buffer.from(broken), false)]))
      await expect(openAuditLog(directory)).rejects.toMatchObject({ code: 'AUDIT_LOG_CORRUPT' })
    }
  })

  it('says why a directory cannot be used', async () => {
    const file = join(directory, 'file')
    await writeFile(file, '')
    await expect(openAuditLog(file)).rejects.toMatchObject({
      code: 'AUDIT_OPEN_FAILED',
      message: expect.stringContaining(file),
    })
  })

  it('is misused with no directory and no store, with both, and with unknown options', async () => {
    const open = openAuditLog as (...args: unknown[]) => Promise<unknown>
    const store = memoryStore()
    for (const args of [[], [''], [5], [null], [{}], [directory, { store }], [directory, { maxQueue: 1 }]]) {
      await expect(open(...args)).rejects.toBeInstanceOf(TypeError)
    }
    await expect(open({ sotre: store })).rejects.toThrow("did you mean 'store'?")
  })

  it('gives up the log at the end of its scope', async () => {
    const store = memoryStore()
    {
      await using log = await openAuditLog({ store })
      log.record(note('kept'))
    }
    await store.open()
    expect(store.size).toBe(1)
  })
})

describe.each<[string, () => AuditStore]>([
  ['LevelDB', () => levelStore(directory)],
  ['memory', () => memoryStore()],
])('a log in %s', (_, makeStore) => {
  const open = (options: Partial<AuditLogOptions> = {}) => openAuditLog({ store: makeStore(), ...options })

  it('keeps the order of thousands of events of one tick, without gaps, also over a reopening', async () => {
    const store = makeStore()
    let seen = 0
    for (const count of [5000, 3000]) {
      const log = await openAuditLog({ store })
      const receipts: Promise<{ seq: number }>[] = []
      for (let n = 0; n < count; n++) {
        if (n % 100 === 0) receipts.push(log.append(note(`${seen + n}`)))
        else log.record(note(`${seen + n}`))
      }
      const seqs = (await Promise.all(receipts)).map(({ seq }) => seq)
      expect(seqs).toEqual(Array.from({ length: count / 100 }, (_, at) => seen + at * 100))
      seen += count
      const events = await log.events().toArray()
      expect(events.map(({ seq }) => seq)).toEqual(Array.from({ length: seen }, (_, seq) => seq))
      expect(events.map(nameOf)).toEqual(events.map(({ seq }) => `${seq}`))
      await log.close()
    }
  })

  it('shows a read what was recorded before it, without a flush', async () => {
    const log = await open()
    for (let n = 0; n < 10; n++) {
      log.record(note(`${n}`))
      expect(await log.events().count()).toBe(n + 1)
    }
    expect(nameOf((await log.get(9)) ?? { data: {} })).toBe('9')
    await log.close()
  })

  it('shows reads what is committed while writing fails', async () => {
    const store = makeStore()
    const log = await openAuditLog({ store, on: { problem: () => {} } })
    await log.append(note('committed'))
    const { commit } = store
    store.commit = () => Promise.reject(new Error('no space left on device'))
    log.record(note('queued'))
    expect((await log.events().toArray()).map(nameOf)).toEqual(['committed'])
    store.commit = commit
    expect((await log.events().toArray()).map(nameOf)).toEqual(['committed', 'queued'])
    await log.close()
  })

  it('keeps an id of the caller once, also over a reopening', async () => {
    const store = makeStore()
    const event = { ...note('a'), id: 'mine' }
    const first = await openAuditLog({ store })
    await first.append(note('before'))
    const receipt = await first.append(event)
    expect(receipt.seq).toBe(1)
    await first.close()
    const second = await openAuditLog({ store })
    expect(await second.append(event)).toEqual(receipt)
    await expect(second.append({ ...event, data: { name: 'changed' } })).rejects.toMatchObject({
      code: 'AUDIT_ID_CONFLICT',
    })
    expect(await second.append(note('after'))).toMatchObject({ seq: 2 })
    expect((await second.events().toArray()).map(nameOf)).toEqual(['before', 'a', 'after'])
    await second.close()
  })

  it('reads events of types from the future', async () => {
    const log = await open()
    log.record({ type: 'agent_dreamt', data: { of: ['electric', 'sheep'] } } as unknown as AuditEventInput)
    const [event] = await log.events({ type: 'agent_dreamt' }).toArray()
    expect(event).toMatchObject({ seq: 0, type: 'agent_dreamt', data: { of: ['electric', 'sheep'] } })
    await log.close()
  })

  it('rejects an invalid event by naming the field, and goes on', async () => {
    const log = await open()
    const invalid = { type: 'tool_call_started', data: { callId: 'c-1', tool: {} } } as unknown as AuditEventInput
    await expect(log.append(invalid)).rejects.toMatchObject({
      code: 'AUDIT_EVENT_INVALID',
      message: expect.stringContaining('data.tool.name'),
    })
    expect(await log.append(note('valid'))).toMatchObject({ seq: 0 })
    await log.close()
  })

  it('checks and finds own event types', async () => {
    const invoice = v.strictObject({ invoiceId: v.string(), amountUsd: v.number() })
    const log = await open({ eventTypes: { invoice_sent: invoice } })
    const sent = (data: object) => ({ type: 'invoice_sent', data }) as unknown as AuditEventInput
    expect(await log.events({ type: 'invoice_sent' }).toArray()).toEqual([])
    await expect(log.append(sent({ invoiceId: 'i-1' }))).rejects.toMatchObject({
      message: expect.stringContaining('data.amountUsd'),
    })
    await log.append(sent({ invoiceId: 'i-1', amountUsd: 12 }))
    expect(await log.events({ type: 'invoice_sent' }).count()).toBe(1)
    await log.close()
  })

  it('keeps hostile data in a bounded form that says what was changed', async () => {
    const log = await open()
    const cyclic: Record<string, unknown> = { text: `a\u0000\ud800${'x'.repeat(200_000)}` }
    cyclic.self = cyclic
    log.record({ ...note('hostile'), data: Object.assign(JSON.parse('{"__proto__":{"x":1}}'), { name: 'h', cyclic }) })
    const [event] = await log.events().toArray()
    expect(Object.keys(event?.data ?? {})).toEqual(['__proto__', 'name', 'cyclic'])
    expect(event?.altered?.map(({ field, reason }) => [field, reason])).toEqual([
      ['data.cyclic.text', 'truncated'],
      ['data.cyclic.text', 'malformed_unicode'],
      ['data.cyclic.self', 'cyclic'],
    ])
    await log.close()
  })

  it('finds ids of any length and any characters by the ids that were given', async () => {
    const log = await open()
    const ids = [`${'s'.repeat(5000)}1`, `${'s'.repeat(5000)}2`, 's-\ud800', 's-\ud801', '🙂\u0000/', '__proto__']
    for (const sessionId of ids) log.record({ ...note(sessionId.slice(-1)), sessionId, tenantId: sessionId })
    for (const sessionId of ids) expect(await log.events({ sessionId, tenantId: sessionId }).count()).toBe(1)
    await log.close()
  })

  it('records that the clock was set back between two openings, and lets recordedAt go back', async () => {
    const store = makeStore()
    const at = (seconds: number) => ({ store, clock: (): HrTime => [seconds, 0] })
    const first = await openAuditLog(at(1_795_300_506))
    await first.append(note('first'))
    await first.close()
    const second = await openAuditLog(at(1_000_000_000))
    await second.append({ ...note('second'), time: '2001-09-09T01:46:40Z' })
    const events = await second.events().toArray()
    expect(events.map(({ type, recordedAt }) => [type, recordedAt.slice(0, 4)])).toEqual([
      ['custom', '2026'],
      ['clock_stepped', '2001'],
      ['custom', '2001'],
    ])
    expect(events[1]?.data).toMatchObject({ from: events[0]?.recordedAt, to: events[2]?.recordedAt })
    expect(events[2]?.time).toBe('2001-09-09T01:46:40.000000000Z')
    await second.close()
  })

  it('refuses everything once it is closed', async () => {
    const log = await open()
    await log.append(note('kept'))
    const closing = log.close()
    expect(log.close()).toBe(closing)
    await closing
    const closed = { code: 'AUDIT_LOG_CLOSED' }
    expect(log.record(note('late'))).toBeUndefined()
    expect(log.counters()).toMatchObject({ recorded: 1, committed: 1, dropped: { closed: 1 } })
    await expect(log.append(note('late'))).rejects.toMatchObject(closed)
    await expect(log.flush()).rejects.toMatchObject(closed)
    await expect(log.get(0)).rejects.toMatchObject(closed)
    await expect(log.events().toArray()).rejects.toMatchObject(closed)
    await expect(log.runs().toArray()).rejects.toMatchObject(closed)
  })
})
