import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Sealer } from '../log/sealing/seal.js'
import type { FiledEvent } from './contract.js'
import { decodeEntry, decodeFiled } from './decode-entry.js'
import { filedEvent } from './filed-event.js'

const sealer = new Sealer(() => [1_767_225_600, 0], 'test.example/log')
/** The fields that the indexes are made of. */
const filed = (event: FiledEvent | undefined) => {
  if (!event) return undefined
  const { type, time, tenantId, sessionId, runId, parentRunId, supersedes, agent, actorId, toolName } = event
  const named = agent?.id === undefined && agent?.name === undefined ? undefined : { id: agent.id, name: agent.name }
  return { type, time, tenantId, sessionId, runId, parentRunId, supersedes, agent: named, actorId, toolName }
}
/** The same, out of all of an entry's JSON. */
const whole = (bytes: Uint8Array) => {
  const event = decodeEntry(bytes)
  return filed(event && filedEvent(event))
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
    { actor: { id: 'u' }, trace: { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) } },
    { actor: { id: 'ключ' } },
    { runId: 'r', supersedes: 'e' },
    { runId: 'r', supersedes: 'e', trace: { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) } },
  ])('says of a sealed entry what all of its JSON says: %j', (fields) => {
    const {
      entry: { bytes },
    } = sealer.seal({ type: 'custom', data: { name: 'x', tenantId: 'in data' }, ...fields }, false)
    expect(filed(decodeFiled(bytes))).toEqual(whole(bytes))
    expect(decodeEntry(bytes)).toBeDefined()
  })

  it.each([
    { tool: { name: 'search' } },
    { tool: { name: 'search', type: 'function' } },
    { tool: { name: 'ключ "' }, durationMs: 7 },
    { tool: { name: 'search' }, error: { code: 'x', message: '"tool":{"name":"other"}' } },
    { tool: { name: 'search' }, error: { code: 'x', message: 'm', name: 'other' } },
    { tool: { name: 7 } },
    { tool: 'search' },
    {},
  ])('says of a sealed entry of a tool what all of its JSON says: %j', (fields) => {
    const trace = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) }
    const claimed = { tenantId: 'data', sessionId: 'tool' }
    for (const scope of [{}, { trace }, { trace, claimed }, { id: 'own', claimed }, { actor: { id: 'u' } }]) {
      const data = { callId: 'c', ...fields }
      const {
        entry: { bytes, event },
      } = sealer.seal({ type: 'tool_call_failed', ...scope, data: data as never }, 'id' in scope)
      expect(filed(decodeFiled(bytes))).toEqual(whole(bytes))
      expect(filed(event)).toEqual(whole(bytes))
    }
  })

  it.each(['', '{', 'null', '[]', '{}', '{"v":1}', '{"type":1}', '\ufeff{}', '{"type":"a","time":"b","tenantId":"c"}'])(
    'is nothing for what can be filed nowhere: %j',
    (text) => expect(decodeFiled(Buffer.from(text))).toBeUndefined(),
  )

  const SEALED =
    '{"v":1,"id":"i","type":"custom","time":"t","recordedAt":"t","tenantId":"one","sessionId":"s","source":{},"data":{}'

  it.each([
    ',"tenantId":"other"',
    ',"tenantId" : "other"',
    ',"ten\\u0061ntId":"other"',
    ',"runId":"late"',
    ',"agent":{"name":"late"}',
    ',"agent":7',
    ',"actor":{"id":"late"}',
    ',"actor":null',
    ',"type":null',
  ])('says what JSON says where an entry goes on with %s', (more) => {
    const bytes = Buffer.from(`${SEALED}${more}}`)
    expect(JSON.parse(bytes.toString())).toBeDefined()
    expect(filed(decodeFiled(bytes))).toEqual(whole(bytes))
  })

  const OF_TOOL =
    '{"v":1,"id":"i","type":"tool_call_failed","time":"t","recordedAt":"t","tenantId":"one","sessionId":"s",' +
    '"source":{},"data":{"callId":"c","tool":{"name":"search"'

  it.each([
    '}}',
    ',"name":"late"}}',
    '},"tool":{"name":"late"}}',
    '}},"data":{}',
    '}},"d\\u0061ta":null',
    '},"tool":null}',
  ])('says what JSON says where an entry of a tool goes on with %s', (more) => {
    const bytes = Buffer.from(`${OF_TOOL}${more}}`)
    expect(JSON.parse(bytes.toString())).toBeDefined()
    expect(filed(decodeFiled(bytes))).toEqual(whole(bytes))
  })

  it('says what JSON says, in whatever order and however often an entry names its fields', () => {
    const name = fc.constantFrom(
      'type',
      'time',
      'tenantId',
      'sessionId',
      'runId',
      'parentRunId',
      'agent',
      'actor',
      'data',
      'x',
    )
    const written = fc.oneof(
      name.map((text) => JSON.stringify(text)),
      name.map((text) => `"\\u00${text.charCodeAt(0).toString(16)}${text.slice(1)}"`),
    )
    const value = fc.oneof(
      fc.string(),
      fc.constant(null),
      fc.record({ id: fc.string(), tool: fc.record({ name: fc.string() }) }),
    )
    const member = fc.tuple(
      written,
      fc.constantFrom(':', ' :\t'),
      value.map((each) => JSON.stringify(each)),
    )
    fc.assert(
      fc.property(
        fc.array(member, { maxLength: 4 }),
        fc.constantFrom(undefined, SEALED, `${OF_TOOL}}}`),
        (members, sealed) => {
          const more = members.map((parts) => parts.join(''))
          const bytes = Buffer.from(sealed ? `${[sealed, ...more].join(',')}}` : `{${more.join(',')}}`)
          expect(filed(decodeFiled(bytes))).toEqual(whole(bytes))
        },
      ),
    )
  })

  it('is nothing for bytes that are no text', () => {
    expect(decodeFiled(Uint8Array.of(0xff, 0xfe))).toBeUndefined()
  })
})
