import { describe, expect, test } from 'vitest'
import { Identity } from './identity.js'

function named(tenantId: string | undefined, sessionId: string, sessionDerived = false) {
  return { tenantId, sessionId, sessionDerived, userId: undefined }
}

describe('the identity of a run', () => {
  test('is decided by the first tenant and the first session that are named, each once', () => {
    const identity = new Identity(named(undefined, 'trace', true))
    expect(identity.isUnnamed).toBe(true)
    expect(identity.decide(named('acme', 'trace', true))).toEqual({ tenantId: undefined, sessionId: 'trace' })
    expect(identity.decide(named('other', 's-1'))).toEqual({ tenantId: 'acme', sessionId: 'trace' })
    expect(identity.isUnnamed).toBe(false)
    expect(identity.decide(named('other', 's-2'))).toBeUndefined()
    expect([identity.tenantId, identity.sessionId]).toEqual(['acme', 's-1'])
  })

  test('refuses each other name once', () => {
    const identity = new Identity(named('acme', 's-1'))
    expect(identity.refuse(named('acme', 's-1'))).toBeUndefined()
    expect(identity.refuse(named(undefined, 'trace', true))).toBeUndefined()
    expect(identity.refuse(named('other', 's-1'))).toEqual({ tenantId: 'other', sessionId: undefined })
    expect(identity.refuse(named('other', 's-2'))).toEqual({ tenantId: undefined, sessionId: 's-2' })
    expect(identity.refuse(named('other', 's-2'))).toBeUndefined()
  })

  test('reports no more conflicts than it can remember', () => {
    const identity = new Identity(named('acme', 's-1'))
    const reported = Array.from({ length: 40 }, (_, n) => identity.refuse(named(`t-${n}`, 's-1'))).filter(Boolean)
    expect(reported).toHaveLength(16)
  })
})
