import { propagation, ROOT_CONTEXT } from '@opentelemetry/api'
import { describe, expect, test } from 'vitest'
import { becomeRun, enter, recognise, TRACE_ID } from '../../../test/support/tracked-spans.js'
import { withContextScope } from '../../record/context.js'
import type { ScopeIds } from '../conventions/contract.js'

const named = (scope: ScopeIds) => ({ kind: 'step', scope }) as const
const inContext = (scope: ScopeIds) => withContextScope(ROOT_CONTEXT, scope)
const caller = (entries: Record<string, string>) =>
  propagation.setBaggage(
    ROOT_CONTEXT,
    propagation.createBaggage(Object.fromEntries(Object.entries(entries).map(([key, value]) => [key, { value }]))),
  )

describe('the scope of a span', () => {
  test('is that of its convention, else of its context, else of its parent', () => {
    const top = recognise(enter(), named({ sessionId: 's-1', tenantId: 'acme' }))
    const inner = enter(top, { context: inContext({ sessionId: 's-2' }) })
    expect(inner.scope()).toMatchObject({ tenantId: 'acme', sessionId: 's-2', sessionDerived: false })
    expect(recognise(inner, named({ sessionId: 's-3' })).scope()).toMatchObject({ sessionId: 's-3' })
  })

  test('derives the session of a remote parent from more than the trace, which its caller chose', () => {
    const remoteParent = { serial: 1, sessionId: 'trace-here', claimedParentRunId: undefined }
    expect(enter().scope()).toMatchObject({ sessionId: TRACE_ID, sessionDerived: true })
    expect(enter(undefined, { remoteParent }).scope()).toMatchObject({ sessionId: 'trace-here', sessionDerived: true })
  })

  test('is asked for again while it names no tenant or no session', () => {
    const attributes: Record<string, string> = {}
    const node = recognise(enter(undefined, { attributes }))
    expect(node.scope()).toMatchObject({ tenantId: undefined, sessionDerived: true })
    attributes['spanledger.tenant.id'] = 'acme'
    attributes['session.id'] = 's-1'
    expect(node.scope()).toMatchObject({ tenantId: 'acme', sessionId: 's-1' })
    attributes['session.id'] = 's-2'
    expect(node.scope()).toMatchObject({ sessionId: 's-1' })
  })

  test('is another below another parent', () => {
    const [one, other] = ['one', 'other'].map((id) => recognise(enter(), named({ tenantId: id, sessionId: id })))
    const child = enter(one)
    expect(child.scope()).toMatchObject({ tenantId: 'one' })
    if (other) child.moveBelow(other)
    expect(child.scope()).toMatchObject({ tenantId: 'other' })
  })

  test('is inherited from the events of a run, not from what its span names later', () => {
    const top = recognise(enter(), named({ sessionId: 's-1' }))
    becomeRun(top).identify(top.scope())
    top.addScope({ sessionId: 's-2' })
    expect(enter(top).scope()).toMatchObject({ sessionId: 's-1' })
  })

  test('outlives the context that a span lets go of', () => {
    const top = enter(undefined, { context: inContext({ sessionId: 's-1' }) })
    becomeRun(top)
    top.end()
    expect(top.context).toBeUndefined()
    expect(top.contextScope()).toEqual({ sessionId: 's-1' })
  })
})

describe('a scope that comes to light late', () => {
  test('is that of the run around, as far as the run lacks it', () => {
    const top = enter()
    becomeRun(top)
    const inner = enter(top)
    expect(inner.addScope({ sessionId: 's-1', tenantId: 'acme', userId: 'u' })).toBe(top)
    expect(top.scope()).toMatchObject({ tenantId: 'acme', sessionId: 's-1', userId: undefined })
    expect(enter(top).addScope({ sessionId: 's-2', tenantId: 'other' })?.serial).not.toBe(top.serial)
    expect(top.scope()).toMatchObject({ tenantId: 'acme', sessionId: 's-1' })
  })

  test('fills in the session of a run that has a tenant, and leaves that tenant', () => {
    const top = recognise(enter(), named({ tenantId: 'acme' }))
    becomeRun(top)
    expect(enter(top).addScope({ sessionId: 's-1', tenantId: 'other' })).toBe(top)
    expect(top.scope()).toMatchObject({ tenantId: 'acme', sessionId: 's-1' })
  })

  test('is none of the run around where the span is a run itself', () => {
    const top = enter()
    becomeRun(top, 'outer')
    const inner = enter(top)
    becomeRun(inner, 'inner')
    expect(inner.addScope({ sessionId: 's-1' })).toBe(inner)
    expect(top.scope().sessionDerived).toBe(true)
  })

  test('is news once', () => {
    const node = enter()
    expect(node.addScope({ sessionId: 's-1' })).toBe(node)
    expect(node.addScope({ sessionId: 's-1' })).toBeUndefined()
  })

  test('is no news of a span below which nothing had started when it was recognised', () => {
    const early = recognise(enter(), named({ sessionId: 's-1' }))
    expect(early.addScope({})).toBeUndefined()
    const late = enter()
    enter(late)
    recognise(late, named({ sessionId: 's-1' }))
    expect(late.addScope({})).toBe(late)
  })

  test('completes a run, and the runs around it, only where they name nothing else', () => {
    const top = enter()
    becomeRun(top, 'outer')
    const inner = recognise(enter(top), named({ tenantId: 'acme' }))
    becomeRun(inner, 'inner')
    inner.addScope({ userId: 'alice' })
    expect(inner.completeScope({ tenantId: 'other', sessionId: 's-1', userId: 'bob' })).toBe(top)
    expect(inner.scope()).toMatchObject({ tenantId: 'acme', sessionId: 's-1', userId: 'alice' })
    expect(top.scope()).toMatchObject({ tenantId: 'other', sessionId: 's-1', userId: 'bob' })
    expect(inner.completeScope({ sessionId: 's-2' })).toBeUndefined()
  })
})

describe('a scope that only repeats what a caller sent', () => {
  test('is claimed, by the span and all below', () => {
    const context = caller({ 'my.tenant': 'evil' })
    const top = recognise(enter(undefined, { context, attributes: { 'spanledger.tenant.id': 'evil' } }))
    expect(top.scope().tenantId).toBeUndefined()
    expect(top.claims()).toEqual({ tenantId: 'evil' })
    expect(enter(top).claims()).toEqual({ tenantId: 'evil' })
  })

  test('is the claim of the innermost span that has one', () => {
    const top = enter(undefined, { context: caller({ 'spanledger.tenant.id': 'one', 'spanledger.user.id': 'u' }) })
    const inner = enter(top, { context: caller({ 'spanledger.tenant.id': 'two' }) })
    expect(inner.claims()).toEqual({ tenantId: 'two', userId: 'u' })
    expect(enter().claims()).toBeUndefined()
  })

  test('is the application’s where the span around, of the same caller, does not repeat it', () => {
    const context = caller({ 'my.tenant': 'acme' })
    const attributes = { 'spanledger.tenant.id': 'acme' }
    const top = recognise(enter(undefined, { context }))
    expect(recognise(enter(top, { context, attributes })).scope().tenantId).toBe('acme')
  })
})
