import type { HrTime } from '@opentelemetry/api'
import type { SpanEventLike } from '../span.js'
import { Heap } from './heap.js'
import type { TakenLogRecord, TakenSpan } from './taken.js'

/** One moment of what was delivered. */
export type Step =
  | { readonly kind: 'start'; readonly span: TakenSpan }
  | { readonly kind: 'event'; readonly span: TakenSpan; readonly event: SpanEventLike }
  | { readonly kind: 'end'; readonly span: TakenSpan }
  | { readonly kind: 'log'; readonly log: TakenLogRecord }

/** A span and its place in time and among the others. */
interface Lifetime {
  readonly span: TakenSpan
  readonly arrival: number
  parent: Lifetime | undefined
  readonly children: Lifetime[]
  readonly logs: TakenLogRecord[]
  /** No earlier than that of the parent. */
  start: HrTime
  /** No earlier than the start. */
  end: HrTime
  depth: number
  isPlaced: boolean
  hasStarted: boolean
}

/** A step that is to come, of a span that has started. */
interface Pending {
  readonly time: HrTime
  readonly depth: number
  readonly arrival: number
  /** Its place among the steps of the span. */
  readonly index: number
  readonly step: Step
  readonly of: Lifetime | undefined
}

/**
 * Returns spans and log records as the steps in which things happened, whatever the order in which they arrived. A parent
 * starts before its children. Clocks are coarse, so much happens at the same moment: then spans that have nothing to do
 * with each other followed one another, and what is inside ends first.
 *
 *     parent  ├──────────────────────────┤        start parent, start a, end a, start b, end b, end parent
 *     a         ├────────┤
 *     b                  ├───────────────┤
 */
export function courseOf(spans: readonly TakenSpan[], logs: readonly TakenLogRecord[]): readonly Step[] {
  return new Course(spans, logs).run()
}

/** Identifies a span among all that were delivered. */
export function keyOf({ traceId, spanId }: { traceId: string; spanId: string }, origin: string): string {
  return `${origin} ${traceId} ${spanId}`
}

class Course {
  readonly #steps: Step[] = []
  readonly #lifetimes: readonly Lifetime[]
  readonly #pending = new Heap<Pending>(isBefore)

  constructor(spans: readonly TakenSpan[], logs: readonly TakenLogRecord[]) {
    this.#lifetimes = lifetimesOf(spans)
    this.#addLogs(logs)
  }

  run(): readonly Step[] {
    const inOrder = [...this.#lifetimes].sort((a, b) => compare(a.start, b.start) || a.arrival - b.arrival)
    for (const lifetime of inOrder) if (!lifetime.hasStarted) this.#startAround(lifetime)
    for (let next = this.#pending.pop(); next; next = this.#pending.pop()) this.#steps.push(next.step)
    return this.#steps
  }

  #addLogs(logs: readonly TakenLogRecord[]): void {
    const byKey = new Map(this.#lifetimes.map((lifetime) => [keyOf(lifetime.span.ids, lifetime.span.origin), lifetime]))
    for (const [index, log] of logs.entries()) {
      const within = log.ids && byKey.get(keyOf(log.ids, log.origin))
      if (within) within.logs.push(log)
      else this.#pending.push({ ...pendingLog(log, index), time: log.time })
    }
  }

  /** Starts the spans around that began at the same moment, this one, and those inside that did. */
  #startAround(lifetime: Lifetime): void {
    let outermost = lifetime
    while (outermost.parent && !outermost.parent.hasStarted) outermost = outermost.parent
    const open = [outermost]
    for (let next = open.pop(); next; next = open.pop()) {
      if (next.hasStarted) continue
      this.#passTo(next)
      this.#start(next)
      const { start, children } = next
      for (const child of children.toReversed()) if (compare(child.start, start) === 0) open.push(child)
    }
  }

  /** Takes the steps until this span starts. What ended at that very moment had ended, but for what is around it. */
  #passTo(lifetime: Lifetime): void {
    const later: Pending[] = []
    for (;;) {
      const next = this.#pending.peek()
      const order = next ? compare(next.time, lifetime.start) : 1
      if (!next || order > 0) break
      this.#pending.pop()
      if (order === 0 && next.step.kind === 'end' && isInside(lifetime, next.of)) later.push(next)
      else this.#steps.push(next.step)
    }
    for (const pending of later) this.#pending.push(pending)
  }

  #start(lifetime: Lifetime): void {
    const { span, start, end, depth, arrival, logs } = lifetime
    lifetime.hasStarted = true
    this.#steps.push({ kind: 'start', span })
    let time = start
    let index = 0
    for (const event of span.events) {
      time = latest(time, earliest(sortable(event.time, time), end))
      const step = { kind: 'event', span, event } as const
      this.#pending.push({ time, depth, arrival, index: index++, step, of: lifetime })
    }
    for (const log of logs) {
      this.#pending.push({ ...pendingLog(log, arrival), depth, time: latest(start, log.time), index: index++ })
    }
    this.#pending.push({ time: end, depth, arrival, index, step: { kind: 'end', span }, of: lifetime })
  }
}

function pendingLog(log: TakenLogRecord, arrival: number): Pending {
  return { time: log.time, depth: 0, arrival, index: 0, step: { kind: 'log', log }, of: undefined }
}

function lifetimesOf(spans: readonly TakenSpan[]): readonly Lifetime[] {
  const lifetimes = spans.map((span, arrival): Lifetime => {
    const start = sortable(span.startTime, sortable(span.endTime, [0, 0]))
    const end = latest(start, sortable(span.endTime, start))
    const unplaced = { parent: undefined, children: [], logs: [], depth: 0, isPlaced: false, hasStarted: false }
    return { span, arrival, start, end, ...unplaced }
  })
  const byKey = new Map(lifetimes.map((lifetime) => [keyOf(lifetime.span.ids, lifetime.span.origin), lifetime]))
  for (const lifetime of lifetimes) {
    const { parent, origin } = lifetime.span
    lifetime.parent = parent && byKey.get(keyOf(parent, origin))
  }
  for (const lifetime of lifetimes) placeBelow(lifetime)
  for (const lifetime of lifetimes) lifetime.parent?.children.push(lifetime)
  return lifetimes
}

/** Places a span, and those around it first. Spans that name one another as parents are no tree: the circle is cut. */
function placeBelow(lifetime: Lifetime): void {
  const path = new Set<Lifetime>()
  for (let next: Lifetime | undefined = lifetime; next && !next.isPlaced; next = next.parent) {
    path.add(next)
    if (next.parent && path.has(next.parent)) next.parent = undefined
  }
  for (const next of [...path].reverse()) {
    next.isPlaced = true
    if (!next.parent) continue
    next.depth = next.parent.depth + 1
    next.start = latest(next.start, next.parent.start)
    next.end = latest(next.end, next.start)
  }
}

function isInside(lifetime: Lifetime, other: Lifetime | undefined): boolean {
  for (let above = lifetime.parent; above; above = above.parent) if (above === other) return true
  return false
}

function isBefore(a: Pending, b: Pending): boolean {
  return (compare(a.time, b.time) || b.depth - a.depth || a.arrival - b.arrival || a.index - b.index) < 0
}

function compare(a: HrTime, b: HrTime): number {
  return a[0] - b[0] || a[1] - b[1]
}

function latest(a: HrTime, b: HrTime): HrTime {
  return compare(a, b) < 0 ? b : a
}

function earliest(a: HrTime, b: HrTime): HrTime {
  return compare(b, a) < 0 ? b : a
}

function sortable(time: HrTime | undefined, otherwise: HrTime): HrTime {
  return Number.isFinite(time?.[0]) && Number.isFinite(time?.[1]) ? (time as HrTime) : otherwise
}
