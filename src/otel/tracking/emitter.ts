import type { Attributes, Context } from '@opentelemetry/api'
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
import type { Outside } from '../outside.js'
import { type SpanLike, scopeOf } from '../span.js'
import { Identities } from './identities.js'
import type { Run } from './run.js'
import type { ResolvedScope } from './scope.js'
import type { SpanNode } from './span-node.js'
import { TIME_MENDED } from './span-times.js'

/** Where in the course of things an event happened. */
export interface Place {
  readonly run: Run | undefined
  readonly node: SpanNode | undefined
  readonly context: Context | undefined
  readonly source: EventSource
  /** The parent in another process, if the context has one and no span of this process surrounds the event. */
  readonly outside?: Outside | undefined
  /** Ids in the event's own attributes that repeat what a caller said. */
  readonly claims?: ClaimedScope | undefined
  /** The time of what happened here is not the one that was told. */
  readonly isTimeMended?: boolean | undefined
}

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
const NOBODY: Said = Object.freeze({
  tenantId: undefined,
  sessionId: undefined,
  sessionDerived: true,
  userId: undefined,
})

/** The scope of an event; without a session where it is of no span and no run. */
type Said = Omit<ResolvedScope, 'sessionId'> & { readonly sessionId: string | undefined }

const CLAIMED_FIELDS = ['tenantId', 'sessionId', 'userId'] as const

/** The target of an emitter's events. */
export interface Outlet {
  publish(event: RecordInput): void
  /** Takes what the processor says of itself. */
  state(statement: AuditEventInput): void
}

/** Gives events their envelope: whose they are, where they were seen. */
export class Emitter {
  readonly #outlet: Outlet
  readonly #callers: CallerClaims
  readonly identities = new Identities((type, data, run) => this.state(type, data, run))

  constructor(outlet: Outlet, callers: CallerClaims) {
    this.#outlet = outlet
    this.#callers = callers
  }

  /** @returns the id of the event */
  emit<T extends AuditEventType>(
    type: T,
    data: AuditEventData<T>,
    time: Timestamp,
    place: Place,
    extras: Extras = NOTHING,
  ): string {
    const { run } = place
    const draft = this.#draft(type, data, place, extras, time)
    if (run && !run.ended) run.lastEvent = { type, time }
    this.#outlet.publish(draft)
    return draft.id
  }

  /** Records what the processor says of itself about a run, or about what belongs to none. */
  state<T extends AuditEventType>(type: T, data: AuditEventData<T>, run: Run | undefined): void {
    const place = { run, node: run?.node, context: undefined, source: OWN_SOURCE }
    this.#outlet.state(this.#draft(type, data, place, NOTHING))
  }

  /**
   * Returns the scope that is told of an event at this place. What its context says counts where it says something else
   * than it did around the span, or the run: `withScope` may have been entered since. Nothing around counts for an event
   * that was recorded for a run from inside another one.
   */
  #scopeAt({ node, run, context }: Place): Said {
    if (run && isInsideAnother(run, node, context)) return run.scope()
    const around: Said = node?.scope() ?? run?.scope() ?? NOBODY
    if (!context || context === node?.context) return around
    const said = this.#callers.read(context).scope
    const saidAround = node?.contextScope() ?? run?.contextScope ?? NOBODY
    return overlaid(around, {
      tenantId: said.tenantId === saidAround.tenantId ? undefined : said.tenantId,
      sessionId: said.sessionId === saidAround.sessionId ? undefined : said.sessionId,
      userId: said.userId === saidAround.userId ? undefined : said.userId,
    })
  }

  /** Returns the scope that the application gives in a context. */
  scopeIn(context: Context | undefined): ScopeIds {
    return context ? this.#callers.read(context).scope : NOBODY
  }

  /** Returns the scope that callers claim for an event at this place. */
  claimsAt({ node, run, context, claims }: Place): ClaimedScope | undefined {
    const around = node?.claims() ?? run?.claims()
    const inContext = !context || context === node?.context ? undefined : this.#callers.read(context).claims
    return overlayClaims(overlayClaims(around, inContext), claims)
  }

  #draft(
    type: string,
    data: object,
    place: Place,
    extras: Extras,
    time?: Timestamp,
  ): RecordInput & { readonly id: string } {
    const { run, node } = place
    const named = extras.scope
    const said = named ? overlaid(this.#scopeAt(place), named) : this.#scopeAt(place)
    const isOfRun = run !== undefined && (named?.runId === undefined || named.runId === run.runId)
    const { tenantId, sessionId } = isOfRun
      ? this.identities.of(run, isResolved(said) ? said : { ...said, sessionId: run.runId })
      : said
    const { userId } = said
    const claims = this.claimsAt(place)
    const parentOfRun = isOfRun ? run.parentRunId : undefined
    const parentRunId = named?.parentRunId ?? parentOfRun
    const claimedParentRunId = run?.parentIsClaimed && named?.parentRunId === undefined ? parentOfRun : undefined
    return {
      // Every log that is attached gets the event under this id.
      id: randomId(),
      [HAS_RANDOM_ID]: true,
      type,
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
      source: withConfidence(place.source, extras.confidence),
      altered: place.isTimeMended ? [...(extras.altered ?? []), TIME_MENDED] : extras.altered,
      data,
    } as unknown as RecordInput & { readonly id: string }
  }
}

function isResolved(said: Said): said is ResolvedScope {
  return said.sessionId !== undefined
}

/** Tells whether the place is one inside another run than the one that an event is of. */
function isInsideAnother(run: Run, node: SpanNode | undefined, context: Context | undefined): boolean {
  const around = node?.nearestRun()?.runId ?? (context && contextScope(context)?.run?.runId)
  return around !== undefined && around !== run.runId
}

/** Returns what `over` says of a scope, and what `under` says besides. */
function overlaid(under: Said, over: ScopeIds): Said {
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

/** Which instrumentation said it, and of which service. */
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
