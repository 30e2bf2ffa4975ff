import type { Attributes, Context } from '@opentelemetry/api'
import { FROM_TELEMETRY } from '../../events/from-telemetry.js'
import { storedId } from '../../events/ids.js'
import {
  type AgentRef,
  type Alteration,
  type AuditEventData,
  type AuditEventInput,
  type AuditEventType,
  type ClaimedScope,
  type Confidence,
  type EventSource,
  type Timestamp,
  weakest,
} from '../../events/index.js'
import { HAS_RANDOM_ID, randomId } from '../../events/random-id.js'
import type { RecordInput } from '../../log/contract.js'
import { contextScope } from '../../record/context.js'
import { LIBRARY_NAME, LIBRARY_VERSION, PREFIX } from '../../record/names.js'
import { type CallerClaims, overlayClaims } from '../caller-claims.js'
import type { ScopeIds } from '../conventions/contract.js'
import { type SpanLike, scopeOf } from '../span.js'
import { Identities } from './identities.js'
import type { RemoteParent } from './remote-parent.js'
import type { Run, TrackedSpan } from './run.js'
import type { ResolvedScope } from './scope.js'
import type { SpanNode } from './span-node.js'
import { TIME_MENDED } from './span-times.js'

/** The type of an event and the data of that type, before it has its envelope. */
export type EventCore<T extends AuditEventType = AuditEventType> = {
  [K in T]: { readonly type: K; readonly data: AuditEventData<K> }
}[T]

/** An event with its envelope, as logs take it. */
type EventDraft<T extends AuditEventType = AuditEventType> = AuditEventInput<T> & {
  readonly id: string
  readonly [HAS_RANDOM_ID]: true
  readonly [FROM_TELEMETRY]: true
  readonly altered?: readonly Alteration[] | undefined
}

/** The run, the span and the context that an event comes from. */
export interface EventOrigin {
  readonly run: Run | undefined
  readonly node: TrackedSpan | undefined
  readonly context: Context | undefined
  readonly source: EventSource
  /** The parent in another process, if the context has one and no span of this process surrounds the event. */
  readonly remoteParent?: RemoteParent | undefined
  /** Ids in the event's own attributes that repeat a caller's claim. */
  readonly claims?: ClaimedScope | undefined
  /** The time of the event is not the one that was reported. */
  readonly isTimeMended?: boolean | undefined
}

/** The origin of an event that may make its span a run. */
export interface SpanOrigin extends EventOrigin {
  readonly node: SpanNode | undefined
}

/** The rest of an event, beside its data. */
export interface Extras {
  readonly scope?: (ScopeIds & { readonly agent?: AgentRef | undefined }) | undefined
  readonly confidence?: Confidence | undefined
  readonly altered?: readonly Alteration[] | undefined
  /** The id of the event that this one corrects. */
  readonly supersedes?: string | undefined
}

const NOTHING: Extras = Object.freeze({})
const NO_CLAIMS: ClaimedScope = Object.freeze({})
const OWN_SOURCE: EventSource = Object.freeze({ convention: 'spanledger', scope: 'spanledger' })
const NOBODY: EventScope = Object.freeze({
  tenantId: undefined,
  sessionId: undefined,
  sessionDerived: true,
  userId: undefined,
})

/** The scope of an event; without a session where it is of no span and no run. */
type EventScope = Omit<ResolvedScope, 'sessionId'> & { readonly sessionId: string | undefined }

const CLAIMED_FIELDS = ['tenantId', 'sessionId', 'userId'] as const

/** The target of an emitter's events. */
export interface Outlet {
  publish(event: RecordInput): void
  /** Takes a statement of the processor about itself. */
  state(statement: AuditEventInput): void
}

/** Gives events their envelope: their scope, their span, their source. */
export class Emitter {
  readonly #outlet: Outlet
  readonly #callers: CallerClaims
  readonly identities = new Identities((statement, run) => this.state(statement, run))

  constructor(outlet: Outlet, callers: CallerClaims) {
    this.#outlet = outlet
    this.#callers = callers
  }

  /** @returns the id of the event */
  emit(event: EventCore, time: Timestamp, origin: EventOrigin, extras: Extras = NOTHING): string {
    const draft = this.#draft(event, origin, extras, time)
    origin.run?.recordEvent(event.type, time)
    this.#outlet.publish(draft)
    return draft.id
  }

  /** Records a statement of the processor about a run, or about what belongs to none. */
  state(statement: EventCore, run: Run | undefined): void {
    const origin = { run, node: run?.node, context: undefined, source: OWN_SOURCE }
    this.#outlet.state(this.#draft(statement, origin, NOTHING))
  }

  /**
   * Returns the scope of an event of this origin. Its context counts where it names something else than the context around the
   * span, or the run: `withScope` may have been entered since. Nothing around counts for an event that was recorded for a run
   * from inside another one.
   */
  #scopeAt({ node, run, context }: EventOrigin): EventScope {
    if (run && isInsideAnother(run, node, context)) return run.scope()
    const enclosing: EventScope = node?.scope() ?? run?.scope() ?? NOBODY
    if (!context || context === node?.context) return enclosing
    const given = this.#callers.read(context).scope
    const enclosingGiven = node?.contextScope() ?? run?.contextScope ?? NOBODY
    return overlaid(enclosing, {
      tenantId: given.tenantId === enclosingGiven.tenantId ? undefined : given.tenantId,
      sessionId: given.sessionId === enclosingGiven.sessionId ? undefined : given.sessionId,
      userId: given.userId === enclosingGiven.userId ? undefined : given.userId,
    })
  }

  /** Returns the scope that the application gives in a context. */
  scopeIn(context: Context | undefined): ScopeIds {
    return context ? this.#callers.read(context).scope : NOBODY
  }

  /** Returns the scope that callers claim for an event of this origin. */
  claimsAt({ node, run, context, claims }: EventOrigin): ClaimedScope | undefined {
    const enclosing = node?.claims() ?? run?.claims()
    const inContext = !context || context === node?.context ? undefined : this.#callers.read(context).claims
    return overlayClaims(overlayClaims(enclosing, inContext), claims)
  }

  #draft<T extends AuditEventType>(
    event: EventCore<T>,
    origin: EventOrigin,
    extras: Extras,
    time?: Timestamp,
  ): EventDraft<T> {
    const { run, node } = origin
    const named = extras.scope
    const scope = named ? overlaid(this.#scopeAt(origin), named) : this.#scopeAt(origin)
    const isOfRun = run !== undefined && (named?.runId === undefined || named.runId === run.runId)
    const { tenantId, sessionId } = isOfRun
      ? this.identities.of(run, isResolved(scope) ? scope : { ...scope, sessionId: run.runId })
      : scope
    const { userId } = scope
    const claims = this.claimsAt(origin)
    const parentOfRun = isOfRun ? run.parentRunId : undefined
    const parentRunId = named?.parentRunId ?? parentOfRun
    const claimedParentRunId = run?.parentIsClaimed && named?.parentRunId === undefined ? parentOfRun : undefined
    return {
      // Every log that is attached gets the event under this id.
      id: randomId(),
      [HAS_RANDOM_ID]: true,
      [FROM_TELEMETRY]: true,
      type: event.type,
      time,
      tenantId,
      sessionId,
      runId: named?.runId ?? run?.runId,
      parentRunId,
      supersedes: extras.supersedes,
      agent: named?.agent ?? run?.agent,
      actor: userId === undefined ? undefined : { id: userId },
      trace: node && { traceId: node.traceId, spanId: node.spanId, parentSpanId: node.parentSpanId },
      claimed:
        claims || claimedParentRunId !== undefined
          ? claimedBeside({ tenantId, sessionId, userId }, claims, claimedParentRunId)
          : undefined,
      source: withConfidence(origin.source, extras.confidence),
      altered: origin.isTimeMended ? [...(extras.altered ?? []), TIME_MENDED] : extras.altered,
      data: event.data,
    }
  }
}

function isResolved(scope: EventScope): scope is ResolvedScope {
  return scope.sessionId !== undefined
}

/** Tells whether an event comes from inside another run than the one that it is of. */
function isInsideAnother(run: Run, node: TrackedSpan | undefined, context: Context | undefined): boolean {
  const enclosing = node?.nearestRun()?.runId ?? (context && contextScope(context)?.run?.runId)
  return enclosing !== undefined && enclosing !== run.runId
}

/** Returns the fields of `over`, and those of `under` besides. */
function overlaid(under: EventScope, over: ScopeIds): EventScope {
  return {
    tenantId: over.tenantId ?? under.tenantId,
    sessionId: over.sessionId ?? under.sessionId,
    sessionDerived: over.sessionId === undefined && under.sessionDerived,
    userId: over.userId ?? under.userId,
  }
}

/** Returns the callers' claims that differ from the scope that holds anyway. */
function claimedBeside(
  scope: ScopeIds,
  claims: ClaimedScope = NO_CLAIMS,
  parentRunId: string | undefined,
): ClaimedScope | undefined {
  const claimed: ClaimedScope = {}
  for (const field of CLAIMED_FIELDS) {
    const value = claims[field]
    if (value !== undefined && value !== scope[field]) claimed[field] = storedId(value)
  }
  if (parentRunId !== undefined) claimed.parentRunId = parentRunId
  for (const _ in claimed) return claimed
  return undefined
}

/** A source that is trusted no more than this. */
export function withConfidence(source: EventSource, confidence: Confidence | undefined): EventSource {
  return confidence ? { ...source, confidence: weakest(source.confidence, confidence) } : source
}

/** A source of an event by hand, of the library that it names. */
export function withLibrary(source: EventSource, eventName: string, attributes: Attributes): EventSource {
  const library = eventName.startsWith(PREFIX) ? attributes[LIBRARY_NAME] : undefined
  if (typeof library !== 'string' || library === '') return source
  const version = attributes[LIBRARY_VERSION]
  return { ...source, scope: library, scopeVersion: typeof version === 'string' ? version : undefined }
}

const services = new WeakMap<object, string>()

/** The source of what a span reports: its instrumentation and its service. */
export function sourceOf(convention: string, span: SpanLike): EventSource {
  const { name, version } = scopeOf(span)
  const service = span.resource && serviceName(span.resource)
  return { convention, scope: name, scopeVersion: version, service }
}

function serviceName(resource: NonNullable<SpanLike['resource']>): string | undefined {
  const known = services.get(resource)
  if (known !== undefined) return known
  const service = resource.attributes['service.name']
  if (typeof service !== 'string') return undefined
  services.set(resource, service)
  return service
}
