import { context, propagation, ROOT_CONTEXT } from '@opentelemetry/api'
import { expect, test } from 'vitest'
import { withContextManager } from '../../test/record/otel.js'
import { heardWarnings } from '../../test/support/warnings.js'
import { contextScope, setAuditingEnabled, withAuditing } from './context.js'
import { withScope } from './scope.js'

const here = () => contextScope(context.active())

test('holds for everything inside, asynchronous work included, and ends by itself', async () => {
  withContextManager()
  const result = withScope({ tenantId: 't', sessionId: 's', userId: 'u' }, async () => {
    await Promise.resolve()
    return here()
  })
  expect(here()).toBeUndefined()
  expect(await result).toEqual({ tenantId: 't', sessionId: 's', userId: 'u' })
})

test('an inner scope keeps what it does not name', () => {
  withContextManager()
  withScope({ tenantId: 't', sessionId: 's' }, () => {
    withScope({ tenantId: undefined, sessionId: 's-2' }, () =>
      expect(here()).toEqual({ tenantId: 't', sessionId: 's-2' }),
    )
    expect(here()).toEqual({ tenantId: 't', sessionId: 's' })
  })
})

test('flows side by side stay apart', async () => {
  withContextManager()
  const flow = (sessionId: string) =>
    withScope({ sessionId }, async () => {
      await Promise.resolve()
      return here()?.sessionId
    })
  expect(await Promise.all([flow('a'), flow('b')])).toEqual(['a', 'b'])
})

test('takes numbers for ids and nothing else that is no text', () => {
  withContextManager()
  withScope({ tenantId: 7, sessionId: '', userId: {} } as never, () => expect(here()).toEqual({ tenantId: '7' }))
})

test('runs the function whatever it is given, and says once what was wrong', () => {
  withContextManager()
  const warnings = heardWarnings()
  const unreadable = new Proxy(
    {},
    {
      ownKeys: () => {
        throw new Error('no keys')
      },
    },
  )
  const given = [{ tenant: 't', sesionId: 's', userId: 'u' }, { tenantId: [] }, null, 'acme', unreadable]
  const scopes = [...given, ...given].map((scope) => withScope(scope as never, here))
  expect(scopes.slice(0, 5)).toEqual([{ userId: 'u' }, {}, {}, {}, {}])
  expect(withScope({}, here, { propogate: true } as never)).toEqual({})
  expect(warnings).toEqual([
    expect.stringContaining("unknown option 'tenant'"),
    expect.stringContaining("unknown option 'sesionId'; did you mean 'sessionId'?"),
    expect.stringContaining('tenantId must be a text'),
    expect.stringContaining('options must be an object'),
    expect.stringContaining('options cannot be read: no keys'),
    expect.stringContaining("did you mean 'propagate'?"),
  ])
})

test('stays in the process unless it is to be propagated', () => {
  withContextManager()
  withScope({ tenantId: 't' }, () => expect(propagation.getActiveBaggage()).toBeUndefined())
})

test('propagated, it joins the baggage that is there', () => {
  withContextManager()
  const baggage = propagation.createBaggage({ theirs: { value: 'x' } })
  context.with(propagation.setBaggage(ROOT_CONTEXT, baggage), () =>
    withScope(
      { tenantId: 't', sessionId: 's \ud800' },
      () => {
        const entries = propagation.getActiveBaggage()?.getAllEntries()
        expect(entries).toEqual([
          ['theirs', { value: 'x' }],
          ['spanledger.tenant.id', { value: 't' }],
          ['spanledger.session.id', { value: 's \ufffd' }],
        ])
        expect(here()).toEqual({ tenantId: 't', sessionId: 's \ud800' })
      },
      { propagate: true },
    ),
  )
})

test('auditing is switched for one flow, nests, ends by itself, and keeps the scope', async () => {
  withContextManager()
  await withScope({ tenantId: 't' }, async () => {
    const off = withAuditing(false, async () => {
      await Promise.resolve()
      const inner = withAuditing(true, here)
      return [here(), inner]
    })
    expect(here()).toEqual({ tenantId: 't' })
    expect(await off).toEqual([
      { tenantId: 't', enabled: false },
      { tenantId: 't', enabled: true },
    ])
  })
})

test('setAuditingEnabled makes a context and leaves its origin alone', () => {
  const off = setAuditingEnabled(ROOT_CONTEXT, false)
  expect(contextScope(off)).toEqual({ enabled: false })
  expect(contextScope(ROOT_CONTEXT)).toBeUndefined()
})
