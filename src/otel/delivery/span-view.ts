import type { Attributes, HrTime, Link, SpanContext, SpanStatus } from '@opentelemetry/api'
import { ReadOnlySpan } from '../read-only-span.js'
import type { InstrumentationScope, SpanEventLike, SpanLike } from '../span.js'
import type { TakenSpan } from './taken.js'

const OPEN: HrTime = [0, 0]
const UNSET: SpanStatus = Object.freeze({ code: 0 })
const NO_ATTRIBUTES: Attributes = Object.freeze({})
const UNKNOWN: InstrumentationScope = Object.freeze({ name: 'unknown' })

/**
 * A delivered span as it was while it was open: it has all its attributes from its start, its events as they happen, and
 * neither an end nor a status before it ends. One that is known only as the parent of others is awaited: it says nothing.
 *
 *     awaited ──arrive()──▶ open ──end()──▶ ended ──release()──▶ ids only
 *
 * Its fields are its own, as those of an SDK's span: some copy spans by spreading them.
 */
export class SpanView extends ReadOnlySpan implements SpanLike {
  name = ''
  kind = 0
  parentSpanContext: SpanContext | undefined = undefined
  startTime = OPEN
  endTime = OPEN
  status = UNSET
  attributes = NO_ATTRIBUTES
  events: SpanEventLike[] = []
  links: readonly Link[] = []
  droppedAttributesCount = 0
  resource: SpanLike['resource'] = undefined
  instrumentationScope = UNKNOWN
  readonly #ids: SpanContext
  #span: TakenSpan | undefined = undefined
  #hasEnded = false

  constructor(ids: SpanContext) {
    super()
    this.#ids = ids
  }

  /** The span has come. */
  arrive(span: TakenSpan): void {
    this.#span = span
    this.name = span.name
    this.kind = span.kind
    this.parentSpanContext = span.parent
    this.startTime = span.startTime
    this.attributes = span.attributes
    this.links = span.links
    this.droppedAttributesCount = span.droppedAttributesCount
    this.resource = span.resource
    this.instrumentationScope = span.scope
  }

  /** The event has happened. */
  happen(event: SpanEventLike): void {
    this.events.push(event)
  }

  override end(): void {
    this.#hasEnded = true
    if (!this.#span) return
    this.endTime = this.#span.endTime
    this.status = this.#span.status
  }

  /** Lets go of what takes room. */
  release(): void {
    this.#span = undefined
    this.attributes = NO_ATTRIBUTES
    this.events = []
    this.links = []
  }

  isRecording(): boolean {
    return !this.#hasEnded
  }

  spanContext(): SpanContext {
    return this.#ids
  }
}
