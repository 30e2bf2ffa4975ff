import type { Attributes, Context, HrTime, Link, Span, SpanContext, SpanStatus, TimeInput } from '@opentelemetry/api'

/*
 * The part of an SDK's spans that the span processor needs: the structure that @opentelemetry/sdk-trace-base 2.x and
 * @opentelemetry/sdk-trace 3.x share. SDK 1.x, which some frameworks bring along, names two members differently.
 */

/** The instrumentation scope of a span: name and version of its tracer. */
export interface InstrumentationScope {
  readonly name: string
  readonly version?: string | undefined
}

/** The emitter of a log record. */
export interface LogOrigin extends InstrumentationScope {
  /** Attributes of its resource. */
  readonly resource?: Attributes | undefined
}

/** An event on a span (OpenTelemetry's `TimedEvent`). */
export interface SpanEventLike {
  readonly name: string
  readonly time: HrTime
  readonly attributes?: Attributes | undefined
}

/** A span as a processor sees it, started or ended. */
export interface SpanLike {
  readonly name: string
  readonly kind: number
  spanContext(): SpanContext
  readonly parentSpanContext?: SpanContext | undefined
  /** `[seconds, nanoseconds]` since the Unix epoch. */
  readonly startTime: HrTime
  /** `[0, 0]` while it is open. */
  readonly endTime: HrTime
  readonly status: SpanStatus
  readonly attributes: Attributes
  /** Attributes that the span was given beyond its limit. */
  readonly droppedAttributesCount?: number | undefined
  readonly events: readonly SpanEventLike[]
  /** Events that the span no longer holds. */
  readonly droppedEventsCount?: number | undefined
  readonly links?: readonly Link[] | undefined
  readonly resource?: { readonly attributes: Attributes } | undefined
  readonly instrumentationScope?: InstrumentationScope | undefined
}

/** The members of an SDK 1.x span that SDK 2 renamed. */
interface LegacySpan {
  readonly parentSpanId?: string
  readonly instrumentationLibrary?: InstrumentationScope
}

/** A span that is open: its events can still be heard. */
export interface OpenSpan extends SpanLike, Pick<Span, 'isRecording'> {
  addEvent(name: string, attributesOrTime?: Attributes | TimeInput, time?: TimeInput): unknown
}

/** The span processor interface of SDK 2.x and 3.x. */
export interface SpanProcessorLike {
  onStart(span: OpenSpan, parentContext: Context): void
  onEnd(span: SpanLike): void
  forceFlush(): Promise<void>
  shutdown(): Promise<void>
}

const UNKNOWN_SCOPE: InstrumentationScope = { name: 'unknown' }

export function scopeOf(span: SpanLike): InstrumentationScope {
  return span.instrumentationScope ?? (span as LegacySpan).instrumentationLibrary ?? UNKNOWN_SCOPE
}

/** Tells whether the span has dropped attributes: that one is not there then says nothing. */
export function hasDropped({ droppedAttributesCount }: SpanLike): boolean {
  return (droppedAttributesCount ?? 0) > 0
}

export function parentSpanIdOf(span: SpanLike): string | undefined {
  return span.parentSpanContext?.spanId ?? (span as LegacySpan).parentSpanId
}
