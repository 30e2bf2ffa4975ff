import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { itemHead } from './item.js'
import { memoryKeys } from './keys/memory-keys.js'
import { subjectOf } from './subject.js'

const keys = memoryKeys()
const key = keys.keyFor(subjectOf({ actor: { id: 'ann' } }))
const other = keys.keyFor(subjectOf({ actor: { id: 'bob' } }))
const binding = { recordedIn: '0123456789abcdef', leafHash: new Uint8Array(32).fill(7), field: 'data.error.message' }
if (!key || !other) throw new Error('keys in memory are always there')

describe('a sealed item', () => {
  test('opens to the value that was sealed', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), fc.constantFrom('json', 'text'), (bytes, kind) => {
        const sealed = key.seal({ bytes, kind }, binding)
        expect(itemHead(sealed)).toEqual({ kind, recordedIn: binding.recordedIn, keyId: key.id })
        const opened = key.open(sealed, binding)
        expect(opened.kind).toBe(kind)
        expect(Buffer.compare(opened.bytes, bytes)).toBe(0)
      }),
    )
  })

  const sealed = key.seal({ bytes: Buffer.from('a message'), kind: 'text' }, binding)

  test('hides the value, and differs each time', () => {
    expect(Buffer.from(sealed).includes('message')).toBe(false)
    const again = key.seal({ bytes: Buffer.from('a message'), kind: 'text' }, binding)
    expect(Buffer.compare(sealed, again)).not.toBe(0)
  })

  test.each([
    ['another field', { ...binding, field: 'data.reason' }],
    ['another entry', { ...binding, leafHash: new Uint8Array(32).fill(8) }],
  ])('fits not %s', (_, wrong) => {
    expect(() => key.open(sealed, wrong)).toThrow(expect.objectContaining({ code: 'AUDIT_CONTENT_UNREADABLE' }))
  })

  test('opens with no other key', () => {
    expect(() => other.open(sealed, binding)).toThrow(expect.objectContaining({ code: 'AUDIT_CONTENT_UNREADABLE' }))
  })

  test('that was altered at any byte, or cut, does not open', () => {
    for (let at = 0; at < sealed.length; at++) {
      const altered = Uint8Array.from(sealed)
      altered[at] = (altered[at] as number) ^ 1
      expect(() => key.open(altered, binding)).toThrow(expect.objectContaining({ code: 'AUDIT_CONTENT_UNREADABLE' }))
      expect(() => key.open(sealed.subarray(0, at), binding)).toThrow(
        expect.objectContaining({ code: 'AUDIT_CONTENT_UNREADABLE' }),
      )
    }
  })

  test('of any bytes is opened or refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        itemHead(bytes)
        expect(() => key.open(bytes, binding)).toThrow(expect.objectContaining({ code: 'AUDIT_CONTENT_UNREADABLE' }))
      }),
    )
  })
})

describe('digests', () => {
  test('are equal for equal values of a subject, and for nobody else', () => {
    const value = Buffer.from('4111')
    expect(key.digest(value)).toMatch(/^keyed-sha256:[\da-f]{64}$/)
    expect(key.digest(value)).toBe(key.digest(Buffer.from('4111')))
    expect(key.digest(value)).not.toBe(key.digest(Buffer.from('4112')))
    expect(key.digest(value)).not.toBe(other.digest(value))
  })

  test('are the same for values that are hashed in one piece and in several', () => {
    const long = Buffer.alloc(20_000, 'x')
    expect(key.digest(long)).toBe(key.digest(Buffer.from(long)))
    expect(Buffer.from(key.secretOf(long)).length).toBe(32)
  })
})

describe('a subject', () => {
  test('is the actor, else a session that somebody named, else the tenant', () => {
    const traceId = 'a'.repeat(32)
    expect(subjectOf({ tenantId: 't', sessionId: 's', actor: { id: 'ann' } })).toMatchObject({
      kind: 'actor',
      id: 'ann',
    })
    expect(subjectOf({ tenantId: 't', sessionId: 's' })).toMatchObject({ kind: 'session', id: 's' })
    for (const sessionId of [traceId, 'r', 'default', '', undefined]) {
      const fields = { tenantId: 't', sessionId, runId: 'r', trace: { traceId } }
      expect(subjectOf(fields)).toEqual({ tenantId: 't', kind: 'tenant', id: 't' })
    }
    expect(subjectOf({})).toEqual({ tenantId: 'default', kind: 'tenant', id: 'default' })
  })
})
