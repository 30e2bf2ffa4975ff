import { type Timestamp, timestampFromMillis } from '../../events/index.js'
import type { ToolActivity, ToolCallDecision, ToolCallReport } from '../conventions/contract.js'
import { RecentMap } from '../recent-map.js'
import type { Emitter, Place } from './emitter.js'
import type { Senders } from './senders.js'
import type { Signal } from './twice-told.js'

const MAX_CALLS = 4096
/** Reports of spans inside a call whose own span has not come yet. */
const MAX_EARLY_REPORTS = 16
/** Calls that are told apart by their order alone: the latest. */
const MAX_CALLS_OF_A_SLOT = 64
/** A call whose span has ended waits so long for a word on what came of it. */
const PATIENCE_MILLIS = 5_000
const UNNAMED: ToolActivity['tool'] = Object.freeze({ name: 'unknown' })
const NO_ERROR = Object.freeze({ code: 'Error', message: '' })
const DENIED = Object.freeze({ code: 'denied', message: '' })

/** One report, and where it comes from. */
export interface HeardReport {
  readonly report: ToolCallReport
  readonly signal: Signal
  /** The session, where the place has no run. */
  readonly session: string | undefined
  readonly time: Timestamp
  readonly place: Place
  /** The report is the span's own: nothing but its status tells what came of the call. */
  readonly isOwnEnd?: boolean | undefined
  /** The report is the start of the call. */
  readonly isStart?: boolean | undefined
}

interface Call {
  readonly callId: string
  tool: ToolActivity['tool']
  place: Place
  readonly signals: Set<Signal>
  hasStarted: boolean
  isRequested: boolean
  isDecided: boolean
  hasEnded: boolean
  /** The end of its span, which says nothing of the outcome; others may. */
  ownEnd: { readonly time: Timestamp; readonly durationMs: number | undefined; readonly atMillis: number } | undefined
}

/**
 * Records tool calls of which several spans and log records tell: the call's own span, spans inside it that say whether
 * it was allowed and what came of it, log records of the same. They come in any order; each event is recorded once.
 */
export class CallBook {
  readonly #emitter: Emitter
  readonly #senders: Senders
  readonly #nowMillis: () => number
  readonly #calls = new RecentMap<string, Call>(MAX_CALLS)
  readonly #bySlot = new RecentMap<string, Call[]>(MAX_CALLS)
  readonly #early = new RecentMap<string, HeardReport[]>(MAX_CALLS)
  /** Calls whose span has ended, while nothing has told what came of them. */
  readonly #undecided = new Set<Call>()

  constructor(options: { readonly emitter: Emitter; readonly senders: Senders; readonly nowMillis: () => number }) {
    this.#emitter = options.emitter
    this.#senders = options.senders
    this.#nowMillis = options.nowMillis
  }

  hear(heard: HeardReport): void {
    const { report, place, time, signal } = heard
    const call = this.#callOf(heard)
    if (!call) return
    call.signals.add(signal)
    if (report.tool && (!call.hasStarted || call.tool === UNNAMED)) call.tool = report.tool
    if (call.hasEnded) {
      if (report.decision?.asked) this.#request(call, report.decision, time, place)
      return
    }
    this.#start(call, heard)
    if (report.decision) this.#decide(call, report.decision, heard)
    if (call.hasEnded) return
    if (report.outcome) this.#end(call, report, time)
    else if (heard.isOwnEnd) {
      call.ownEnd = { time, durationMs: report.durationMs, atMillis: this.#nowMillis() }
      this.#undecided.add(call)
      if (this.#undecided.size > MAX_CALLS) this.#endOldest()
    }
  }

  /** A call whose span ended without an error has completed, when nothing has told more of it for a while. */
  settle({ final, all }: { readonly final: boolean; readonly all: boolean }): void {
    const now = this.#nowMillis()
    for (const call of this.#undecided) {
      if (final || all || now - (call.ownEnd?.atMillis ?? 0) >= PATIENCE_MILLIS) this.#complete(call)
    }
  }

  #endOldest(): void {
    for (const call of this.#undecided) {
      this.#complete(call)
      return
    }
  }

  #complete(call: Call): void {
    const { time, durationMs } = call.ownEnd as NonNullable<Call['ownEnd']>
    this.#end(call, { outcome: 'completed', durationMs }, time)
  }

  #callOf(heard: HeardReport): Call | undefined {
    const { report, place } = heard
    const keyOf = (key: string) => this.#senders.keyOf(key)
    const idKeys = report.callId === undefined ? [] : keysById(report.callId, heard).map(keyOf)
    const spanKey =
      report.spanId === undefined ? undefined : keyOf(`span|${place.node?.traceId ?? ''}|${report.spanId}`)
    const known =
      this.#byId(idKeys, heard) ?? (spanKey !== undefined ? this.#calls.get(spanKey) : undefined) ?? this.#inSlot(heard)
    if (!known && !heard.isStart && idKeys.length === 0 && spanKey !== undefined && !report.tool) {
      this.#keep(spanKey, heard)
      return undefined
    }
    const call = known ?? this.#open(heard)
    for (const key of idKeys) this.#calls.set(key, call)
    if (spanKey !== undefined && this.#calls.get(spanKey) !== call) {
      this.#calls.set(spanKey, call)
      this.#replay(spanKey, call, heard)
    }
    return call
  }

  /** The same call id in another run is another call, as far as both runs are known. */
  #byId([inSession, inRun]: readonly string[], { place }: HeardReport): Call | undefined {
    const exact = inRun === undefined ? undefined : this.#calls.get(inRun)
    if (exact || inSession === undefined) return exact
    const inAny = this.#calls.get(inSession)
    return inAny && (!place.run || !inAny.place.run) ? inAny : undefined
  }

  #open({ report, place, time }: HeardReport): Call {
    const callId = report.callId ?? report.spanId ?? `${report.tool?.name ?? 'call'}-${time}`
    const call: Call = {
      callId,
      tool: report.tool ?? UNNAMED,
      place,
      signals: new Set(),
      hasStarted: false,
      isRequested: false,
      isDecided: false,
      hasEnded: false,
      ownEnd: undefined,
    }
    if (report.slot !== undefined) {
      const slot = this.#senders.keyOf(report.slot)
      this.#bySlot.set(slot, [...(this.#bySlot.get(slot) ?? []), call].slice(-MAX_CALLS_OF_A_SLOT))
    }
    return call
  }

  /** The first call of the slot that the other signal alone has told of. */
  #inSlot({ report, signal }: HeardReport): Call | undefined {
    if (report.slot === undefined) return undefined
    return this.#bySlot.get(this.#senders.keyOf(report.slot))?.find(({ signals }) => !signals.has(signal))
  }

  #keep(spanKey: string, heard: HeardReport): void {
    const early = this.#early.get(spanKey) ?? []
    if (early.length < MAX_EARLY_REPORTS) this.#early.set(spanKey, [...early, heard])
  }

  /** Takes up the words of spans inside that came before the call's own. */
  #replay(spanKey: string, call: Call, own: HeardReport): void {
    const early = this.#early.get(spanKey)
    if (!early) return
    this.#early.set(spanKey, [])
    call.signals.add(own.signal)
    this.#start(call, own)
    for (const heard of early) this.hear(heard)
  }

  #start(call: Call, { report, time, isStart }: HeardReport): void {
    if (call.hasStarted) return
    call.hasStarted = true
    const startedAt =
      isStart || report.durationMs === undefined ? time : timestampFromMillis(Date.parse(time) - report.durationMs)
    // A span that began before anyone listened has no context: its start is not made up.
    if (call.place.node && !call.place.node.context && isStart) return
    this.#emitter.emit('tool_call_started', { callId: call.callId, tool: call.tool }, startedAt, call.place)
  }

  #decide(call: Call, decision: ToolCallDecision, { time, place }: HeardReport): void {
    if (decision.asked) this.#request(call, decision, time, place)
    if (call.isDecided) return
    const { verdict, by, reason } = decision
    const data = { callId: call.callId, tool: call.tool, by }
    if (verdict === 'denied') {
      call.isDecided = true
      this.#emitter.emit('tool_approval_denied', { ...data, reason }, time, call.place)
      this.#end(call, { outcome: 'failed', error: DENIED }, time)
    } else {
      call.isDecided = true
      this.#emitter.emit('tool_approval_granted', data, time, call.place)
    }
  }

  #request(call: Call, { by }: ToolCallDecision, time: Timestamp, place: Place): void {
    if (call.isRequested) return
    call.isRequested = true
    const data = { callId: call.callId, tool: call.tool, by }
    this.#emitter.emit('tool_approval_requested', data, time, call.hasEnded ? place : call.place)
  }

  #end(call: Call, { outcome, error = NO_ERROR, durationMs }: ToolCallReport, time: Timestamp): void {
    call.hasEnded = true
    this.#undecided.delete(call)
    const data = { callId: call.callId, tool: call.tool, durationMs: durationMs ?? call.ownEnd?.durationMs }
    if (outcome === 'completed') this.#emitter.emit('tool_call_completed', data, time, call.place)
    else this.#emitter.emit('tool_call_failed', { ...data, error }, time, call.place)
    // The node keeps the spans around it.
    call.place = { ...call.place, node: undefined }
  }
}

/** The keys of a call by its id: in its session, and in its run where that is known. */
function keysById(callId: string, { place, session }: HeardReport): readonly string[] {
  const inSession = `session|${session ?? place.node?.traceId ?? ''}|${callId}`
  return place.run ? [inSession, `run|${place.run.runId}|${callId}`] : [inSession]
}
