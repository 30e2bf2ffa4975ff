import { createHash } from 'node:crypto'
import type { Attributes, HrTime, Link, SpanContext, SpanStatus, TimeInput } from '@opentelemetry/api'
import { fromMillis, toHrTime } from '../hr-time.js'
import type { LogRecordLike } from '../log-record.js'
import { type InstrumentationScope, parentSpanIdOf, type SpanEventLike, type SpanLike, scopeOf } from '../span.js'

/** A copy of a delivered span, which nobody can change any more. */
export interface TakenSpan {
  readonly name: string
  readonly kind: number
  readonly ids: SpanContext
  readonly parent: SpanContext | undefined
  readonly startTime: HrTime
  readonly endTime: HrTime
  readonly status: SpanStatus
  readonly attributes: Attributes
  readonly events: readonly SpanEventLike[]
  readonly links: readonly Link[]
  readonly droppedAttributesCount: number
  readonly droppedEventsCount: number
  readonly resource: SpanLike['resource']
  readonly scope: InstrumentationScope
  /** The sender. */
  readonly source: string
  /** The sender and the resource: a span and its parent have this in common. */
  readonly origin: string
}

/** A copy of a delivered log record. */
export interface TakenLogRecord {
  readonly record: LogRecordLike
  readonly ids: SpanContext | undefined
  readonly time: HrTime
  readonly source: string
  readonly origin: string
}

/** Fields of a span that SDKs have and this package's own type of a span does not. */
interface RestOfSpan {
  readonly links?: readonly Link[] | undefined
  readonly droppedAttributesCount?: number | undefined
}

const UNSET: SpanStatus = Object.freeze({ code: 0 })

/** @returns a copy of the span; nothing for what is no span, or has not ended */
export function takeSpan(span: SpanLike & RestOfSpan, source: string): TakenSpan | undefined {
  // Attacker-controlled: a span as somebody delivered it, whose getters may throw; copied once, ids of at most 64
  // characters, and what waits is bounded by WaitingTraces.
  const ids = idsOf(span.spanContext())
  if (!ids || !isTime(span.startTime) || !hasEnded(span)) return undefined
  const [startTime, endTime] = [takeTime(span.startTime), takeTime(span.endTime)]
  const parentId = parentSpanIdOf(span)
  return {
    name: textOf(span.name),
    kind: span.kind,
    ids,
    parent: isId(parentId) ? { traceId: ids.traceId, spanId: parentId, traceFlags: 1 } : undefined,
    startTime: [startTime[0], startTime[1]],
    endTime: [endTime[0], endTime[1]],
    status: { ...UNSET, ...span.status },
    attributes: { ...span.attributes },
    events: [...(span.events ?? [])].map((event) => takeEvent(event, span.startTime)),
    links: [...(span.links ?? [])],
    droppedAttributesCount: span.droppedAttributesCount ?? 0,
    droppedEventsCount: span.droppedEventsCount ?? 0,
    resource: span.resource,
    scope: scopeOf(span),
    source,
    origin: originOf(source, span.resource),
  }
}

/** An event may have a time of any form, or none: it is then as early as its span. */
function takeEvent({ name, time, attributes, ...rest }: SpanEventLike, start: HrTime): SpanEventLike {
  return { ...rest, name: textOf(name), time: takeTime(isTime(time) ? time : start), attributes: { ...attributes } }
}

function textOf(name: unknown): string {
  return typeof name === 'string' ? name : ''
}

/** @returns a copy of the log record; nothing for what is none */
export function takeLogRecord(record: LogRecordLike, source: string): TakenLogRecord | undefined {
  // Attacker-controlled: a log record as somebody delivered it; bounded in the same way.
  const { hrTime, spanContext, attributes } = record
  if (typeof attributes !== 'object' || attributes === null) return undefined
  return {
    record: { ...record, attributes: { ...attributes } },
    ids: spanContext && idsOf(spanContext),
    time: isTime(hrTime) ? takeTime(hrTime) : toHrTime(undefined),
    source,
    origin: originOf(source, record.resource),
  }
}

/** Tells whether a span has come to its end. */
export function hasEnded({ endTime }: SpanLike): boolean {
  if (!isTime(endTime) || (endTime[0] === 0 && endTime[1] === 0)) return false
  return true
}

/** About as many bytes as the text and the attributes of the span take. */
export function sizeOf({ name, attributes, events }: TakenSpan): number {
  let size = 500 + name.length + sizeOfAttributes(attributes)
  for (const event of events) size += 100 + sizeOfAttributes(event.attributes ?? {})
  return size
}

/** Likewise of a log record. */
export function sizeOfRecord({ record }: TakenLogRecord): number {
  return 500 + sizeOfAttributes(record.attributes)
}

function sizeOfAttributes(attributes: Readonly<Record<string, unknown>>): number {
  let size = 0
  for (const [key, value] of Object.entries(attributes)) size += 16 + key.length + sizeOfValue(value)
  return size
}

function sizeOfValue(value: unknown): number {
  if (typeof value === 'string') return value.length
  return Array.isArray(value) ? value.reduce<number>((sum, item) => sum + 16 + sizeOfValue(item), 0) : 8
}

const origins = new WeakMap<object, Map<string, string>>()
const MAX_SOURCES_OF_RESOURCE = 64

/** Identifies a resource, as one sender names it, in few characters. */
function originOf(source: string, resource: LogRecordLike['resource']): string {
  if (!resource) return digestOf([source])
  const known = origins.get(resource)?.get(source)
  if (known !== undefined) return known
  const attributes = Object.entries(resource.attributes ?? {}).sort(([a], [b]) => (a < b ? -1 : 1))
  const origin = digestOf([source, attributes])
  const bySource = origins.get(resource) ?? new Map<string, string>()
  if (bySource.size < MAX_SOURCES_OF_RESOURCE) bySource.set(source, origin)
  origins.set(resource, bySource)
  return origin
}

/** Returns a short digest of a value, the same for equal ones. */
export function digestOf(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('base64').slice(0, 22)
}

function idsOf(ids: Partial<SpanContext> | undefined): SpanContext | undefined {
  const { traceId, spanId, traceFlags = 1 } = ids ?? {}
  return isId(traceId) && isId(spanId) ? { traceId, spanId, traceFlags } : undefined
}

/** Ids that are longer than any trace id may be anything, such as an attempt to fill the memory. */
const MAX_ID_LENGTH = 64

function isId(id: unknown): id is string {
  return typeof id === 'string' && id !== '' && id.length <= MAX_ID_LENGTH && !/^0+$/.test(id)
}

/** A number is no reading of this process's clock, which live spans may have. */
function takeTime(time: TimeInput): HrTime {
  return typeof time === 'number' ? fromMillis(time) : toHrTime(time)
}

/** Files may hold times as the API of OpenTelemetry takes them: numbers and dates. */
function isTime(time: unknown): time is HrTime {
  if (Array.isArray(time)) return typeof time[0] === 'number' && typeof time[1] === 'number'
  return typeof time === 'number' || time instanceof Date
}
