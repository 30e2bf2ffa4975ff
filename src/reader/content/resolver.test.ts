import { describe, expect, test, vi } from 'vitest'
import { directory, useTestDirectory } from '../../../test/support/test-directory.js'
import type { ContentKeys, Subject } from '../../content/contract.js'
import { memoryKeys } from '../../content/keys/memory-keys.js'
import { verifyContentProof } from '../../content/value-proof.js'
import type { AuditEvent, StoredEvent } from '../../events/types.js'
import type { AuditStore, SealedEntry } from '../../store/contract.js'
import { levelStore } from '../../store/leveldb/index.js'
import { memoryStore } from '../../store/memory/index.js'
import { sealedEntry } from '../../testing/index.js'
import { createReader } from '../index.js'
import type { LogEntry } from '../log-entry.js'
import { restored } from './restored-events.js'
import type { Restorer } from './restorers.js'

useTestDirectory()

const ANN: Subject = { tenantId: 't', kind: 'actor', id: 'ann' }

interface Planted {
  readonly field: string
  readonly text: string
  readonly class?: 'diagnostic' | 'payload'
  readonly level?: 'digest' | 'content'
}

/** An entry that states content, with the items that a log would keep. */
function entryWith(keys: ContentKeys, planted: readonly Planted[], more: Partial<AuditEvent> = {}): SealedEntry {
  const key = keys.keyFor(ANN)
  if (!key) throw new Error('there is no key')
  const items = planted.map(({ field, text, level = 'content', class: itemClass = 'diagnostic' }) => ({
    field,
    class: itemClass,
    digest: key.digest(Buffer.from(text)),
    bytes: text.length,
    level,
  }))
  const sealed = sealedEntry({ ...more, content: { key: key.id, items } } as Partial<AuditEvent>)
  const content = planted
    .filter(({ level }) => level !== 'digest')
    .map(({ field, text }) => {
      const binding = { recordedIn: 'log', leafHash: sealed.leafHash, field }
      return { field, bytes: key.seal({ bytes: Buffer.from(text), kind: 'text' }, binding) }
    })
  return { ...sealed, content }
}

function readerOf(store: AuditStore, keys?: ContentKeys) {
  return createReader(store, { barrier: async () => {}, eventTypes: [], contentKeys: () => keys })
}

async function storeWith(...entries: readonly SealedEntry[]): Promise<AuditStore> {
  return await filled(memoryStore(), entries)
}

async function filled<S extends AuditStore>(store: S, entries: readonly SealedEntry[]): Promise<S> {
  await store.open()
  await store.commit(entries)
  return store
}

const statusesOf = async (reader: ReturnType<typeof readerOf>, seq = 0) =>
  (await reader.content({ seq })).map(({ field, status, value }) => [field, status, value])

describe('content of an event', () => {
  test('is told apart by what became of it', async () => {
    const keys = memoryKeys()
    const whole = entryWith(keys, [
      { field: 'data.kept', text: 'kept' },
      { field: 'data.digested', text: 'digested', level: 'digest' },
      { field: 'data.altered', text: 'altered' },
      { field: 'data.lost', text: 'lost' },
      { field: 'data.moved', text: 'moved' },
    ])
    const [kept, altered, , moved] = whole.content ?? []
    if (!kept || !altered || !moved) throw new Error('unreachable')
    const bytes = Buffer.from(altered.bytes)
    bytes[bytes.length - 1] = (bytes[bytes.length - 1] ?? 0) ^ 1
    const content = [kept, { field: 'data.altered', bytes }, { field: 'data.moved', bytes: kept.bytes }]
    const store = await storeWith({ ...whole, content })
    expect(await statusesOf(readerOf(store, keys))).toEqual([
      ['data.kept', 'readable', 'kept'],
      ['data.digested', 'digest_only', undefined],
      ['data.altered', 'damaged', undefined],
      ['data.lost', 'missing', undefined],
      ['data.moved', 'damaged', undefined],
    ])
    const others = memoryKeys()
    // It does not know the key's id: to this ledger, the key is gone.
    expect((await readerOf(store, others).content({ seq: 0 })).map(({ status }) => status)).toEqual([
      'erased',
      'digest_only',
      'erased',
      'erased',
      'erased',
    ])
    const without = await readerOf(store).content({ seq: 0 })
    expect(without.map(({ status }) => status)).toEqual([
      'key_unavailable',
      'digest_only',
      'key_unavailable',
      'missing',
      'key_unavailable',
    ])
  })

  test('is missing in a store that keeps none, and damaged where its database cannot be read', async () => {
    const keys = memoryKeys()
    const entry = entryWith(keys, [{ field: 'data.reason', text: 'no' }])
    const without = Object.assign(await storeWith(entry), { content: undefined }) as unknown as AuditStore
    expect(await statusesOf(readerOf(without, keys))).toEqual([['data.reason', 'missing', undefined]])
    const failing = await storeWith(entry)
    vi.spyOn(failing, 'content').mockRejectedValue(new Error('EIO'))
    expect(await statusesOf(readerOf(failing, keys))).toEqual([['data.reason', 'damaged', undefined]])
    const [event] = await readerOf(failing, keys).events({ content: 'all' }).toArray()
    expect(event).toMatchObject({ data: { name: 'test' }, content: { items: [{ status: 'damaged' }] } })
  })

  test.each([
    ['is no object', 7],
    ['has no key', { items: [] }],
    ['has items that are none', { key: 'k', items: [null, 7, 'x', {}, { field: 'data.x' }, [[]]] }],
    [
      'has an unknown class',
      { key: 'k', items: [{ field: 'data.x', class: 'x', digest: '', bytes: 1, level: 'content' }] },
    ],
  ])('is none where the entry lies: it %s', async (_, content) => {
    const store = await storeWith(sealedEntry({ content } as unknown as Partial<AuditEvent>))
    const reader = readerOf(store, memoryKeys())
    expect(await reader.content({ seq: 0 })).toEqual([])
    expect(await reader.events({ content: 'all' }).toArray()).toMatchObject([{ content }])
    expect(await reader.entries({ content: 'all' }).toArray()).toMatchObject([{ content: [] }])
  })

  test('has at most 128 items, however many a forged entry states', async () => {
    const keys = memoryKeys()
    const planted = Array.from({ length: 5000 }, (_, n) => ({ field: `data.f${n}`, text: `${n}` }))
    const store = await storeWith(entryWith(keys, planted))
    const reader = readerOf(store, keys)
    const found = await reader.content({ seq: 0 })
    expect(found).toHaveLength(128)
    expect(new Set(found.map(({ status }) => status))).toEqual(new Set(['readable']))
    const [event] = await reader.events({ content: 'all' }).toArray()
    expect(Object.keys((event as StoredEvent).data)).toHaveLength(129)
    const items = (event as StoredEvent).content?.items ?? []
    expect(items.filter(({ status }) => status === 'readable')).toHaveLength(128)
    expect(items).toHaveLength(5000)
  })

  test('lies beside the bytes of entries, of the class that is asked for', async () => {
    const keys = memoryKeys()
    const entry = entryWith(keys, [
      { field: 'data.reason', text: 'why' },
      { field: 'data.result', text: 'what', class: 'payload' },
    ])
    const reader = readerOf(await storeWith(entry, sealedEntry()), keys)
    const contents = async (content?: 'none' | 'diagnostics' | 'all') =>
      (await reader.entries(content ? { content } : {}).toArray()).map((found: LogEntry) =>
        found.content?.map(({ value }) => value),
      )
    expect(await contents()).toEqual([undefined, undefined])
    expect(await contents('none')).toEqual([undefined, undefined])
    expect(await contents('diagnostics')).toEqual([['why'], []])
    expect(await contents('all')).toEqual([['why', 'what'], []])
    const [first] = await reader.entries({ content: 'all' }).toArray()
    expect(Buffer.from(first?.bytes ?? [])).toEqual(Buffer.from(entry.bytes))
  })

  test('is proved by what an entry states, field by field', async () => {
    const keys = memoryKeys()
    const entry = entryWith(keys, [
      { field: 'data.one', text: 'same' },
      { field: 'data.two', text: 'other' },
    ])
    const reader = readerOf(await storeWith(entry, sealedEntry()), keys)
    const proof = await reader.proveContent({ seq: 0 }, 'data.one')
    expect(() => verifyContentProof(proof, entry.bytes)).not.toThrow()
    const invalid = { code: 'AUDIT_PROOF_INVALID' }
    expect(() => verifyContentProof({ ...proof, field: 'data.two' }, entry.bytes)).toThrow(
      expect.objectContaining(invalid),
    )
    expect(() => verifyContentProof({ ...proof, value: 'other' }, entry.bytes)).toThrow(
      expect.objectContaining(invalid),
    )
    expect(() => verifyContentProof(proof, sealedEntry().bytes)).toThrow(expect.objectContaining(invalid))
    expect(() => verifyContentProof(proof, Buffer.from('{'))).toThrow(expect.objectContaining(invalid))
    await expect(reader.proveContent({ seq: 0 }, 'data.none')).rejects.toMatchObject({
      code: 'AUDIT_CONTENT_UNREADABLE',
    })
    await expect(reader.proveContent({ seq: 9 }, 'data.one')).rejects.toMatchObject({
      code: 'AUDIT_CONTENT_UNREADABLE',
    })
  })
})

describe('the store is asked for content', () => {
  const failed = (n: number) => ({
    type: 'run_failed' as const,
    runId: `r-${n}`,
    data: { error: { code: 'E' } },
    time: `2026-01-01T00:00:${String(n).padStart(2, '0')}.000000000Z`,
  })

  test('once for a batch, not for each event, and not at all where there are digests alone', async () => {
    const keys = memoryKeys()
    const entries = Array.from({ length: 40 }, (_, n) => entryWith(keys, [{ field: 'data.reason', text: `${n}` }]))
    const store = await storeWith(...entries)
    const asked = vi.spyOn(store, 'content')
    expect(await readerOf(store, keys).events({ content: 'all' }).toArray()).toHaveLength(40)
    expect(asked.mock.calls.length).toBeLessThanOrEqual(2)
    asked.mockClear()
    const digests = await storeWith(entryWith(keys, [{ field: 'data.reason', text: 'no', level: 'digest' }]))
    const never = vi.spyOn(digests, 'content')
    const [event] = await readerOf(digests, keys).events({ content: 'all' }).toArray()
    expect(event).toMatchObject({ content: { items: [{ status: 'digest_only' }] } })
    expect(never).not.toHaveBeenCalled()
  })

  test('once for several runs of a list', async () => {
    const keys = memoryKeys()
    const entries = Array.from({ length: 40 }, (_, n) =>
      entryWith(keys, [{ field: 'data.error.message', text: `message ${n}` }], failed(n) as Partial<AuditEvent>),
    )
    // Its index has the rows of runs, so that no list reads their events.
    const store = await filled(levelStore(directory), entries)
    const asked = vi.spyOn(store, 'content')
    const runs = await readerOf(store, keys).runs({ status: 'failed' }).toArray()
    expect(runs.map(({ error }) => error?.message)).toEqual(entries.map((_, n) => `message ${n}`))
    expect(asked.mock.calls.length).toBeLessThan(12)
    asked.mockClear()
    const some = await readerOf(store, keys).runs({ status: 'failed', limit: 5, order: 'desc' }).toArray()
    expect(some.map(({ error }) => error?.message)).toEqual([39, 38, 37, 36, 35].map((n) => `message ${n}`))
    expect(asked.mock.calls.length).toBeLessThan(5)
    await store.close()
  })

  test('for a few events at a time where they have much content', async () => {
    const parts: number[] = []
    const restorer = { restore: async (events: readonly StoredEvent[]) => void parts.push(events.length) }
    const big = { field: 'data.x', class: 'payload', digest: '', bytes: 1024 * 1024, level: 'content' }
    const events = Array.from({ length: 10 }, (_, seq) => ({ seq, content: { key: 'k', items: [big] } }))
    const batches = (async function* () {
      yield events as unknown as readonly StoredEvent[]
    })()
    const given: number[] = []
    for await (const batch of restored(restorer as unknown as Restorer, 'all', batches)) {
      for (const { seq } of batch) given.push(seq)
    }
    expect(given).toEqual([...events.keys()])
    expect(parts).toEqual([4, 4, 2])
  })
})
