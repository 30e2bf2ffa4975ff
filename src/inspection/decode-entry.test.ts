import { describe, expect, it } from 'vitest'
import { Sealer } from '../log/seal.js'
import { decodeEntry, decodeFiled, type FiledEvent } from './decode-entry.js'

const sealer = new Sealer(() => [1_767_225_600, 0], 'test.example/log')
/** What the indexes are made of. */
const filed = (event: FiledEvent | undefined) => {
  if (!event) return undefined
  const { type, time, tenantId, sessionId, runId, parentRunId, agent } = event
  const named = agent?.id === undefined && agent?.name === undefined ? undefined : { id: agent.id, name: agent.name }
  return { type, time, tenantId, sessionId, runId, parentRunId, agent: named }
}

describe('decodeFiled', () => {
  it.each([
    {},
    { runId: 'r', parentRunId: 'p' },
    { parentRunId: 'p', agent: { name: 'n' } },
    { agent: { id: 'i' } },
    { agent: { id: 'i', name: 'n' }, actor: { id: 'a' } },
    { agent: {} },
    { tenantId: 'quote " and \\ and \u0000', sessionId: 'ключ', runId: '\ud800' },
    { sessionId: '{"tenantId":"other"}' },
    { runId: 'x'.repeat(1000) },
    { trace: { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) } },
  ])('says of a sealed entry what all of its JSON says: %j', (fields) => {
    const { bytes } = sealer.seal({ type: 'custom', data: { name: 'x', tenantId: 'in data' }, ...fields }, false)
    expect(filed(decodeFiled(bytes))).toEqual(filed(decodeEntry(bytes)))
    expect(decodeEntry(bytes)).toBeDefined()
  })

  it.each(['', '{', 'null', '[]', '{}', '{"v":1}', '{"type":1}', '\ufeff{}', '{"type":"a","time":"b","tenantId":"c"}'])(
    'is nothing for what can be filed nowhere: %j',
    (text) => expect(decodeFiled(Buffer.from(text))).toBeUndefined(),
  )

  it('is nothing for bytes that are no text', () => {
    expect(decodeFiled(Uint8Array.of(0xff, 0xfe))).toBeUndefined()
  })
})
