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

/** A span and its position in time and among the others. */
interface Lifetime {
  readonly span: TakenSpan
  readonly arrival: number
  parent: Lifetime | undefined
  readonly children: Lifetime[]
  readonly logs: TakenLogRecord[]
  /** No earlier than that of the parent. */
  start: HrTime
  /** No earlier than the start, nor than what is inside and ended by a hair later. */
  end: HrTime
  depth: number
  /** Its number in the tree, and the highest of those inside. */
  number: number
  lastInside: number
  isPlaced: boolean
  hasStarted: boolean
  /** Children that have not started yet. */
  toStart: number
}

/** SDKs cut the time at which a span starts to whole milliseconds, so that its end is as much too early. */
const CLOCK_SLACK_NANOS = 1_000_000

/** Steps that are found to come later each time that a span starts. */
const MAX_LATER = 64

/** A step that is to come, of a span that has started. */
interface Pending {
  readonly time: HrTime
  readonly depth: number
  readonly arrival: number
  /** Its position among the steps of the span. */
  readonly index: number
  readonly step: Step
  readonly of: Lifetime | undefined
}

/**
 * Returns spans and log records as the steps in which things happened, whatever the order in which they arrived. A parent
 * starts before its children. Clocks are coarse, so much happens at the same moment: then what is inside ends first, and
 * spans that have nothing to do with each other followed one another.
 *
 *     parent  ├──────────────────────────┤        start parent, start a, end a, start b, end b, end parent
 *     a         ├────────┤
 *     b                  ├───────────────┤
 */
export function stepsInOrder(spans: readonly TakenSpan[], logs: readonly TakenLogRecord[]): readonly Step[] {
  return new StepOrder(spans, logs).run()
}

/** Identifies a span among all that were delivered. */
export function keyOf({ traceId, spanId }: { traceId: string; spanId: string }, origin: string): string {
  return `${origin} ${traceId} ${spanId}`
}

class StepOrder {
  readonly #steps: Step[] = []
  readonly #lifetimes: readonly Lifetime[]
  readonly #pending = new Heap<Pending>(isBefore)

  constructor(spans: readonly TakenSpan[], logs: readonly TakenLogRecord[]) {
    this.#lifetimes = lifetimesOf(spans)
    this.#addLogs(logs)
  }

  run(): readonly Step[] {
    const inOrder = [...this.#lifetimes].sort(byStart)
    for (const lifetime of inOrder) if (!lifetime.hasStarted) this.#startFromOutermost(lifetime)
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
  #startFromOutermost(lifetime: Lifetime): void {
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

  /** Takes the steps until this span starts. */
  #passTo(lifetime: Lifetime): void {
    const later: Pending[] = []
    const until = plus(lifetime.start, CLOCK_SLACK_NANOS)
    while (later.length < MAX_LATER) {
      const next = this.#pending.peek()
      if (!next || compare(next.time, until) > 0) break
      this.#pending.pop()
      if (isOver(next, lifetime)) this.#steps.push(next.step)
      else later.push(next)
    }
    for (const pending of later) this.#pending.push(pending)
  }

  #start(lifetime: Lifetime): void {
    const { span, start, end, depth, arrival, logs } = lifetime
    lifetime.hasStarted = true
    if (lifetime.parent) lifetime.parent.toStart--
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
    const unplaced = {
      parent: undefined,
      children: [],
      logs: [],
      depth: 0,
      number: 0,
      lastInside: 0,
      isPlaced: false,
      hasStarted: false,
      toStart: 0,
    }
    return { span, arrival, start, end, ...unplaced }
  })
  const byKey = new Map(lifetimes.map((lifetime) => [keyOf(lifetime.span.ids, lifetime.span.origin), lifetime]))
  for (const lifetime of lifetimes) {
    const { parent, origin } = lifetime.span
    lifetime.parent = parent && byKey.get(keyOf(parent, origin))
  }
  for (const lifetime of lifetimes) placeBelow(lifetime)
  const inTime = lifetimes.toSorted(byTime)
  for (const lifetime of inTime) {
    if (lifetime.parent) lifetime.parent.toStart = lifetime.parent.children.push(lifetime)
  }
  for (const lifetime of inTreeOrder(inTime).reverse()) {
    endAfterChildren(lifetime)
    lifetime.lastInside = Math.max(lifetime.number, lifetime.children.at(-1)?.lastInside ?? 0)
  }
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

/** Numbers the spans so that those inside of one follow it. */
function inTreeOrder(lifetimes: readonly Lifetime[]): Lifetime[] {
  const inOrder: Lifetime[] = []
  const open = lifetimes.filter(({ parent }) => parent === undefined).reverse()
  for (let next = open.pop(); next; next = open.pop()) {
    next.number = inOrder.push(next)
    for (const child of next.children.toReversed()) open.push(child)
  }
  return inOrder
}

/** A span that ended a hair before what is inside of it, or before that began, ended after it. */
function endAfterChildren(lifetime: Lifetime): void {
  const until = plus(lifetime.end, CLOCK_SLACK_NANOS)
  for (const { start, end } of lifetime.children) {
    if (compare(end, until) <= 0) lifetime.end = latest(lifetime.end, end)
    else if (compare(start, until) <= 0) lifetime.end = latest(lifetime.end, start)
  }
}

/** Those that end first come first, as they do where they follow one another within the same moment. */
function byTime(a: Lifetime, b: Lifetime): number {
  return compare(a.start, b.start) || compare(a.end, b.end) || a.arrival - b.arrival
}

/**
 * At the same moment spans that belong to no tree come first, the longest first: they may be around one another. Of the
 * others, what is inside of something that began earlier comes before what follows that.
 */
function byStart(a: Lifetime, b: Lifetime): number {
  const [isLone, isOtherLone] = [isLoneSpan(a), isLoneSpan(b)]
  return (
    compare(a.start, b.start) ||
    Number(isOtherLone) - Number(isLone) ||
    (isLone ? compare(b.end, a.end) : 0) ||
    a.number - b.number
  )
}

function isLoneSpan({ span, children }: Lifetime): boolean {
  return span.parent === undefined && children.length === 0
}

/**
 * Tells whether a step comes before a span starts. At the same moment, or a hair later, that is so of the end of a span
 * that neither is around it nor lasts longer.
 */
function isOver({ time, step, of }: Pending, starting: Lifetime): boolean {
  const order = compare(time, starting.start)
  if (order < 0) return true
  if (step.kind === 'log' || !of) return order === 0
  if (isInside(starting, of)) return order === 0 && step.kind === 'event'
  return of.toStart === 0 && (order === 0 || compare(of.end, starting.end) < 0)
}

function isInside(lifetime: Lifetime, other: Lifetime): boolean {
  return other.number < lifetime.number && lifetime.number <= other.lastInside
}

function isBefore(a: Pending, b: Pending): boolean {
  return (compare(a.time, b.time) || b.depth - a.depth || a.arrival - b.arrival || a.index - b.index) < 0
}

function plus([seconds, nanos]: HrTime, more: number): HrTime {
  const sum = nanos + more
  return sum < 1e9 ? [seconds, sum] : [seconds + 1, sum - 1e9]
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
