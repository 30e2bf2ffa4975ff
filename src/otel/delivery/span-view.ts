import type { Attributes, HrTime, Link, SpanContext, SpanStatus } from '@opentelemetry/api'
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
 */
export class SpanView implements SpanLike {
  readonly #ids: SpanContext
  #span: TakenSpan | undefined = undefined
  #hasEnded = false
  #events: SpanEventLike[] = []

  constructor(ids: SpanContext) {
    this.#ids = ids
  }

  /** The span has come. */
  arrive(span: TakenSpan): void {
    this.#span = span
  }

  addEvent(event: SpanEventLike): void {
    this.#events.push(event)
  }

  end(): void {
    this.#hasEnded = true
  }

  /** Lets go of everything but the ids. */
  release(): void {
    this.#span = undefined
    this.#events = []
  }

  /** Tells whether the span itself has not come yet. */
  get isAwaited(): boolean {
    return this.#span === undefined && !this.#hasEnded
  }

  isRecording(): boolean {
    return !this.#hasEnded
  }

  spanContext(): SpanContext {
    return this.#ids
  }

  get name(): string {
    return this.#span?.name ?? ''
  }

  get kind(): number {
    return this.#span?.kind ?? 0
  }

  get parentSpanContext(): SpanContext | undefined {
    return this.#span?.parent
  }

  get startTime(): HrTime {
    return this.#span?.startTime ?? OPEN
  }

  get endTime(): HrTime {
    return this.#hasEnded ? (this.#span?.endTime ?? OPEN) : OPEN
  }

  get status(): SpanStatus {
    return this.#hasEnded ? (this.#span?.status ?? UNSET) : UNSET
  }

  get attributes(): Attributes {
    return this.#span?.attributes ?? NO_ATTRIBUTES
  }

  get droppedAttributesCount(): number {
    return this.#span?.droppedAttributesCount ?? 0
  }

  get events(): readonly SpanEventLike[] {
    return this.#events
  }

  get links(): readonly Link[] {
    return this.#span?.links ?? []
  }

  get resource(): SpanLike['resource'] {
    return this.#span?.resource
  }

  get instrumentationScope(): InstrumentationScope {
    return this.#span?.scope ?? UNKNOWN
  }
}
