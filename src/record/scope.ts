import { propagation } from '@opentelemetry/api'
import { type AuditScope, withContextScope, withPropagatedScope } from './context.js'
import { activeContext, runIn } from './flow.js'
import { type OptionKinds, readOptions } from './misuse.js'
import { BAGGAGE_KEYS } from './names.js'

/** Options of `withScope`. */
export interface ScopeOptions {
  /**
   * Also sets OpenTelemetry baggage (`spanledger.tenant.id`, `spanledger.session.id`, `spanledger.user.id`) for the
   * processes called from here. They note it in `claimed`, and belong to the same scope only where their processor has
   * the option `trustBaggage`. **Baggage leaves the process**: a propagator sends it in the headers of every outgoing
   * request, to third parties too.
   *
   * @defaultValue false
   */
  readonly propagate?: boolean
}

export const SCOPE_KINDS: OptionKinds<AuditScope> = { tenantId: 'text', sessionId: 'text', userId: 'text' }
const OPTION_KINDS: OptionKinds<ScopeOptions> = { propagate: 'as is' }

/**
 * Sets tenant, session and user for everything that runs in `fn`, asynchronous work included. Fields that are left out
 * keep what an outer `withScope` said. Attributes of a span that name a session, tenant or user outweigh it for that
 * span and those below.
 *
 * What is no id, and names that no option has, are left out and reported once through `diag`: `fn` runs in any case.
 *
 * @returns what `fn` returns
 * @throws TypeError when `fn` is no function; what `fn` throws
 */
export function withScope<T>(scope: AuditScope, fn: () => T, options?: ScopeOptions): T {
  if (typeof fn !== 'function')
    throw new TypeError('withScope: expected a function as the second argument, after the scope')
  const ids = readOptions('withScope', scope, SCOPE_KINDS)
  let inner = withContextScope(activeContext(), ids)
  if (readOptions('withScope', options, OPTION_KINDS).propagate) {
    // Propagators percent-encode values, which throws on a lone surrogate in the middle of somebody's request.
    const propagated: AuditScope = {
      tenantId: ids.tenantId?.toWellFormed(),
      sessionId: ids.sessionId?.toWellFormed(),
      userId: ids.userId?.toWellFormed(),
    }
    let baggage = propagation.getBaggage(inner) ?? propagation.createBaggage()
    for (const [field, key] of BAGGAGE_KEYS) {
      const value = propagated[field]
      if (value !== undefined) baggage = baggage.setEntry(key, { value })
    }
    inner = withPropagatedScope(propagation.setBaggage(inner, baggage), propagated)
  }
  return runIn(inner, fn)
}
