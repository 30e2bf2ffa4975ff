import type { Alteration, AuditEventData, Confidence, TokenUsage } from '../../events/index.js'
import { NO_USAGE, usageBeyond, usagePlus } from '../../events/usage.js'
import type { Activity, UsageReport } from '../conventions/contract.js'
import { type MeantUsage, meaningOf } from '../conventions/shared/usage-meaning.js'
import { RecentMap } from '../recent-map.js'
import type { Interval } from './interval.js'
import { ModelCalls, sameCounts, type ToldCall } from './model-calls.js'
import type { SpanNode } from './span-node.js'

/** Agents whose last sum is remembered. */
const MAX_AGENTS = 1024

type CountedUsage = AuditEventData<'token_usage_updated'>

/** The reporter of usage, and the time of the span that it reports on. */
export interface Reporter {
  /** Name of the instrumentation scope. */
  readonly scope: string
  readonly kind: Activity['kind']
  readonly model: string | undefined
  readonly interval: Interval
}

/** The part of a report that is to be recorded. */
export interface Counted {
  readonly data: CountedUsage
  readonly confidence?: Confidence | undefined
  readonly altered?: readonly Alteration[] | undefined
}

/** Decides which reports of token usage count: each model call once, at the innermost span that tells it. */
export class UsageLedger {
  readonly #calls = new ModelCalls()
  /** The sum that an agent told last, by instrumentation and agent. */
  readonly #sums = new RecentMap<string, TokenUsage>(MAX_AGENTS)

  /** The event to record for what a span reports; `undefined` when the tokens are already counted. */
  count(node: SpanNode, report: UsageReport, by: Reporter): Counted | undefined {
    const meant = meaningOf(report, by.scope)
    if (!meant) return undefined
    const whole = countedAs(meant, report.model ?? by.model, report)
    if (report.authoritative) {
      if (node.countedBy && node.countedBy !== by.scope) return undefined
    } else if (isCounted(node)) {
      return this.#countRest(node, whole, by, report.inclusive === true)
    }
    const told = toldCall(node, whole.data, by)
    return by.kind === 'run' ? this.#countSum(node, whole, told, report) : this.#countCall(node, whole, told, report)
  }

  /** Counts what somebody stated outright, whatever else has been reported; outside of spans, that it was nothing as well. */
  countStated(node: SpanNode | undefined, stated: CountedUsage, scope: string): Counted | undefined {
    const meant = meaningOf(stated, scope)
    if (!meant) return node ? undefined : { data: stated }
    if (node) add(meant.usage, node, scope)
    return countedAs(meant, stated.model, stated)
  }

  /** Counts a call that log records tell of as well, for the spans around that tell a sum. */
  countTold(
    node: SpanNode,
    report: UsageReport,
    { scope, model }: Reporter,
  ): (Counted & { readonly isToldInside: boolean }) | undefined {
    const meant = meaningOf(report, scope)
    if (!meant) return undefined
    const { counted: inside, countedBy } = node
    const isToldInside = inside !== undefined && countedBy !== scope && sameCounts(inside, meant.usage)
    if (!isToldInside) add(meant.usage, node, scope)
    return { ...countedAs(meant, report.model ?? model, report), isToldInside }
  }

  /** An agent object may add up all of its life: what goes beyond this run is then what it told of the runs before. */
  #isAccumulated(node: SpanNode, sum: TokenUsage, scope: string): boolean {
    const agent = node.nearestRun()?.agent
    const key = `${scope} ${agent?.id ?? ''} ${agent?.name ?? ''}`
    const before = this.#sums.get(key)
    this.#sums.set(key, sum)
    return before !== undefined && sameCounts(usageBeyond(sum, node.counted ?? NO_USAGE), before)
  }

  #countCall(node: SpanNode, whole: Counted, told: ToldCall, report: UsageReport): Counted | undefined {
    const before = this.#calls.find(told)
    if (before) {
      if (told.runId !== undefined && !before.inRun) {
        // A client's span may be outside the run that made the call: its tokens are recorded, and belong to the run's sum.
        before.inRun = true
        credit(node, before.usage, told.scope)
      }
      return countCost(node, whole, before.usage, told.scope)
    }
    this.#calls.add(told)
    return counted(node, whole, told.scope, report)
  }

  /** A sum with nothing counted inside may be of calls that were told beside the span. */
  #countSum(node: SpanNode, whole: Counted, told: ToldCall, report: UsageReport): Counted | undefined {
    const calls = this.#calls.during(told)
    const last = calls.at(-1)
    const sum = calls.reduce<TokenUsage | undefined>((so, { usage }) => usagePlus(so, usage), undefined)
    if (!sum || !last) return counted(node, whole, told.scope, report)
    const isLast = sameCounts(last.usage, whole.data)
    const isWithin = exceeds(whole.data, sum) && calls.every(({ scope }) => scope === told.scope)
    if (!isLast && !isWithin && !sameCounts(sum, whole.data)) return counted(node, whole, told.scope, report)
    for (const call of calls) {
      if (!call.inRun) credit(node, call.usage, told.scope)
      call.inRun = true
      call.inSum = true
    }
    return isWithin ? beyond(node, whole, sum, told.scope) : undefined
  }

  /** Counts the rest that a span adds to what is counted inside of it: an agent may know more than its calls have told. */
  #countRest(node: SpanNode, whole: Counted, { scope, kind }: Reporter, inclusive: boolean): Counted | undefined {
    const { counted: inside } = node
    if (!inside) return undefined
    if (inclusive) {
      const data = usageBeyond(whole.data, inside)
      return tellsAny(data) ? counted(node, { ...whole, data }, scope) : undefined
    }
    if (kind === 'run')
      return this.#isAccumulated(node, whole.data, scope) ? undefined : beyond(node, whole, inside, scope)
    return kind === 'model' ? countCost(node, whole, inside, scope) : undefined
  }
}

/**
 * Field by field: every spread that is followed by fields of other names makes a hidden class of its own, at a cost that
 * exceeds all else that is done for an event.
 */
function countedAs(
  { usage, confidence, altered }: MeantUsage,
  model: string | undefined,
  { provider, responseId }: Pick<CountedUsage, 'provider' | 'responseId'>,
): Counted {
  const data = {
    inputTokens: usage.inputTokens,
    outputTokens: usage.outputTokens,
    totalTokens: usage.totalTokens,
    cachedInputTokens: usage.cachedInputTokens,
    cacheCreationInputTokens: usage.cacheCreationInputTokens,
    reasoningTokens: usage.reasoningTokens,
    costUsd: usage.costUsd,
    model,
    provider,
    responseId,
  }
  return { data, confidence, altered }
}

/** Scopes of several instrumentations. */
const SEVERAL = '*'

function add(usage: TokenUsage, node: SpanNode, scope: string): void {
  let sameRun = true
  for (let above: SpanNode | undefined = node; above; above = above.parent) {
    above.counted = usagePlus(above.counted, usage)
    if (sameRun) above.countedBy = (above.countedBy ?? scope) === scope ? scope : SEVERAL
    sameRun &&= above.run === undefined
  }
}

/** Adds what is recorded already to the sum of the run that the span is in. */
function credit(node: SpanNode, usage: TokenUsage, scope: string): void {
  node.nearestRun()?.addUsage(usage)
  add(usage, node, scope)
}

function counted(
  node: SpanNode,
  whole: Counted,
  scope: string,
  { authoritative }: UsageReport = {},
): Counted | undefined {
  if (authoritative) {
    add(whole.data, node, scope)
    return whole
  }
  const data = beyondToldAbove(whole.data, node)
  node.tell(whole.data)
  if (!data) return undefined
  add(data, node, scope)
  return { ...whole, data }
}

/** The rest is told by the agent alone: which call consumed it, nobody says. */
function beyond(node: SpanNode, whole: Counted, known: TokenUsage, scope: string): Counted | undefined {
  const data = usageBeyond(whole.data, known)
  if (!tellsAny(data)) return undefined
  return counted(node, { ...whole, data: { ...data, responseId: undefined }, confidence: 'heuristic' }, scope)
}

/** A call that is told again may only then have its cost. */
function countCost(node: SpanNode, { data }: Counted, known: TokenUsage, scope: string): Counted | undefined {
  const { costUsd, model, provider, responseId } = data
  if (!costUsd || known.costUsd !== undefined || !sameCounts(data, known)) return undefined
  const cost = { inputTokens: 0, outputTokens: 0, totalTokens: 0, costUsd }
  return counted(node, { data: { ...cost, model, provider, responseId } }, scope)
}

function toldCall(node: SpanNode, data: CountedUsage, by: Reporter): ToldCall {
  const run = node.nearestRun()
  return {
    scope: by.scope,
    traceId: node.traceId,
    flow: node.flow,
    interval: by.interval,
    usage: data,
    model: data.model,
    responseId: data.responseId,
    runId: run?.runId,
    agent: run?.agent.name,
    turn: run?.toolCalls ?? 0,
  }
}

function tellsAny({ inputTokens, outputTokens, costUsd }: TokenUsage): boolean {
  return inputTokens > 0 || outputTokens > 0 || (costUsd ?? 0) > 0
}

function exceeds(sum: TokenUsage, part: TokenUsage): boolean {
  return sum.inputTokens >= part.inputTokens && sum.outputTokens >= part.outputTokens && !sameCounts(sum, part)
}

function isCounted(node: SpanNode): boolean {
  return node.counted !== undefined || countedByModelAbove(node)
}

/** A model span that ended before the one below it, and has counted for both. */
function countedByModelAbove(node: SpanNode): boolean {
  for (let above = node.parent; above && !above.run; above = above.parent) {
    if (above.counted && above.claim?.activity.kind === 'model' && above.span === undefined) return true
  }
  return false
}

/**
 * Returns what goes beyond the sums that spans around told when they ended, before this one did: what was open then, they have
 * told of. Each sum covers what it says once.
 */
function beyondToldAbove(usage: CountedUsage, node: SpanNode): CountedUsage | undefined {
  let rest = usage
  for (let above = node.parent; above; above = above.parent) {
    const { told } = above
    if (!told || node.serial > told.lastSerial) continue
    const owed = rest
    rest = usageBeyond(owed, told.usage)
    above.told = { ...told, usage: usageBeyond(told.usage, owed) }
  }
  return rest === usage || tellsAny(rest) ? rest : undefined
}
