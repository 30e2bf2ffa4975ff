import type { TokenUsage } from '../../events/index.js'
import { RecentLists } from '../recent-lists.js'
import { RecentMap } from '../recent-map.js'
import { contains, gapBetween, type Interval, nearlyContained } from './interval.js'

const MAX_RESPONSE_IDS = 4096
/** Counted calls that are remembered, and those of one trace that are looked through. */
const MAX_CALLS = 2048
const MAX_CALLS_OF_TRACE = 128
/** The clocks of two processes that report one call, in traces of their own, differ by less. */
const MAX_APART_NANOS = 10 * 60 * 1e9

/** A call of a model as one span reports it. */
export interface ReportedCall {
  /** Name of the instrumentation scope. */
  readonly scope: string
  readonly traceId: string
  /** The parent under which the span was started. */
  readonly flow: number | string
  readonly interval: Interval
  readonly usage: TokenUsage
  readonly model: string | undefined
  readonly responseId: string | undefined
  readonly runId: string | undefined
  /** The name of the agent that the run is of. */
  readonly agent: string | undefined
  /** Tool calls that were recorded in the run by then: a conversation goes on after them. */
  readonly turn: number
}

/** A call whose tokens are counted. Field by field, as in the ledger of usage: thousands of them are kept. */
export class CountedCall implements ReportedCall {
  readonly scope: string
  readonly traceId: string
  readonly flow: number | string
  readonly interval: Interval
  readonly usage: TokenUsage
  readonly model: string | undefined
  readonly responseId: string | undefined
  readonly runId: string | undefined
  readonly agent: string | undefined
  readonly turn: number
  /** Scopes that have reported it. */
  readonly #reporters: string[]
  #isInRun: boolean
  #isInSum = false

  constructor(reported: ReportedCall) {
    this.scope = reported.scope
    this.traceId = reported.traceId
    this.flow = reported.flow
    this.interval = reported.interval
    this.usage = reported.usage
    this.model = reported.model
    this.responseId = reported.responseId
    this.runId = reported.runId
    this.agent = reported.agent
    this.turn = reported.turn
    this.#reporters = [reported.scope]
    this.#isInRun = reported.runId !== undefined
  }

  /** The number of scopes that have reported it. */
  get reporters(): number {
    return this.#reporters.length
  }

  isReportedBy(scope: string): boolean {
    return this.#reporters.includes(scope)
  }

  reportAgain(scope: string): void {
    if (!this.isReportedBy(scope)) this.#reporters.push(scope)
  }

  /** Its tokens are in the sum of a run. */
  get isInRun(): boolean {
    return this.#isInRun
  }

  enterRun(): void {
    this.#isInRun = true
  }

  /** An agent beside it has reported a sum that it is a part of. */
  get isInSum(): boolean {
    return this.#isInSum
  }

  enterSum(): void {
    this.#isInRun = true
    this.#isInSum = true
  }
}

/**
 * The calls of models that are counted, for as long as another span may report them again: a second instrumentation of the
 * client, nested or beside the first, or an engine that replays what has been.
 */
export class ModelCalls {
  readonly #byResponse = new RecentMap<string, CountedCall>(MAX_RESPONSE_IDS)
  readonly #byTrace = new RecentLists<CountedCall>(MAX_CALLS, MAX_CALLS_OF_TRACE)

  add(reported: ReportedCall): void {
    const call = new CountedCall(reported)
    if (reported.responseId !== undefined) this.#byResponse.set(reported.responseId, call)
    this.#byTrace.add(reported.traceId, call)
  }

  /** Finds the counted call that a span reports again. */
  find(reported: ReportedCall): CountedCall | undefined {
    const { responseId } = reported
    const first = responseId === undefined ? undefined : this.#byResponse.get(responseId)
    const found = first && isSameResponse(first, reported) ? first : this.#beside(reported)
    found?.reportAgain(reported.scope)
    return found
  }

  /** Returns the counted calls that began and ended while an agent beside them was at work, and are in no other's sum. */
  during({ flow, interval, traceId, runId }: ReportedCall): readonly CountedCall[] {
    return this.#byTrace
      .of(traceId)
      .filter(
        (call) =>
          !call.isInSum &&
          call.flow === flow &&
          (!call.isInRun || call.runId === runId) &&
          contains(interval, call.interval),
      )
  }

  /** Finds a call by its numbers and times. Of several that look alike, each is reported again once by each instrumentation. */
  #beside(reported: ReportedCall): CountedCall | undefined {
    return this.#byTrace.of(reported.traceId).find((call) => isSameByEvidence(call, reported))
  }
}

/**
 * Servers of their own may hand out an id twice: what consumed something else is another call. The same instrumentation reports
 * a response twice where an engine replays a part of a run; after a tool call the conversation has gone on.
 */
function isSameResponse(first: CountedCall, reported: ReportedCall): boolean {
  if (first.scope !== reported.scope) {
    if (sameCounts(first.usage, reported.usage)) return !isFarFrom(first, reported)
    return (
      first.usage.outputTokens === reported.usage.outputTokens && nearlyContained(first.interval, reported.interval)
    )
  }
  if (!sameCounts(first.usage, reported.usage)) return false
  if (isInside(first.interval, reported.interval) || isInside(reported.interval, first.interval)) return true
  // An engine may start the run anew to get there.
  const isSameRun = first.runId !== undefined && first.runId === reported.runId
  const isSameAgent = first.agent !== undefined && first.agent === reported.agent && first.traceId === reported.traceId
  if (!isSameRun && !isSameAgent) return false
  return first.turn === reported.turn && first.interval.end <= reported.interval.start
}

function isFarFrom(first: CountedCall, reported: ReportedCall): boolean {
  return first.traceId !== reported.traceId && gapBetween(first.interval, reported.interval) > MAX_APART_NANOS
}

/** Tells whether one call is inside the other. Of concurrent calls, neither has both edges inside the other but by chance. */
function isInside(outer: Interval, inner: Interval): boolean {
  return outer.start < inner.start && inner.end < outer.end
}

function isSameByEvidence(call: CountedCall, reported: ReportedCall): boolean {
  if (!sameCounts(call.usage, reported.usage) || !sameModel(call.model, reported.model)) return false
  const bothNamed = call.responseId !== undefined && reported.responseId !== undefined
  if (bothNamed && call.responseId !== reported.responseId) return false
  if (!call.isReportedBy(reported.scope)) return nearlyContained(call.interval, reported.interval)
  // One instrumentation names all its responses, or none: where one of the two is named, there are two.
  const oneNamed = (call.responseId === undefined) !== (reported.responseId === undefined)
  const nested = contains(call.interval, reported.interval) || contains(reported.interval, call.interval)
  return oneNamed && nested && call.reporters === 1
}

export function sameCounts(one: TokenUsage, other: TokenUsage): boolean {
  return one.inputTokens === other.inputTokens && one.outputTokens === other.outputTokens
}

/** A request names `gpt-5`, the response `gpt-5-2026-01-31`, and a router puts the provider before it. */
function sameModel(one: string | undefined, other: string | undefined): boolean {
  if (one === undefined || other === undefined) return true
  const [a, b] = [bareModel(one), bareModel(other)]
  return a.startsWith(b) || b.startsWith(a)
}

function bareModel(model: string): string {
  return model.slice(model.lastIndexOf('/') + 1).toLowerCase()
}
