import type { HrTime } from '@opentelemetry/api'
import { isEarlier } from '../hr-time.js'
import { sizeOf, sizeOfRecord, type TakenLogRecord, type TakenSpan } from './taken.js'

/** Bounds of what waits at a time. */
export interface Room {
  /** Spans and log records. */
  readonly count: number
  /** About so many bytes of them. */
  readonly bytes: number
}

const DEFAULT_ROOM: Room = Object.freeze({ count: 50_000, bytes: 64 * 1024 * 1024 })
/** A trace whose spans keep coming is translated after so many times the wait, as far as it has come. */
const MAX_PATIENCE = 20

/** The delivered part of one trace. */
export interface WaitingTrace {
  readonly spans: TakenSpan[]
  readonly logs: TakenLogRecord[]
  bytes: number
  readonly firstMillis: number
  lastMillis: number
}

/**
 * Keeps what is delivered until its trace has been quiet for long enough to be whole. What there is no room for is not
 * dropped: the trace that has been quiet for longest is let go early.
 */
export class WaitingTraces {
  /** In the order of the last arrival. */
  readonly #traces = new Map<string, WaitingTrace>()
  readonly #waitMillis: number
  readonly #room: Room
  #size = 0
  #bytes = 0

  /** @param waitMillis - how long a trace must have been quiet */
  constructor(waitMillis: number, room = DEFAULT_ROOM) {
    this.#waitMillis = waitMillis
    this.#room = room
  }

  get size(): number {
    return this.#size
  }

  addSpan(span: TakenSpan, nowMillis: number): void {
    const trace = this.#touch(`${span.ids.traceId} ${span.source}`, sizeOf(span), nowMillis)
    trace.spans.push(span)
  }

  /** @param nowMillis - log records outside of traces wait with what came at the same time */
  addLog(log: TakenLogRecord, nowMillis: number): void {
    const trace = log.ids?.traceId ?? Math.floor(nowMillis / this.#waitMillis)
    this.#touch(`${trace} ${log.source}`, sizeOfRecord(log), nowMillis).logs.push(log)
  }

  /** Takes the traces that there is no room for any more. */
  takeExcess(): readonly WaitingTrace[] {
    const taken: WaitingTrace[] = []
    for (const key of this.#traces.keys()) {
      if (this.#size <= this.#room.count && this.#bytes <= this.#room.bytes) break
      taken.push(this.#take(key))
    }
    return taken
  }

  takeAll(): readonly WaitingTrace[] {
    return [...this.#traces.keys()].map((key) => this.#take(key))
  }

  /** Takes the traces that have been quiet for long enough, or have waited for too long. */
  takeRipe(nowMillis: number): readonly WaitingTrace[] {
    const ripe: [string, WaitingTrace][] = []
    const unripe: WaitingTrace[] = []
    for (const [key, trace] of this.#traces) {
      const isQuiet = nowMillis - trace.lastMillis >= this.#waitMillis
      if (isQuiet || nowMillis - trace.firstMillis >= MAX_PATIENCE * this.#waitMillis) ripe.push([key, trace])
      else unripe.push(trace)
    }
    if (ripe.length === 0) return []
    const surroundings = new Surroundings(unripe)
    return ripe
      .filter(([, trace]) => nowMillis - trace.lastMillis >= 2 * this.#waitMillis || !surroundings.surround(trace))
      .map(([key]) => this.#take(key))
  }

  #touch(key: string, bytes: number, nowMillis: number): WaitingTrace {
    const known = this.#traces.get(key)
    const trace = known ?? { spans: [], logs: [], bytes: 0, firstMillis: nowMillis, lastMillis: nowMillis }
    this.#traces.delete(key)
    this.#traces.set(key, trace)
    trace.lastMillis = nowMillis
    trace.bytes += bytes
    this.#bytes += bytes
    this.#size++
    return trace
  }

  #take(key: string): WaitingTrace {
    const trace = this.#traces.get(key) as WaitingTrace
    this.#traces.delete(key)
    this.#bytes -= trace.bytes
    this.#size -= trace.spans.length + trace.logs.length
    return trace
  }
}

/**
 * Traces that still wait and may hold what is around a span. Some instrumentations give each span a trace of its own: the
 * span around one is known by the time that it took alone, and comes later.
 */
class Surroundings {
  /** By origin: in the order of the start, each with the latest end so far. */
  readonly #spans = new Map<string, { readonly start: HrTime; latestEnd: HrTime }[]>()

  constructor(traces: readonly WaitingTrace[]) {
    for (const span of traces.flatMap((trace) => loneSpanOf(trace) ?? [])) {
      const ofOrigin = this.#spans.get(span.origin) ?? []
      ofOrigin.push({ start: span.startTime, latestEnd: span.endTime })
      this.#spans.set(span.origin, ofOrigin)
    }
    for (const ofOrigin of this.#spans.values()) {
      ofOrigin.sort((a, b) => (isEarlier(a.start, b.start) ? -1 : 1))
      for (const [index, span] of ofOrigin.entries()) {
        const before = ofOrigin[index - 1]
        if (before && isEarlier(span.latestEnd, before.latestEnd)) span.latestEnd = before.latestEnd
      }
    }
  }

  /** Tells whether a trace that waits holds a span around this one. */
  surround(trace: WaitingTrace): boolean {
    const span = loneSpanOf(trace)
    const ofOrigin = span && this.#spans.get(span.origin)
    if (!ofOrigin) return false
    let low = 0
    let high = ofOrigin.length
    while (low < high) {
      const middle = (low + high) >> 1
      const other = ofOrigin[middle]
      if (other && !isEarlier(span.startTime, other.start)) low = middle + 1
      else high = middle
    }
    const last = ofOrigin[low - 1]
    return last !== undefined && !isEarlier(last.latestEnd, span.endTime)
  }
}

/** The span that is a trace by itself. */
function loneSpanOf({ spans }: WaitingTrace): TakenSpan | undefined {
  return spans.length === 1 && spans[0]?.parent === undefined ? spans[0] : undefined
}
