import { randomBytes } from 'node:crypto'
import {
  type Attributes,
  type Context,
  diag,
  isSpanContextValid,
  type Span,
  type SpanContext,
  SpanKind,
  type SpanOptions,
  TraceFlags,
} from '@opentelemetry/api'
import { mirrorOf, spanIn } from '../mirrored.js'
import type { InstrumentationScope, OpenSpan, SpanLike } from '../span.js'
import { isTransportScope, isTransportSpan } from '../transport.js'
import { mirror, onceEnded } from './mirror.js'
import { ShadowSpan } from './shadow-span.js'
import { type Watcher, watchers } from './watchers.js'

/** Whose key `suppressTracing` of `@opentelemetry/core` sets: an exporter's own requests, or an instrumentation's choice. */
const SUPPRESSED = Symbol.for('OpenTelemetry SDK Context Key SUPPRESS_TRACING')

/** The facts of a span's start beside the span itself. */
export interface Started {
  readonly name: string
  readonly options: SpanOptions | undefined
  /** The context that it was started in. */
  readonly context: Context
  readonly scope: InstrumentationScope
}

/**
 * Shows a span that has just started to the processors that have not seen it:
 *
 * - One that does not record, unless it is of a transport or a database, is replaced by a shadow of the same ids, which records.
 * - One that records, made by a provider that the processor is not registered with, is observed.
 *
 * @returns the span that the application is to use
 */
export function reveal(span: Span, started: Started): Span {
  try {
    return span.isRecording() ? observe(span, started, watchers) : shadow(span, started)
  } catch (problem) {
    diag.error('spanledger:', problem)
    return span
  }
}

function shadow(span: Span, started: Started): Span {
  const { context, options, scope } = started
  if (isTransportScope(scope.name) || (options?.attributes && isTransportSpan(options.attributes))) return span
  const audience = watchers.filter(({ isRecording, audience }) => isRecording && audience.isOnIn(context))
  if (audience.length === 0) return span
  if (context.getValue(SUPPRESSED) === true) {
    for (const watcher of audience) watcher.suppressed++
    return span
  }
  const ids = span.spanContext()
  const isOwn = isPlain(span) && isSpanContextValid(ids) && !isPassedOn(ids, started)
  const shown = shadowOf(isOwn ? ids : undefined, span, started, audience)
  for (const watcher of audience) {
    watcher.shadows++
    watcher.audience.onStart(shown, context)
  }
  if (isOwn) return shown
  // A provider of its own kind knows its spans by more than their ids; and without a provider a span has no ids to propagate.
  mirror(span, shown)
  return span
}

/**
 * Lets processors follow a recording span that none of their hooks was called for. A span as the SDKs make them is followed
 * itself; any other by a shadow, to which it passes on its calls.
 */
export function observe(span: Span, started: Started, by: readonly Watcher[]): Span {
  const known = mirrorOf(span)
  const unaware = by.filter(
    ({ lastSeen, isRecording, audience }) =>
      lastSeen !== span &&
      (known === undefined || lastSeen !== known) &&
      isRecording &&
      !audience.hasSeen(span) &&
      !(known && audience.hasSeen(known)),
  )
  if (unaware.length === 0) return span
  const followed = isReadable(span) ? span : shadowOf(undefined, span, started, unaware)
  for (const watcher of unaware) {
    watcher.observed++
    watcher.audience.onStart(followed, started.context)
  }
  if (followed === span) onceEnded(span, () => reportEnd(unaware, followed))
  else mirror(span, followed as ShadowSpan)
  return span
}

/** @param ids - the very ids of the span that the application gets; made here, or copied, where it keeps another span */
function shadowOf(
  ids: SpanContext | undefined,
  span: Span,
  { name, options, context, scope }: Started,
  audience: readonly Watcher[],
): ShadowSpan {
  const parent = options?.root ? undefined : spanIn(context)?.spanContext()
  const enclosing = parent && isSpanContextValid(parent) ? parent : undefined
  const spanContext = ids ?? ownIds(span.spanContext(), enclosing)
  return new ShadowSpan({
    name,
    kind: options?.kind ?? SpanKind.INTERNAL,
    spanContext,
    parentSpanContext: enclosing?.traceId === spanContext.traceId ? enclosing : undefined,
    scope,
    attributes: (span as { attributes?: Attributes }).attributes ?? options?.attributes,
    links: options?.links,
    startTime: options?.startTime,
    onEnd: (ended) => reportEnd(audience, ended),
  })
}

/** The ids that a span has, or new ones where it only passes on those of its parent, or has none. */
function ownIds(ids: SpanContext, enclosing: SpanContext | undefined): SpanContext {
  if (isSpanContextValid(ids) && ids.spanId !== enclosing?.spanId) return ids
  return {
    traceId: enclosing?.traceId ?? (isSpanContextValid(ids) ? ids.traceId : randomHex(16)),
    spanId: randomHex(8),
    traceFlags: TraceFlags.NONE,
  }
}

/** Without a provider a span has the ids of its parent. */
function isPassedOn(ids: SpanContext, { context, options }: Started): boolean {
  return !options?.root && spanIn(context)?.spanContext().spanId === ids.spanId
}

/** A non-recording span of the API has nothing but its ids. */
function isPlain(span: Span): boolean {
  return Reflect.ownKeys(span).length <= 1
}

/** Tells whether the processor can read the span itself. */
function isReadable(span: Span): span is Span & OpenSpan {
  const { attributes, events, startTime } = span as Partial<SpanLike>
  return typeof attributes === 'object' && Array.isArray(events) && Array.isArray(startTime)
}

function reportEnd(by: readonly Watcher[], span: SpanLike): void {
  for (const { audience } of by) audience.onEnd(span)
}

function randomHex(bytes: number): string {
  return randomBytes(bytes).toString('hex')
}
