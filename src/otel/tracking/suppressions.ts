import type { Context } from '@opentelemetry/api'
import { timestampFromMillis } from '../../events/index.js'
import { type SuppressedCalls, suppressedCallsIn } from '../../record/switched-off.js'
import { spanIn } from '../mirrored.js'
import type { Emitter } from './emitter.js'
import type { Run } from './run.js'

/**
 * The shortest time between two reports on spans and events outside runs. An application may switch auditing off for
 * every health check.
 */
const INTERVAL_OUTSIDE_RUNS_MILLIS = 60_000

/** The counts of spans and events that were not recorded since the last report, in one run or outside all runs. */
interface Suppression {
  readonly run: Run | undefined
  spans: number
  events: number
  fromMillis: number
  toMillis: number
  /** A flow with auditing off is to be reported though nothing was seen in it. */
  isDue: boolean
}

/**
 * Counts what is not recorded because auditing is off, for each run, and puts it on the record: when the flow ends,
 * else before the run's terminal event, else a little later.
 */
export class Suppressions {
  readonly #emitter: Emitter
  readonly #runIn: (context: Context) => Run | undefined
  readonly #isRecording: () => boolean
  readonly #nowMillis: () => number
  readonly #byRun = new WeakMap<Run, Suppression>()
  readonly #byFlow = new WeakMap<SuppressedCalls, Suppression>()
  /** Spans that are not recorded. */
  readonly #bySpan = new WeakMap<object, Suppression>()
  readonly #outsideRuns = empty(undefined)
  /** The suppressions that have something to report. */
  readonly #pending = new Set<Suppression>()
  #mayWait = true

  constructor(options: {
    emitter: Emitter
    runIn: (context: Context) => Run | undefined
    /** Tells whether anything would be recorded if auditing were on. */
    isRecording: () => boolean
    nowMillis: () => number
  }) {
    this.#emitter = options.emitter
    this.#runIn = options.runIn
    this.#isRecording = options.isRecording
    this.#nowMillis = options.nowMillis
  }

  /** Tells whether the span started while auditing was off. */
  has(span: object): boolean {
    return this.#bySpan.has(span)
  }

  /** A span has started where auditing is off. */
  addSpan(span: object, context: Context): void {
    const suppression = this.#in(context)
    this.#bySpan.set(span, suppression)
    this.#count(suppression, 1, 0)
  }

  /** A span would have started, but for the sampler. */
  addSpanNotStarted(context: Context): void {
    this.#count(this.#in(context), 1, 0)
  }

  /** A span that is not recorded has ended, with so many events. */
  endSpan(span: object, events: number): void {
    const suppression = this.#bySpan.get(span)
    if (suppression && events > 0) this.#count(suppression, 0, events)
  }

  /** An event has happened where auditing is off. @param run - the one it would belong to, where that is known */
  addEvent(context: Context, run?: Run): void {
    this.#count(run ? this.#of(run) : this.#in(context), 0, 1)
  }

  /** A flow with auditing off begins. In a run it is reported in any case. */
  begin(flow: SuppressedCalls, outer: Context): void {
    const suppression = this.#ofSpanOrRunIn(outer)
    this.#byFlow.set(flow, suppression)
    if (!suppression.run || !this.#isRecording()) return
    this.#touch(suppression)
    suppression.isDue = true
  }

  /** A flow with auditing off has ended. */
  end(flow: SuppressedCalls): void {
    const suppression = this.#byFlow.get(flow)
    if (suppression?.run && this.#pending.has(suppression)) this.#report(suppression)
  }

  /** Reports what is pending of a run before that ends. */
  endRun(run: Run): void {
    const suppression = this.#byRun.get(run)
    if (suppression && this.#pending.has(suppression)) this.#report(suppression)
  }

  /** Auditing is on again in the whole process: nothing waits any longer. */
  hurry(): void {
    this.#mayWait = false
  }

  /** Reports what is due. @param all - also what may wait */
  settle(all: boolean): void {
    const now = this.#nowMillis()
    const everything = all || !this.#mayWait
    this.#mayWait = true
    for (const suppression of this.#pending) {
      if (everything || suppression.run || now - suppression.fromMillis >= INTERVAL_OUTSIDE_RUNS_MILLIS)
        this.#report(suppression)
    }
  }

  #in(context: Context): Suppression {
    const flow = suppressedCallsIn(context)
    if (!flow) return this.#ofSpanOrRunIn(context)
    const known = this.#byFlow.get(flow)
    if (known) return known
    const suppression = this.#ofSpanOrRunIn(context)
    this.#byFlow.set(flow, suppression)
    return suppression
  }

  #ofSpanOrRunIn(context: Context): Suppression {
    const parent = spanIn(context)
    const ofParent = parent && this.#bySpan.get(parent)
    if (ofParent) return ofParent
    const run = this.#runIn(context)
    return run ? this.#of(run) : this.#outsideRuns
  }

  #of(run: Run): Suppression {
    const known = this.#byRun.get(run)
    if (known) return known
    const suppression = empty(run)
    this.#byRun.set(run, suppression)
    return suppression
  }

  #count(suppression: Suppression, spans: number, events: number): void {
    if (!this.#isRecording()) return
    this.#touch(suppression)
    suppression.spans += spans
    suppression.events += events
  }

  #touch(suppression: Suppression): void {
    suppression.toMillis = this.#nowMillis()
    if (this.#pending.has(suppression)) return
    suppression.fromMillis = suppression.toMillis
    this.#pending.add(suppression)
  }

  #report(suppression: Suppression): void {
    this.#pending.delete(suppression)
    const { run, spans, events, fromMillis } = suppression
    const toMillis = suppression.isDue ? this.#nowMillis() : suppression.toMillis
    Object.assign(suppression, empty(run))
    const data = { spans, events, from: timestampFromMillis(fromMillis), to: timestampFromMillis(toMillis) }
    this.#emitter.state({ type: 'auditing_suppressed', data }, run)
  }
}

function empty(run: Run | undefined): Suppression {
  return { run, spans: 0, events: 0, fromMillis: 0, toMillis: 0, isDue: false }
}
