import type { Attributes, Context } from '@opentelemetry/api'
import type { ClaimedScope } from '../../events/index.js'
import { ownAttributes } from '../../record/context.js'
import { type CallerClaims, NOTHING_SAID, overlayClaims, partFacts, type Said } from '../caller-claims.js'
import type { ScopeIds } from '../conventions/contract.js'
import { namesTenantOrSession, scopeFromAttributes } from '../conventions/shared/scope-attributes.js'
import type { Recognition } from './recognition.js'
import type { RemoteParent } from './remote-parent.js'
import type { Run, TrackedSpan } from './run.js'
import { overlay, type ResolvedScope, resolveScope } from './scope.js'
import { latestSerial } from './serial.js'

const NOTHING: ScopeIds = Object.freeze({})

/** A span, and what surrounds it, as its scope needs them. */
export interface ScopedSpan extends TrackedSpan {
  readonly parent: ScopedSpan | undefined
  readonly remoteParent: RemoteParent | undefined
  readonly recognition: Recognition | undefined
  readonly ownScope: SpanScope
}

/**
 * The scope of one span: from its attributes, its convention and its context, else from its parent. Made when it is first
 * asked for, since most spans are nobody's business.
 */
export class SpanScope {
  readonly #node: ScopedSpan
  readonly #callers: CallerClaims
  /** The scope that the span's own attributes and its convention name, as far as it is known. */
  #explicit: ScopeIds = NOTHING
  /** The part of it that was known before anything else could start below, or that all below has learned since. */
  #spread: ScopeIds = NOTHING
  #resolved: ResolvedScope | undefined = undefined
  #inContext: Said | undefined = undefined
  /** The claims of a caller that its attributes only repeat. */
  #repeatedClaims: ClaimedScope | undefined = undefined

  constructor(node: ScopedSpan, callers: CallerClaims) {
    this.#node = node
    this.#callers = callers
  }

  /** The scope that the span itself names: with the run id and that of the run around it, where attributes name them. */
  get explicit(): ScopeIds {
    return this.#explicit
  }

  /** The span is recognised. @param byConvention - the scope that its convention names */
  recognise(byConvention: ScopeIds | undefined): void {
    this.#explicit = this.#withoutClaims(this.#named(byConvention))
    this.#spread = latestSerial() === this.#node.serial ? this.#explicit : NOTHING
    this.#resolved = undefined
  }

  /** The span hangs below another parent. */
  reset(): void {
    this.#resolved = undefined
  }

  /** Keeps what the context says, for children that ask when the span has let go of it. */
  keepContext(): void {
    this.#readContext()
  }

  /** The scope that the application gives by the span's context. */
  get context(): ScopeIds {
    return this.#readContext().scope
  }

  resolve(): ResolvedScope {
    // What is not named yet is asked for again: it may have been set meanwhile, here or further out.
    const known = this.#resolved
    if (known && !known.sessionDerived && known.tenantId !== undefined) return known
    const { recognition, span, parent, remoteParent, traceId } = this.#node
    if (recognition && span && this.#namesTenantOrSession(span.attributes)) {
      this.#explicit = overlay(this.#withoutClaims(this.#named()), this.#explicit)
    }
    this.#resolved = resolveScope({
      explicit: this.#explicit,
      context: this.context,
      parentContext: parent?.contextScope() ?? NOTHING,
      parent: parent && inheritedFrom(parent),
      derivedSession: remoteParent?.sessionId ?? traceId,
    })
    return this.#resolved
  }

  /** Returns the scope that callers claim for the events of the span. */
  claims(): ClaimedScope | undefined {
    let claims: ClaimedScope | undefined
    for (let node: ScopedSpan | undefined = this.#node; node; node = node.parent) {
      const own = node.ownScope
      const said = own.#readContext().claims ?? own.#repeatedClaims
      if (said) claims = overlayClaims(overlayClaims(said, own.#repeatedClaims), claims)
    }
    return claims
  }

  /**
   * Takes the scope that came with the end of the open span.
   *
   * @param runScope - holds for all of the run that the span is in
   * @returns the outermost span of which a tenant or a session has become known
   */
  conclude(scope: ScopeIds | undefined, runScope: ScopeIds | undefined): TrackedSpan | undefined {
    const learned = this.extend(this.#withoutClaims(this.#named(scope)))
    const learnedOfRun = runScope && this.#node.nearestRun()?.node?.completeScope(this.#withoutClaims(runScope))
    return learnedOfRun ?? learned
  }

  /**
   * Takes a scope that came to light after the span was recognised. A tenant and a session are also those of the run around,
   * unless it has its own or the span is a run itself. A user is never a parent's because it is a child's.
   *
   * @returns the outermost span of which a tenant or a session has become known
   */
  extend(facts: ScopeIds): TrackedSpan | undefined {
    this.#explicit = overlay(this.#explicit, facts)
    this.#resolved = undefined
    const { tenantId, sessionId } = this.#explicit
    const isNew = tenantId !== this.#spread.tenantId || sessionId !== this.#spread.sessionId
    this.#spread = this.#explicit
    const isOfRunAround = this.#node.run === undefined && (tenantId ?? sessionId) !== undefined
    const around = isOfRunAround ? this.#node.parent?.nearestRun() : undefined
    return (around && extendRun(around, tenantId, sessionId)) ?? (isNew ? this.#node : undefined)
  }

  /**
   * Takes a scope that holds for all of the run that the span is, wherever nothing else is named; for the runs around, too.
   *
   * @returns the outermost span of which a tenant or a session has become known
   */
  complete(facts: ScopeIds): TrackedSpan | undefined {
    const { sessionDerived, tenantId, userId } = this.resolve()
    const isNew =
      (sessionDerived && facts.sessionId !== undefined) || (tenantId === undefined && facts.tenantId !== undefined)
    this.#explicit = overlay(this.#explicit, {
      sessionId: sessionDerived ? facts.sessionId : undefined,
      tenantId: tenantId === undefined ? facts.tenantId : undefined,
      userId: userId === undefined ? facts.userId : undefined,
    })
    this.#resolved = undefined
    const around = this.#node.parent?.nearestRun()?.node
    return around?.completeScope(facts) ?? (isNew ? this.#node : undefined)
  }

  /** Reads the scope of the open span: by standard names, by its convention, by the application's own names. */
  #named(byConvention: ScopeIds = NOTHING): ScopeIds {
    const { span } = this.#node
    if (!span) return byConvention
    const named = overlay(scopeFromAttributes(span.attributes), byConvention)
    const { names } = this.#callers
    return names ? overlay(named, names.scopeIn(span.attributes)) : named
  }

  /**
   * Returns the part of the open span's attributes that the application gives. The part that a caller gives becomes a
   * claim.
   */
  #withoutClaims(facts: ScopeIds): ScopeIds {
    const { span, context, parent } = this.#node
    const { baggage } = this.#readContext()
    if (!baggage || !span || !context) return facts
    const around =
      parent?.span && parent.ownScope.#readContext().baggage === baggage ? parent.span.attributes : undefined
    const { own, claims } = partFacts(facts, span.attributes, baggage, { own: ownAttributes(context), around })
    this.#repeatedClaims = overlayClaims(this.#repeatedClaims, claims)
    return own
  }

  #namesTenantOrSession(attributes: Attributes): boolean {
    if (namesTenantOrSession(attributes)) return true
    const named = this.#callers.names?.scopeIn(attributes)
    return named?.sessionId !== undefined || named?.tenantId !== undefined
  }

  #readContext(): Said {
    const context: Context | undefined = this.#node.context
    this.#inContext ??= context ? this.#callers.read(context) : NOTHING_SAID
    return this.#inContext
  }
}

function inheritedFrom(parent: ScopedSpan): ResolvedScope {
  const scope = parent.scope()
  return parent.run ? parent.run.inheritable(scope) : scope
}

/** The run around a span takes the tenant and the session that it lacks. */
function extendRun(
  { node }: Run,
  tenantId: string | undefined,
  sessionId: string | undefined,
): TrackedSpan | undefined {
  if (!node) return undefined
  const known = node.scope()
  const isLackingTenant = tenantId !== undefined && known.tenantId === undefined
  const isLackingSession = sessionId !== undefined && known.sessionDerived
  if (!isLackingTenant && !isLackingSession) return undefined
  return node.extendScope({
    tenantId: isLackingTenant ? tenantId : undefined,
    sessionId: isLackingSession ? sessionId : undefined,
  })
}
