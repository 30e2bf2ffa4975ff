import {
  type Attributes,
  type AttributeValue,
  type Exception,
  type HrTime,
  type Link,
  type Span,
  type SpanContext,
  type SpanStatus,
  SpanStatusCode,
  type TimeInput,
} from '@opentelemetry/api'
import { fromMillis, isEarlier, toHrTime } from '../hr-time.js'
import type { InstrumentationScope, OpenSpan, SpanEventLike, SpanLike } from '../span.js'

/** Attributes that a span keeps: more than the SDKs' default of 128, so that nothing is lost that a sampled span tells. */
const MAX_ATTRIBUTES = 1024
/** Events and links that a span keeps, as in the SDKs. The oldest ones are dropped; events are heard as they are added. */
const MAX_EVENTS = 128
const MAX_LINKS = 128

/** The facts with which a shadow begins. */
export interface ShadowStart {
  readonly name: string
  readonly kind: number
  readonly spanContext: SpanContext
  readonly parentSpanContext: SpanContext | undefined
  readonly scope: InstrumentationScope
  readonly attributes: Attributes | undefined
  readonly links: readonly Link[] | undefined
  readonly startTime: TimeInput | undefined
  /** Called when it has ended. Must not throw. */
  readonly onEnd: (span: SpanLike) => void
}

/**
 * A recording span that no exporter sees: the application uses it as any span, and the span processor reads it. Its
 * sampling flag is that of the span that it stands for, so that what is propagated stays as it was.
 */
export class ShadowSpan implements OpenSpan, Span {
  // No private names: some libraries make objects that inherit from a span, and call its methods on those.
  name: string
  readonly kind: number
  readonly parentSpanContext: SpanContext | undefined
  readonly instrumentationScope: InstrumentationScope
  readonly startTime: HrTime
  endTime: HrTime = [0, 0]
  ended = false
  status: SpanStatus = { code: SpanStatusCode.UNSET }
  readonly attributes: Attributes = {}
  droppedAttributesCount = 0
  readonly events: SpanEventLike[] = []
  droppedEventsCount = 0
  readonly links: Link[] = []
  droppedLinksCount = 0
  private readonly _spanContext: SpanContext
  private readonly _onEnd: (span: SpanLike) => void
  /** The reading of the monotonic clock at the start; `undefined` where the application has set the time of the start. */
  private readonly _startedAt: number | undefined
  private _attributesCount = 0

  constructor(start: ShadowStart) {
    this.name = start.name
    this.kind = start.kind
    this._spanContext = start.spanContext
    this.parentSpanContext = start.parentSpanContext
    this.instrumentationScope = start.scope
    this._onEnd = start.onEnd
    this._startedAt = start.startTime === undefined ? performance.now() : undefined
    this.startTime = toHrTime(start.startTime)
    if (start.attributes) this.setAttributes(start.attributes)
    if (start.links) this.addLinks(start.links)
  }

  spanContext(): SpanContext {
    return this._spanContext
  }

  isRecording(): boolean {
    return !this.ended
  }

  setAttribute(key: string, value: AttributeValue): this {
    if (this.ended || typeof key !== 'string' || key === '' || key === '__proto__') return this
    const kept = keptValue(value)
    if (kept === undefined) return this
    if (this.attributes[key] === undefined) {
      if (this._attributesCount >= MAX_ATTRIBUTES) {
        this.droppedAttributesCount++
        return this
      }
      this._attributesCount++
    }
    this.attributes[key] = kept
    return this
  }

  setAttributes(attributes: Attributes): this {
    for (const key in attributes) {
      if (Object.hasOwn(attributes, key)) this.setAttribute(key, attributes[key] as AttributeValue)
    }
    return this
  }

  addEvent(name: string, attributesOrTime?: Attributes | TimeInput, time?: TimeInput): this {
    if (this.ended) return this
    if (this.events.length >= MAX_EVENTS) {
      this.events.shift()
      this.droppedEventsCount++
    }
    const isTime = isTimeInput(attributesOrTime)
    const at = this._timeOf(time ?? (isTime ? attributesOrTime : undefined))
    this.events.push({ name, attributes: isTime ? {} : keptAttributes(attributesOrTime), time: at })
    return this
  }

  addLink(link: Link): this {
    if (this.ended) return this
    if (this.links.length >= MAX_LINKS) {
      this.links.shift()
      this.droppedLinksCount++
    }
    this.links.push(link)
    return this
  }

  addLinks(links: readonly Link[]): this {
    for (const link of links) this.addLink(link)
    return this
  }

  setStatus(status: SpanStatus): this {
    if (this.ended || status.code === SpanStatusCode.UNSET || this.status.code === SpanStatusCode.OK) return this
    const { code, message } = status
    this.status = code === SpanStatusCode.ERROR && typeof message === 'string' ? { code, message } : { code }
    return this
  }

  updateName(name: string): this {
    if (!this.ended) this.name = name
    return this
  }

  recordException(exception: Exception, time?: TimeInput): void {
    const attributes = exceptionAttributes(exception)
    if (attributes) this.addEvent('exception', attributes, time)
  }

  end(time?: TimeInput): void {
    if (this.ended) return
    const at = this._timeOf(time)
    this.endTime = isEarlier(at, this.startTime) ? this.startTime : at
    this.ended = true
    this._onEnd(this)
  }

  /** An interval is measured by the monotonic clock unless the application sets times, as in the SDKs. */
  private _timeOf(time: TimeInput | undefined): HrTime {
    if (time !== undefined || this._startedAt === undefined) return toHrTime(time)
    const [seconds, nanoseconds] = this.startTime
    return fromMillis(seconds * 1000 + nanoseconds / 1e6 + (performance.now() - this._startedAt))
  }
}

function isTimeInput(value: Attributes | TimeInput | undefined): value is TimeInput {
  return typeof value === 'number' || Array.isArray(value) || value instanceof Date
}

/** A copy of what spans can hold; `undefined` for what they cannot. */
function keptValue(value: unknown): AttributeValue | undefined {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value
  return Array.isArray(value) && value.every(isElement) ? (value.slice() as AttributeValue) : undefined
}

function isElement(value: unknown): boolean {
  return value == null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
}

function keptAttributes(attributes: Attributes | undefined): Attributes {
  const kept: Attributes = {}
  for (const key in attributes) {
    const value = key === '__proto__' ? undefined : keptValue(attributes[key])
    if (value !== undefined) kept[key] = value
  }
  return kept
}

/** The same attributes as the SDKs give an exception. */
function exceptionAttributes(exception: Exception | undefined): Attributes | undefined {
  if (typeof exception === 'string') return { 'exception.message': exception }
  if (typeof exception !== 'object' || exception === null) return undefined
  const { code, name, message, stack } = exception
  const type = code ? String(code) : name
  if (!type && !message) return undefined
  return keptAttributes({ 'exception.type': type, 'exception.message': message, 'exception.stacktrace': stack })
}
