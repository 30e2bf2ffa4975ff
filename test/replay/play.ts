import {
  type Attributes,
  type Context,
  context,
  type HrTime,
  type Span,
  type SpanContext,
  trace,
} from '@opentelemetry/api'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { type IdGenerator, type SpanLimits, TracerProvider } from '@opentelemetry/sdk-trace'
import type { LogRecordLike } from '../../src/otel/log-record.js'
import type { AuditLogRecordProcessor } from '../../src/otel/log-records.js'
import type { AuditSpanProcessor } from '../../src/otel/processor.js'
import type { SpanLike } from '../../src/otel/span.js'
import type { RecordedLog, RecordedSpan, Recording } from './recording.js'

/** Gives spans the ids they were recorded with. */
class RecordedIds implements IdGenerator {
  next: SpanContext | undefined

  generateTraceId(): string {
    return this.next?.traceId ?? ''
  }

  generateSpanId(): string {
    return this.next?.spanId ?? ''
  }
}

interface Step {
  readonly seq: number
  readonly time: HrTime
  readonly span: RecordedSpan
  readonly ends: boolean
}

/**
 * Plays a recording through a real SDK provider: spans start and end in the order in which they did, attributes appear
 * when they did (at the start, within the turn of the start, or before the end), leaked spans stay open.
 */
export async function play(
  recording: Recording,
  audit: AuditSpanProcessor,
  logRecords?: AuditLogRecordProcessor,
  spanLimits?: SpanLimits,
): Promise<void> {
  const ids = new RecordedIds()
  const resource = resourceFromAttributes(recording.spans[0]?.resource?.attributes ?? {})
  const provider = new TracerProvider({
    idGenerator: ids,
    resource,
    spanProcessors: [audit],
    ...(spanLimits && { spanLimits }),
  })
  const open = new Map<string, Span>()
  const logs = [...recording.logs]
  const emitUntil = (time: HrTime) => {
    while (logs[0] && isBefore(logs[0].hrTime, time)) emit(logs.shift() as RecordedLog, logRecords)
  }
  for (const { span, ends, time } of stepsOf(recording)) {
    emitUntil(time)
    if (ends) end(open.get(span.spanId) as Span, span)
    else {
      ids.next = { traceId: span.traceId, spanId: span.spanId, traceFlags: 1 }
      const { name, version } = span.instrumentationScope
      const tracer = provider.getTracer(name, version)
      const { kind, startTime, start, links = [] } = span
      const options = { kind, startTime, attributes: start.attributes, links: [...links] }
      const started = tracer.startSpan(start.name, options, parentContext(span, open))
      started.setAttributes(lateAttributes(span))
      open.set(span.spanId, started)
    }
    await microtasks()
  }
  emitUntil([Number.POSITIVE_INFINITY, 0])
}

/** The way in which a recording is delivered after the fact: the batches in which its spans come, and what happens in between. */
export interface Way {
  readonly batches: (spans: readonly SpanLike[]) => readonly (readonly SpanLike[])[]
  readonly between?: () => void
}

const WHOLE: Way = { batches: (spans) => [spans] }

/** Delivers a recording after the fact: each span whole, as plain data, in the order in which they ended. */
export async function deliver(
  recording: Recording,
  audit: AuditSpanProcessor,
  _logRecords?: AuditLogRecordProcessor,
  { batches, between }: Way = WHOLE,
): Promise<void> {
  const { spans, logRecords } = deliveryOf(recording)
  for (const batch of batches(spans)) {
    audit.deliver({ spans: batch })
    between?.()
  }
  audit.deliver({ logRecords })
  await audit.forceFlush()
}

/** A recording as plain data: its spans in the order in which they ended, and its log records. */
export function deliveryOf(recording: Recording): { spans: readonly SpanLike[]; logRecords: readonly LogRecordLike[] } {
  const { resource } = recording.spans[0] ?? {}
  const logRecords = recording.logs.map((log) => ({ ...(resource && { resource }), ...log }))
  return { spans: endedSpans(recording).map(asDelivered), logRecords }
}

/** Tells a recording afterwards through an SDK: each span is started and ended at once, in the order in which they ended. */
export async function retell(
  recording: Recording,
  audit: AuditSpanProcessor,
  logRecords?: AuditLogRecordProcessor,
): Promise<void> {
  const spans = endedSpans(recording).map((span, index): RecordedSpan => {
    const { name, attributes } = span
    return { ...span, start: { seq: 2 * index, name, attributes }, endSeq: 2 * index + 1 }
  })
  await play({ ...recording, spans }, audit, logRecords)
}

function endedSpans({ spans }: Recording): RecordedSpan[] {
  const ended = spans.filter(({ endSeq }) => endSeq !== null)
  return ended.sort((a, b) => (a.endSeq as number) - (b.endSeq as number))
}

/** A span as it is read from a file. */
function asDelivered(span: RecordedSpan): SpanLike {
  const { traceId, spanId, parentSpanId, name, kind, startTime, attributes, events, links } = span
  const ids = { traceId, spanId, traceFlags: 1 }
  return {
    name,
    kind,
    spanContext: () => ids,
    ...(parentSpanId !== undefined && { parentSpanContext: { traceId, spanId: parentSpanId, traceFlags: 1 } }),
    startTime,
    endTime: span.endTime ?? startTime,
    status: span.status ?? { code: 0 },
    attributes,
    events,
    ...(links && { links }),
    resource: span.resource ?? { attributes: {} },
    instrumentationScope: span.instrumentationScope,
  }
}

function emit(log: RecordedLog, logRecords: AuditLogRecordProcessor | undefined): void {
  const within = log.spanContext ? trace.setSpanContext(context.active(), log.spanContext) : context.active()
  logRecords?.onEmit(log, within)
}

function isBefore(one: HrTime, other: HrTime): boolean {
  return one[0] < other[0] || (one[0] === other[0] && one[1] < other[1])
}

function stepsOf({ spans }: Recording): readonly Step[] {
  const steps = spans.flatMap((span): Step[] => [
    { seq: span.start.seq, time: span.startTime, span, ends: false },
    ...(span.endSeq === null ? [] : [{ seq: span.endSeq, time: span.endTime ?? span.startTime, span, ends: true }]),
  ])
  return steps.sort((a, b) => a.seq - b.seq)
}

function parentContext(span: RecordedSpan, open: ReadonlyMap<string, Span>): Context {
  if (span.parentSpanId === undefined) return context.active()
  const parent = open.get(span.parentSpanId)
  if (parent) return trace.setSpan(context.active(), parent)
  const { traceId, parentSpanId: spanId } = span
  return trace.setSpanContext(context.active(), { traceId, spanId, traceFlags: 1 })
}

/** Attributes set after the start, but in the same turn. */
function lateAttributes({ attributes, start }: RecordedSpan): Attributes {
  const late = (start.keysAfterMicrotask ?? []).filter((key) => !Object.hasOwn(start.attributes, key))
  return Object.fromEntries(late.map((key) => [key, attributes[key]]))
}

function end(started: Span, span: RecordedSpan): void {
  started.setAttributes(span.attributes)
  for (const { name, time, attributes } of span.events) started.addEvent(name, attributes, time)
  if (span.name !== span.start.name) started.updateName(span.name)
  if (span.status && span.status.code !== 0) started.setStatus(span.status)
  started.end(span.endTime ?? undefined)
}

/** Lets everything run that waits for the end of the current turn. */
async function microtasks(): Promise<void> {
  for (let i = 0; i < 3; i++) await Promise.resolve()
}
