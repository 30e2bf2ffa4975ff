import type { Context } from '@opentelemetry/api'
import {
  type AgentRef,
  type Alteration,
  type AuditEventData,
  type AuditEventType,
  type Confidence,
  type EventSource,
  type Timestamp,
  weakest,
} from '../events/index.js'
import { randomId } from '../events/random-id.js'
import type { RecordInput } from '../log/contract.js'
import type { ScopeFacts } from './conventions/contract.js'
import type { Run } from './run.js'
import { scopeFromContext } from './scope.js'
import { type SpanLike, scopeOf } from './span.js'
import type { SpanNode } from './span-node.js'

/** Where in the course of things an event happened. */
export interface Place {
  readonly run: Run | undefined
  readonly node: SpanNode | undefined
  readonly context: Context | undefined
  readonly source: EventSource
}

export interface Extras {
  readonly scope?: (ScopeFacts & { readonly agent?: AgentRef | undefined }) | undefined
  readonly confidence?: Confidence | undefined
  readonly altered?: readonly Alteration[] | undefined
}

const NOTHING: Extras = Object.freeze({})
const NOBODY: ScopeFacts = Object.freeze({})

/** Gives events their envelope: whose they are, where they were seen. */
export class Emitter {
  readonly #publish: (event: RecordInput) => void

  constructor(publish: (event: RecordInput) => void) {
    this.#publish = publish
  }

  emit<T extends AuditEventType>(
    type: T,
    data: AuditEventData<T>,
    time: Timestamp,
    place: Place,
    extras: Extras = NOTHING,
  ): void {
    const { run, node } = place
    const named = extras.scope
    const scope = scopeAt(place)
    const userId = named?.userId ?? scope.userId
    const draft = {
      id: randomId(),
      type,
      time,
      tenantId: named?.tenantId ?? scope.tenantId,
      sessionId: named?.sessionId ?? scope.sessionId,
      runId: named?.runId ?? run?.runId,
      parentRunId: named?.parentRunId ?? (named?.runId ? undefined : run?.parentRunId),
      agent: named?.agent ?? run?.agent,
      actor: userId === undefined ? undefined : { id: userId },
      trace: node && { traceId: node.traceId, spanId: node.spanId, parentSpanId: node.parentSpanId },
      source: withConfidence(place.source, extras.confidence),
      altered: extras.altered,
      data,
    } as unknown as RecordInput
    if (run && !run.ended) run.lastEvent = { type, time }
    this.#publish(draft)
  }
}

/**
 * Whose an event at this place is. What its context says counts where it says something else than it did around the
 * span: `withScope` may have been entered since.
 */
export function scopeAt({ node, run, context }: Place): ScopeFacts {
  const around = node?.scope() ?? run?.scope() ?? NOBODY
  if (!context || context === node?.context) return around
  const said = scopeFromContext(context)
  const saidAround = node?.contextScope() ?? NOBODY
  const since = (field: 'tenantId' | 'sessionId' | 'userId') =>
    (said[field] === saidAround[field] ? undefined : said[field]) ?? around[field]
  return { tenantId: since('tenantId'), sessionId: since('sessionId'), userId: since('userId') }
}

/** A source that is trusted no more than this. */
export function withConfidence(source: EventSource, confidence: Confidence | undefined): EventSource {
  return confidence ? { ...source, confidence: weakest(source.confidence, confidence) } : source
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
