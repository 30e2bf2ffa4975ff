import { type Context, context, diag, ROOT_CONTEXT, type SpanContext, trace } from '@opentelemetry/api'
import { timestampFromMillis } from '../../events/index.js'
import type { LogRecordLike } from '../log-record.js'
import { RecentMap } from '../recent-map.js'
import type { SpanEventLike, SpanLike } from '../span.js'
import type { Tracker } from '../tracking/tracker.js'
import type { Delivery, DeliveryResult } from './delivery.js'
import { SpanView } from './span-view.js'
import { keyOf, type Step, stepsInOrder } from './steps.js'
import { digestOf, type TakenLogRecord, type TakenSpan, takeLogRecord, takeSpan } from './taken.js'
import { type WaitingTrace, WaitingTraces } from './waiting-traces.js'

/** Spans and log records that are remembered as delivered, so that they count once: at least so many, at most twice as many. */
const MAX_DELIVERED = 32_768
/** Spans that one which comes later finds as its parent, likewise. */
const MAX_KNOWN = 16_384

const NOTHING_DELIVERED: DeliveryResult = Object.freeze({ accepted: 0, repeated: 0, malformed: 0 })

export interface DeliveriesOptions {
  readonly tracker: Tracker
  readonly waitMillis: number
  readonly nowMillis: () => number
  readonly onLogRecord: (record: LogRecordLike, within: Context) => void
  /** Reports that something delivered could not be read. */
  readonly onMalformed: (count: number) => void
  readonly onProblem: (problem: unknown) => void
}

/**
 * Takes spans that are delivered after the fact, waits until a trace is whole, and lets the tracker see it happen again, in
 * the order of its times. Nothing of what is active meanwhile in this process has a part in it.
 */
export class Deliveries {
  readonly #options: DeliveriesOptions
  readonly #waiting: WaitingTraces
  /** Spans and log records that were delivered. */
  readonly #delivered = new RecentMap<string, true>(MAX_DELIVERED)
  /** Spans that were translated, or are awaited by their children. */
  readonly #known = new RecentMap<string, SpanView>(MAX_KNOWN)
  /** Of these, those that are being translated just now. */
  readonly #open = new Map<string, SpanView>()
  #hasWarnedOfExcess = false

  constructor(options: DeliveriesOptions) {
    this.#options = options
    this.#waiting = new WaitingTraces(options.waitMillis)
  }

  /** Takes a delivery. What it is given is copied. Never throws. */
  take({ spans = [], logRecords = [], source = '' }: Delivery): DeliveryResult {
    const counts = { ...NOTHING_DELIVERED }
    for (const span of spans) counts[this.#takeEach(() => this.#takeSpan(span, source))]++
    for (const record of logRecords) counts[this.#takeEach(() => this.#takeLogRecord(record, source))]++
    if (counts.malformed > 0) this.#options.onMalformed(counts.malformed)
    this.#freeRoom()
    return counts
  }

  /** Translates what is whole by now. @param all - everything that has come */
  translate({ all }: { readonly all: boolean }): void {
    if (this.#waiting.size === 0) return
    this.#translate(all ? this.#waiting.takeAll() : this.#waiting.takeRipe(this.#options.nowMillis()))
  }

  #takeEach(take: () => keyof DeliveryResult): keyof DeliveryResult {
    try {
      return take()
    } catch {
      return 'malformed' // a getter threw, or it is no object at all
    }
  }

  #takeSpan(span: SpanLike, source: string): keyof DeliveryResult {
    const taken = takeSpan(span, source)
    if (!taken) return 'malformed'
    const { tracker } = this.#options
    // A span whose run has been given up may be delivered again.
    if (tracker.delivered.hasSeenLive(taken.ids) && !tracker.delivered.hasGivenUp(taken.ids)) return 'repeated'
    // Not by its resource, which a second way here may have changed.
    if (this.#isRepeated(keyOf(taken.ids, source))) return 'repeated'
    this.#waiting.addSpan(taken, this.#options.nowMillis())
    return 'accepted'
  }

  #takeLogRecord(record: LogRecordLike, source: string): keyof DeliveryResult {
    const taken = takeLogRecord(record, source)
    if (!taken) return 'malformed'
    const { eventName, attributes } = taken.record
    const content = [source, taken.ids, taken.time, eventName, attributes]
    if (this.#isRepeated(digestOf(content))) return 'repeated'
    this.#waiting.addLog(taken, this.#options.nowMillis())
    return 'accepted'
  }

  #isRepeated(key: string): boolean {
    if (this.#delivered.get(key)) return true
    this.#delivered.set(key, true)
    return false
  }

  #freeRoom(): void {
    const excess = this.#waiting.takeExcess()
    if (excess.length === 0) return
    if (!this.#hasWarnedOfExcess) {
      diag.warn(
        'spanledger: more spans are delivered than can wait; the oldest traces are translated before they are whole.',
      )
    }
    this.#hasWarnedOfExcess = true
    this.#translate(excess)
  }

  #translate(traces: readonly WaitingTrace[]): void {
    if (traces.length === 0) return
    const steps = stepsInOrder(
      traces.flatMap(({ spans }) => spans),
      traces.flatMap(({ logs }) => logs),
    )
    context.with(ROOT_CONTEXT, () => {
      for (const step of steps) this.#safely(() => this.#options.tracker.as(sourceOf(step), () => this.#take(step)))
    })
  }

  #safely(action: () => void): void {
    try {
      action()
    } catch (problem) {
      this.#options.onProblem(problem)
    }
  }

  #take(step: Step): void {
    switch (step.kind) {
      case 'start':
        this.#start(step.span)
        return
      case 'event':
        this.#addEvent(step.span, step.event)
        return
      case 'end':
        this.#end(step.span)
        return
      case 'log':
        this.#log(step.log)
        return
      default:
        step satisfies never
    }
  }

  #start(span: TakenSpan): void {
    // Its start was seen live: only its end is new.
    if (this.#options.tracker.delivered.hasSeenLive(span.ids)) return
    const key = keyOf(span.ids, span.origin)
    const view = this.#known.get(key) ?? new SpanView(span.ids)
    view.arrive(span)
    this.#known.set(key, view)
    this.#open.set(key, view)
    const parent = span.parent && this.#parentOf(span, span.parent)
    this.#options.tracker.delivered.start(view, parent, span.origin)
  }

  /** The parent that was delivered, or is awaited; none where it is a span of somebody else. */
  #parentOf({ ids, origin }: TakenSpan, parent: SpanContext): SpanView | undefined {
    const known = this.#viewOf(parent, origin)
    if (known || this.#options.tracker.delivered.knows(parent)) return known
    const awaited = new SpanView(parent)
    this.#known.set(keyOf(parent, origin), awaited)
    this.#options.tracker.delivered.waitFor(awaited, ids)
    return awaited
  }

  #addEvent({ ids, origin }: TakenSpan, event: SpanEventLike): void {
    const view = this.#open.get(keyOf(ids, origin))
    if (!view) return
    view.happen(event)
    this.#options.tracker.delivered.addEvent(view, event)
  }

  #end(span: TakenSpan): void {
    const key = keyOf(span.ids, span.origin)
    const view = this.#open.get(key)
    if (!view) {
      this.#endGivenUp(span)
      return
    }
    this.#open.delete(key)
    view.end()
    this.#options.tracker.delivered.end(view, span.droppedEventsCount)
    view.release()
  }

  /** The end of a span that was seen live, but has not ended here. */
  #endGivenUp(span: TakenSpan): void {
    const view = new SpanView(span.ids)
    view.arrive(span)
    for (const event of span.events) view.happen(event)
    view.end()
    this.#options.tracker.delivered.endGivenUp(view)
  }

  #log({ record, ids, origin }: TakenLogRecord): void {
    const view = ids && this.#viewOf(ids, origin)
    if (view) this.#options.onLogRecord(record, trace.setSpan(ROOT_CONTEXT, view))
    else this.#options.onLogRecord(record, ids ? trace.setSpanContext(ROOT_CONTEXT, ids) : ROOT_CONTEXT)
  }

  #viewOf(ids: SpanContext, origin: string): SpanView | undefined {
    const key = keyOf(ids, origin)
    return this.#open.get(key) ?? this.#known.get(key)
  }
}

function sourceOf(step: Step): string {
  return step.kind === 'log' ? step.log.source : step.span.source
}

/** Returns the data of the statement about what could not be read. */
export function malformedAt(count: number, nowMillis: number) {
  const now = timestampFromMillis(nowMillis)
  return { count, reason: 'malformed_delivery', from: now, to: now }
}
