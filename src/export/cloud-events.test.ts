import { describe, expect, test } from 'vitest'
import { bareEvent, HOSTILE_TEXTS, SAMPLE_TYPES, sampleEvent } from '../../test/export/samples.js'
import { toCloudEvent } from './cloud-events.js'

describe('toCloudEvent', () => {
  test('names the event, the run and its place in the log', () => {
    expect(toCloudEvent(sampleEvent('run_failed'), 'urn:shop:audit')).toEqual({
      specversion: '1.0',
      id: 'e-1',
      source: 'urn:shop:audit',
      type: 'spanledger.run_failed',
      subject: 'r-1',
      time: '2026-11-21T22:35:06.753000001Z',
      datacontenttype: 'application/json',
      sequence: '0000000000000007',
      recordedtime: '2026-11-21T22:35:07.000000000Z',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00',
      tenantid: 'acme',
      sessionid: 's-1',
      data: expect.objectContaining({ id: 'e-1', data: { durationMs: 12.5, error: expect.anything() } }),
    })
  })

  test('carries the whole event but for its position', () => {
    const event = sampleEvent('custom', { data: JSON.parse('{"name":"n","__proto__":{"a":1},"seq":3}') })
    const { seq: _, ...stored } = event
    expect(JSON.stringify(toCloudEvent(event).data)).toBe(JSON.stringify(stored))
  })

  test('has positions that are in order as texts', () => {
    const [nine, ten, last] = [9, 10, Number.MAX_SAFE_INTEGER].map(
      (seq) => toCloudEvent(sampleEvent('custom', { seq })).sequence,
    )
    expect([ten, last, nine].sort()).toEqual([nine, ten, last])
  })

  test.each(SAMPLE_TYPES)('has attributes of the form that the specification asks for, of %s', (type) => {
    for (const event of [sampleEvent(type), bareEvent(type)]) {
      for (const [name, value] of Object.entries(toCloudEvent(event))) {
        expect(name).toMatch(/^[a-z0-9]{1,20}$/)
        if (name !== 'data') expect(value).toMatch(/^.+$/)
      }
    }
  })

  test('encodes what no attribute may hold, so that different ids stay different', () => {
    const ids = [...HOSTILE_TEXTS, '%0A=2+2', '\uffff', '%EF%BF%BF']
    const encoded = ids.map((id) => toCloudEvent(sampleEvent('custom', { id, runId: id, sessionId: id })))
    for (const { id, subject, sessionid } of encoded) {
      expect(id).not.toMatch(/[\p{Cc}\p{Cs}\p{Noncharacter_Code_Point}]/u)
      expect([subject, sessionid]).toEqual([id, id])
    }
    expect(new Set(encoded.map(({ id }) => id)).size).toBe(ids.length)
    expect(encoded.map(({ id }) => decodeURIComponent(id))).toEqual(ids)
  })
})
