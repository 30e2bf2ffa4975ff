import { type Timestamp, timestampFromMillis } from '../../events/index.js'
import type { ToolActivity, ToolCallDecision, ToolCallReport } from '../conventions/contract.js'
import { RecentMap } from '../recent-map.js'
import type { Signal } from './duplicate-calls.js'
import type { Emitter, EventOrigin } from './emitter.js'
import type { Senders } from './senders.js'

const MAX_CALLS = 4096
/** Reports of spans inside a call whose own span has not come yet. */
const MAX_EARLY_REPORTS = 16
/** Calls that differ by their order alone: the latest. */
const MAX_CALLS_OF_A_SLOT = 64
/** A call whose span has ended waits so long for a report on its outcome. */
const PATIENCE_MILLIS = 5_000
/** Calls whose values are kept until their end: the latest. */
const MAX_HOLDING = 256
const UNNAMED: ToolActivity['tool'] = Object.freeze({ name: 'unknown' })
const NO_VALUES: Call['late'] = Object.freeze({})
const NO_ERROR = Object.freeze({ code: 'Error', message: '' })
const DENIED = Object.freeze({ code: 'denied', message: '' })

/** One report on a call, and its origin. */
export interface ReceivedCallReport {
  readonly report: ToolCallReport
  readonly signal: Signal
  /** The session, where the origin has no run. */
  readonly session: string | undefined
  readonly time: Timestamp
  readonly origin: EventOrigin
  /** The report is the span's own: nothing but its status says how the call ended. */
  readonly isOwnEnd?: boolean | undefined
  /** The report is the start of the call. */
  readonly isStart?: boolean | undefined
}

interface Call {
  readonly callId: string
  tool: ToolActivity['tool']
  origin: EventOrigin
  readonly signals: Set<Signal>
  hasStarted: boolean
  isRequested: boolean
  isDecided: boolean
  hasEnded: boolean
  hasArguments: boolean
  /** Values that came before the event that has them: arguments after the start, the result before the end. */
  late: Pick<ToolCallReport, 'arguments' | 'result'>
  /** The end of its span, which names no outcome; others may. */
  ownEnd: { readonly time: Timestamp; readonly durationMs: number | undefined; readonly atMillis: number } | undefined
}

/**
 * Records tool calls that several spans and log records report: the call's own span, spans inside it with the decision on
 * it and its outcome, log records of the same. They come in any order; each event is recorded once.
 */
export class CallBook {
  readonly #emitter: Emitter
  readonly #senders: Senders
  readonly #nowMillis: () => number
  readonly #calls = new RecentMap<string, Call>(MAX_CALLS)
  readonly #bySlot = new RecentMap<string, Call[]>(MAX_CALLS)
  readonly #early = new RecentMap<string, ReceivedCallReport[]>(MAX_CALLS)
  /** Calls whose span has ended, while nothing has reported their outcome. */
  readonly #undecided = new Set<Call>()
  /** Calls that keep values until their end. */
  readonly #holding = new Set<Call>()

  constructor(options: { readonly emitter: Emitter; readonly senders: Senders; readonly nowMillis: () => number }) {
    this.#emitter = options.emitter
    this.#senders = options.senders
    this.#nowMillis = options.nowMillis
  }

  record(received: ReceivedCallReport): void {
    const { report, origin, time, signal } = received
    const call = this.#callOf(received)
    if (!call) return
    call.signals.add(signal)
    if (report.tool && (!call.hasStarted || call.tool === UNNAMED)) call.tool = report.tool
    if (call.hasEnded) {
      if (report.decision?.asked) this.#request(call, report.decision, time, origin)
      return
    }
    this.#start(call, received)
    this.#keepValues(call, report)
    if (report.decision) this.#decide(call, report.decision, received)
    if (call.hasEnded) return
    if (report.outcome) this.#end(call, report, time)
    else if (received.isOwnEnd) {
      call.ownEnd = { time, durationMs: report.durationMs, atMillis: this.#nowMillis() }
      this.#undecided.add(call)
      if (this.#undecided.size > MAX_CALLS) this.#endOldest()
    }
  }

  /** A call whose span ended without an error has completed, when nothing more is reported of it for a while. */
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

  #callOf(received: ReceivedCallReport): Call | undefined {
    const { report, origin } = received
    const keyOf = (key: string) => this.#senders.keyOf(key)
    const idKeys = report.callId === undefined ? [] : keysById(report.callId, received).map(keyOf)
    const spanKey =
      report.spanId === undefined ? undefined : keyOf(`span|${origin.node?.traceId ?? ''}|${report.spanId}`)
    const known =
      this.#byId(idKeys, received) ??
      (spanKey !== undefined ? this.#calls.get(spanKey) : undefined) ??
      this.#inSlot(received)
    if (!known && !received.isStart && idKeys.length === 0 && spanKey !== undefined && !report.tool) {
      this.#keep(spanKey, received)
      return undefined
    }
    const call = known ?? this.#open(received)
    for (const key of idKeys) this.#calls.set(key, call)
    if (spanKey !== undefined && this.#calls.get(spanKey) !== call) {
      this.#calls.set(spanKey, call)
      this.#replay(spanKey, call, received)
    }
    return call
  }

  /** The same call id in another run is another call, as far as both runs are known. */
  #byId([inSession, inRun]: readonly string[], { origin }: ReceivedCallReport): Call | undefined {
    const exact = inRun === undefined ? undefined : this.#calls.get(inRun)
    if (exact || inSession === undefined) return exact
    const inAny = this.#calls.get(inSession)
    return inAny && (!origin.run || !inAny.origin.run) ? inAny : undefined
  }

  #open({ report, origin, time }: ReceivedCallReport): Call {
    const callId = report.callId ?? report.spanId ?? `${report.tool?.name ?? 'call'}-${time}`
    const call: Call = {
      callId,
      tool: report.tool ?? UNNAMED,
      origin,
      signals: new Set(),
      hasStarted: false,
      isRequested: false,
      isDecided: false,
      hasEnded: false,
      hasArguments: false,
      late: NO_VALUES,
      ownEnd: undefined,
    }
    if (report.slot !== undefined) {
      const slot = this.#senders.keyOf(report.slot)
      this.#bySlot.set(slot, [...(this.#bySlot.get(slot) ?? []), call].slice(-MAX_CALLS_OF_A_SLOT))
    }
    return call
  }

  /** The first call of the slot that the other signal alone has reported. */
  #inSlot({ report, signal }: ReceivedCallReport): Call | undefined {
    if (report.slot === undefined) return undefined
    return this.#bySlot.get(this.#senders.keyOf(report.slot))?.find(({ signals }) => !signals.has(signal))
  }

  #keep(spanKey: string, received: ReceivedCallReport): void {
    const early = this.#early.get(spanKey) ?? []
    if (early.length < MAX_EARLY_REPORTS) this.#early.set(spanKey, [...early, received])
  }

  /** Takes up the reports of spans inside that came before the call's own. */
  #replay(spanKey: string, call: Call, own: ReceivedCallReport): void {
    const early = this.#early.get(spanKey)
    if (!early) return
    this.#early.set(spanKey, [])
    call.signals.add(own.signal)
    this.#start(call, own)
    for (const report of early) this.record(report)
  }

  #start(call: Call, { report, time, isStart }: ReceivedCallReport): void {
    if (call.hasStarted) return
    call.hasStarted = true
    const startedAt =
      isStart || report.durationMs === undefined ? time : timestampFromMillis(Date.parse(time) - report.durationMs)
    // A span that began before anyone listened has no context: its start is not made up.
    if (call.origin.node && !call.origin.node.context && isStart) return
    call.hasArguments = report.arguments !== undefined
    const data = { callId: call.callId, tool: call.tool, ...(call.hasArguments && { arguments: report.arguments }) }
    this.#emitter.emit({ type: 'tool_call_started', data }, startedAt, call.origin)
  }

  /** Keeps what the next event of the call is to have. */
  #keepValues(call: Call, { arguments: given, result }: ToolCallReport): void {
    const isLate = given !== undefined && !call.hasArguments && call.late.arguments === undefined
    if (!isLate && result === undefined) return
    call.late = { ...call.late, ...(isLate && { arguments: given }), ...(result !== undefined && { result }) }
    this.#holding.add(call)
    if (this.#holding.size <= MAX_HOLDING) return
    const [oldest] = this.#holding
    if (oldest) this.#release(oldest)
  }

  #release(call: Call): void {
    call.late = NO_VALUES
    this.#holding.delete(call)
  }

  #decide(call: Call, decision: ToolCallDecision, { time, origin }: ReceivedCallReport): void {
    if (decision.asked) this.#request(call, decision, time, origin)
    if (call.isDecided) return
    const { verdict, by, reason } = decision
    const data = { callId: call.callId, tool: call.tool, by }
    if (verdict === 'denied') {
      call.isDecided = true
      this.#emitter.emit({ type: 'tool_approval_denied', data: { ...data, reason } }, time, call.origin)
      this.#end(call, { outcome: 'failed', error: DENIED }, time)
    } else {
      call.isDecided = true
      this.#emitter.emit({ type: 'tool_approval_granted', data }, time, call.origin)
    }
  }

  #request(call: Call, { by }: ToolCallDecision, time: Timestamp, origin: EventOrigin): void {
    if (call.isRequested) return
    call.isRequested = true
    const data = { callId: call.callId, tool: call.tool, by }
    this.#emitter.emit({ type: 'tool_approval_requested', data }, time, call.hasEnded ? origin : call.origin)
  }

  #end(call: Call, report: ToolCallReport, time: Timestamp): void {
    const { outcome, error = NO_ERROR, durationMs } = report
    call.hasEnded = true
    this.#undecided.delete(call)
    const data = {
      callId: call.callId,
      tool: call.tool,
      durationMs: durationMs ?? call.ownEnd?.durationMs,
      ...call.late,
    }
    this.#release(call)
    if (outcome === 'completed') this.#emitter.emit({ type: 'tool_call_completed', data }, time, call.origin)
    else this.#emitter.emit({ type: 'tool_call_failed', data: { ...data, error } }, time, call.origin)
    // The node keeps the spans around it.
    call.origin = { ...call.origin, node: undefined }
  }
}

/** The keys of a call by its id: in its session, and in its run where that is known. */
function keysById(callId: string, { origin, session }: ReceivedCallReport): readonly string[] {
  const inSession = `session|${session ?? origin.node?.traceId ?? ''}|${callId}`
  return origin.run ? [inSession, `run|${origin.run.runId}|${callId}`] : [inSession]
}
