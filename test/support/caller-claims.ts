import { type Baggage, type Context, propagation, ROOT_CONTEXT, type SpanContext, trace } from '@opentelemetry/api'
import { AGENT } from './agent-spans.js'

/* The scope that the application sets, and another one that a caller claims by its headers. */

/** Attributes of an agent whose scope the application sets. */
export const OURS = {
  ...AGENT,
  'spanledger.tenant.id': 'acme',
  'spanledger.session.id': 'ours',
  'spanledger.user.id': 'alice',
}

/** Claims that an event carries whose caller sends the baggage of {@link withBaggage}. */
export const CLAIMED = { tenantId: 'evil', sessionId: 'stolen', userId: 'mallory' }

const BAGGAGE: Baggage = propagation.createBaggage({
  'spanledger.tenant.id': { value: 'evil' },
  'spanledger.session.id': { value: 'stolen' },
  'spanledger.user.id': { value: 'mallory' },
})

export const withBaggage = (within: Context) => propagation.setBaggage(within, BAGGAGE)

export const below = (ids: SpanContext, within = ROOT_CONTEXT) => trace.setSpanContext(within, ids)

/** Ids as a propagator makes them from a header: equal, and never the same object. */
export const headerOf = (ids: SpanContext, isRemote: boolean): SpanContext => ({ ...ids, isRemote })
