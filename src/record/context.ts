import { type Attributes, type Context, createContextKey } from '@opentelemetry/api'
import type { AgentRef } from '../events/types.js'
import { activeContext, runIn } from './flow.js'
import { runReporting, suppressedCallsIn, withSuppressedCalls } from './switched-off.js'

/** The tenant, session and user of events, as far as the caller names them. */
export interface AuditScope {
  /** The owner of the data. */
  readonly tenantId?: string | undefined
  /** The conversation or thread. */
  readonly sessionId?: string | undefined
  /** On whose behalf; becomes `actor.id`. */
  readonly userId?: string | undefined
}

/**
 * The innermost run that `withRun` opened. Whoever follows the active span knows better, since other instrumentations
 * open runs too; this counts where no followed span carries the run.
 */
export interface ContextRun {
  readonly runId: string
  readonly parentRunId?: string | undefined
  readonly agent: AgentRef
}

/** The settings of auditing in one OpenTelemetry context. */
export interface ContextScope extends AuditScope {
  readonly enabled?: boolean | undefined
  readonly run?: ContextRun | undefined
}

// createContextKey goes through Symbol.for, so every copy of this package in a process reads the same key.
const SCOPE_KEY = createContextKey('spanledger.scope.v1')
const PROPAGATED_KEY = createContextKey('spanledger.propagated.v1')
const OWN_ATTRIBUTES_KEY = createContextKey('spanledger.own-attributes.v1')

export function contextScope(of: Context): ContextScope | undefined {
  return of.getValue(SCOPE_KEY) as ContextScope | undefined
}

/** Sets what `scope` says; what it leaves `undefined` stays as it is. */
export function withContextScope(of: Context, scope: ContextScope): Context {
  const given = Object.fromEntries(Object.entries(scope).filter(([, value]) => value !== undefined))
  return of.setValue(SCOPE_KEY, { ...contextScope(of), ...given })
}

/** Returns what `withScope` has put into the baggage of this context: it was said in this process, and by no caller. */
export function propagatedScope(of: Context): AuditScope | undefined {
  return of.getValue(PROPAGATED_KEY) as AuditScope | undefined
}

/** Notes what of the baggage comes from `withScope`; what `scope` leaves `undefined` stays as it is. */
export function withPropagatedScope(of: Context, scope: AuditScope): Context {
  const given = Object.fromEntries(Object.entries(scope).filter(([, value]) => value !== undefined))
  return of.setValue(PROPAGATED_KEY, { ...propagatedScope(of), ...given })
}

/** Returns the attributes that this package gives to the span that is started in this very context. */
export function ownAttributes(of: Context): Attributes | undefined {
  return of.getValue(OWN_ATTRIBUTES_KEY) as Attributes | undefined
}

/** A context to start one span in: its attributes are known as this package's own. */
export function withOwnAttributes(of: Context, attributes: Attributes): Context {
  return of.setValue(OWN_ATTRIBUTES_KEY, attributes)
}

/** An id as text; `undefined` for what cannot be one. Callers without types hand in numbers too. */
export function idText(value: unknown): string | undefined {
  if (typeof value === 'string') return value === '' ? undefined : value
  return typeof value === 'number' || typeof value === 'bigint' ? String(value) : undefined
}

/**
 * Returns a context in which auditing is switched on or off. Overrides `setEnabled` and `SPANLEDGER_ENABLED`. What is
 * not recorded for that is counted: see {@link withAuditing}.
 */
export function setAuditingEnabled(of: Context, enabled: boolean): Context {
  const inner = withContextScope(of, { enabled })
  return enabled || contextScope(of)?.enabled === false ? inner : withSuppressedCalls(inner)
}

/**
 * Runs `fn` with auditing switched on or off, for `fn` and all asynchronous work that it starts. It ends by itself,
 * and other flows of calls do not notice. Spans that start inside are audited, or not, as a whole.
 *
 * Switching off inside a run leaves an `auditing_suppressed` event in it, with the number of spans and events that were
 * not recorded: when `fn` has returned or its promise has settled, at the latest before the run's terminal event.
 *
 * @returns what `fn` returns; for a plain promise, one that settles alike
 * @throws TypeError when `fn` is no function; what `fn` throws
 */
export function withAuditing<T>(enabled: boolean, fn: () => T): T {
  if (typeof fn !== 'function') throw new TypeError('withAuditing: expected a function as the second argument')
  const outer = activeContext()
  const inner = setAuditingEnabled(outer, enabled)
  const flow = suppressedCallsIn(inner)
  if (flow === undefined || flow === suppressedCallsIn(outer)) return runIn(inner, fn)
  return runReporting(flow, outer, () => runIn(inner, fn))
}
