import { describe, expect, test } from 'vitest'
import { filled, readerOf } from '../../test/reader/reader-of.js'
import { memoryStore } from '../store/memory/index.js'
import { sealedEntries } from '../testing/index.js'

const sealed = sealedEntries(600, (n) => ({ sessionId: n % 3 === 0 ? 'third' : 'rest' }))
const reader = readerOf(await filled(memoryStore(), [sealed]))

describe('entries', () => {
  test('are the stored bytes, at their positions', async () => {
    const entries = await reader.entries({ afterSeq: 9 }).toArray()
    expect(entries).toHaveLength(590)
    for (const { seq, bytes } of entries) expect(bytes).toEqual(sealed[seq]?.bytes)
  })

  test.each([
    [{ sessionId: 'third', limit: 70 }],
    [{ since: '2000-01-01T00:00:00Z', order: 'desc' as const, beforeSeq: 300 }],
    [{ order: 'desc' as const, limit: 3 }],
    [{ afterSeq: 600 }],
  ])('of %j are those of the events that it finds', async (query) => {
    const events = await reader.events(query).toArray()
    const entries = await reader.entries(query).toArray()
    expect(entries.map(({ seq }) => seq)).toEqual(events.map(({ seq }) => seq))
    for (const { seq, bytes } of entries) expect(bytes).toEqual(sealed[seq]?.bytes)
  })

  test('reject what events rejects', async () => {
    expect(() => reader.entries({ limit: 0 })).toThrow(expect.objectContaining({ code: 'AUDIT_QUERY_INVALID' }))
    await expect(reader.entries({ type: 'run_faild' }).toArray()).rejects.toMatchObject({ code: 'AUDIT_QUERY_INVALID' })
  })
})
