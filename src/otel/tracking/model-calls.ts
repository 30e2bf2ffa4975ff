import type { TokenUsage } from '../../events/index.js'
import { RecentLists } from '../recent-lists.js'
import { RecentMap } from '../recent-map.js'
import { contains, gapBetween, type Interval, nearlyContained } from './interval.js'

const MAX_RESPONSE_IDS = 4096
/** Counted calls that are remembered, and those of one trace that are looked through. */
const MAX_CALLS = 2048
const MAX_CALLS_OF_TRACE = 128
/** The clocks of two processes that tell of one call, in traces of their own, differ by less. */
const MAX_APART_NANOS = 10 * 60 * 1e9

/** A call of a model as one span tells of it. */
export interface ToldCall {
  /** Name of the instrumentation scope that tells. */
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
  /** Tool calls that were told in the run by then: a conversation goes on after them. */
  readonly turn: number
}

/** A call whose tokens are counted. */
export interface CountedCall extends ToldCall {
  /** Its tokens are in the sum of a run. */
  inRun: boolean
  /** Scopes that have told of it. */
  readonly tellers: string[]
  /** An agent beside it has told a sum that it is a part of. */
  inSum: boolean
}

/**
 * The calls of models that are counted, for as long as another span may tell of them again: a second instrumentation of the
 * client, nested or beside the first, or an engine that replays what has been.
 */
export class ModelCalls {
  readonly #byResponse = new RecentMap<string, CountedCall>(MAX_RESPONSE_IDS)
  readonly #byTrace = new RecentLists<CountedCall>(MAX_CALLS, MAX_CALLS_OF_TRACE)

  add(told: ToldCall): void {
    const call = countedCall(told)
    if (told.responseId !== undefined) this.#byResponse.set(told.responseId, call)
    this.#byTrace.add(told.traceId, call)
  }

  /** Finds the counted call that a span tells of again. */
  find(told: ToldCall): CountedCall | undefined {
    const { responseId } = told
    const first = responseId === undefined ? undefined : this.#byResponse.get(responseId)
    const found = first && isSameResponse(first, told) ? first : this.#beside(told)
    if (found && !found.tellers.includes(told.scope)) found.tellers.push(told.scope)
    return found
  }

  /** Returns the counted calls that began and ended while an agent beside them was at work, and are in no other's sum. */
  during({ flow, interval, traceId, runId }: ToldCall): readonly CountedCall[] {
    return this.#byTrace
      .of(traceId)
      .filter(
        (call) =>
          !call.inSum &&
          call.flow === flow &&
          (!call.inRun || call.runId === runId) &&
          contains(interval, call.interval),
      )
  }

  /** Of several calls that look alike, told in pairs, each is told again once by each instrumentation. */
  #beside(told: ToldCall): CountedCall | undefined {
    return this.#byTrace.of(told.traceId).find((call) => isSameByEvidence(call, told))
  }
}

/** Field by field, as in the ledger of usage: thousands of them are kept. */
function countedCall(told: ToldCall): CountedCall {
  return {
    scope: told.scope,
    traceId: told.traceId,
    flow: told.flow,
    interval: told.interval,
    usage: told.usage,
    model: told.model,
    responseId: told.responseId,
    runId: told.runId,
    agent: told.agent,
    turn: told.turn,
    inRun: told.runId !== undefined,
    tellers: [told.scope],
    inSum: false,
  }
}

/**
 * Servers of their own may hand out an id twice: what consumed something else is another call. The same instrumentation tells
 * a response twice where an engine replays a part of a run; after a tool call the conversation has gone on.
 */
function isSameResponse(first: CountedCall, told: ToldCall): boolean {
  if (first.scope !== told.scope) {
    if (sameCounts(first.usage, told.usage)) return !isFarFrom(first, told)
    return first.usage.outputTokens === told.usage.outputTokens && nearlyContained(first.interval, told.interval)
  }
  if (!sameCounts(first.usage, told.usage)) return false
  if (isInside(first.interval, told.interval) || isInside(told.interval, first.interval)) return true
  // An engine may start the run anew to get there.
  const isSameRun = first.runId !== undefined && first.runId === told.runId
  const isSameAgent = first.agent !== undefined && first.agent === told.agent && first.traceId === told.traceId
  if (!isSameRun && !isSameAgent) return false
  return first.turn === told.turn && first.interval.end <= told.interval.start
}

function isFarFrom(first: CountedCall, told: ToldCall): boolean {
  return first.traceId !== told.traceId && gapBetween(first.interval, told.interval) > MAX_APART_NANOS
}

/** Of calls at once, neither has both edges inside the other but by chance. */
function isInside(outer: Interval, inner: Interval): boolean {
  return outer.start < inner.start && inner.end < outer.end
}

function isSameByEvidence(call: CountedCall, told: ToldCall): boolean {
  if (!sameCounts(call.usage, told.usage) || !sameModel(call.model, told.model)) return false
  const bothNamed = call.responseId !== undefined && told.responseId !== undefined
  if (bothNamed && call.responseId !== told.responseId) return false
  if (!call.tellers.includes(told.scope)) return nearlyContained(call.interval, told.interval)
  // One instrumentation names all its responses, or none: where one of the two is named, there are two.
  const oneNamed = (call.responseId === undefined) !== (told.responseId === undefined)
  const nested = contains(call.interval, told.interval) || contains(told.interval, call.interval)
  return oneNamed && nested && call.tellers.length === 1
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
