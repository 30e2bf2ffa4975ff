import type { Alteration, AuditEventData, Confidence, TokenUsage } from '../../events/index.js'
import { NO_USAGE, usageBeyond, usagePlus } from '../../events/usage.js'
import type { Activity, UsageReport } from '../conventions/contract.js'
import { type MeantUsage, meaningOf } from '../conventions/shared/usage-meaning.js'
import { RecentMap } from '../recent-map.js'
import type { Interval } from './interval.js'
import { ModelCalls, type ReportedCall, sameCounts } from './model-calls.js'
import { latestSerial } from './serial.js'
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

/** Decides which reports of token usage count: each model call once, at the innermost span that reports it. */
export class UsageLedger {
  readonly #calls = new ModelCalls()
  /** The sum that an agent reported last, by instrumentation and agent. */
  readonly #sums = new RecentMap<string, TokenUsage>(MAX_AGENTS)

  /** The event to record for what a span reports; `undefined` when the tokens are already counted. */
  count(node: SpanNode, report: UsageReport, by: Reporter): Counted | undefined {
    const meant = meaningOf(report, by.scope)
    if (!meant) return undefined
    const whole = countedAs(meant, report.model ?? by.model, report)
    if (report.authoritative) {
      const { countedBy } = node.usage ?? {}
      if (countedBy && countedBy !== by.scope) return undefined
    } else if (isCounted(node)) {
      return this.#countRest(node, whole, by, report.inclusive === true)
    }
    const call = callOf(node, whole.data, by)
    return by.kind === 'run' ? this.#countSum(node, whole, call, report) : this.#countCall(node, whole, call, report)
  }

  /** Counts what somebody stated outright, whatever else has been reported; outside of spans, that it was nothing as well. */
  countStated(node: SpanNode | undefined, stated: CountedUsage, scope: string): Counted | undefined {
    const meant = meaningOf(stated, scope)
    if (!meant) return node ? undefined : { data: stated }
    if (node) add(meant.usage, node, scope)
    return countedAs(meant, stated.model, stated)
  }

  /** Counts a call that log records report as well, for the spans around that report a sum. */
  countDuplicate(
    node: SpanNode,
    report: UsageReport,
    { scope, model }: Reporter,
  ): (Counted & { readonly isReportedInside: boolean }) | undefined {
    const meant = meaningOf(report, scope)
    if (!meant) return undefined
    const { counted: inside, countedBy } = node.usage ?? {}
    const isReportedInside = inside !== undefined && countedBy !== scope && sameCounts(inside, meant.usage)
    if (!isReportedInside) add(meant.usage, node, scope)
    return { ...countedAs(meant, report.model ?? model, report), isReportedInside }
  }

  /** An agent object may add up all of its life: what goes beyond this run is then what it reported of the runs before. */
  #isAccumulated(node: SpanNode, sum: TokenUsage, scope: string): boolean {
    const agent = node.nearestRun()?.agent
    const key = `${scope} ${agent?.id ?? ''} ${agent?.name ?? ''}`
    const before = this.#sums.get(key)
    this.#sums.set(key, sum)
    return before !== undefined && sameCounts(usageBeyond(sum, node.usage?.counted ?? NO_USAGE), before)
  }

  #countCall(node: SpanNode, whole: Counted, call: ReportedCall, report: UsageReport): Counted | undefined {
    const before = this.#calls.find(call)
    if (before) {
      if (call.runId !== undefined && !before.isInRun) {
        // A client's span may be outside the run that made the call: its tokens are recorded, and belong to the run's sum.
        before.enterRun()
        credit(node, before.usage, call.scope)
      }
      return countCost(node, whole, before.usage, call.scope)
    }
    this.#calls.add(call)
    return counted(node, whole, call.scope, report)
  }

  /** A sum with nothing counted inside may be of calls that were reported beside the span. */
  #countSum(node: SpanNode, whole: Counted, reported: ReportedCall, report: UsageReport): Counted | undefined {
    const calls = this.#calls.during(reported)
    const last = calls.at(-1)
    const sum = calls.reduce<TokenUsage | undefined>((so, { usage }) => usagePlus(so, usage), undefined)
    if (!sum || !last) return counted(node, whole, reported.scope, report)
    const isLast = sameCounts(last.usage, whole.data)
    const isWithin = exceeds(whole.data, sum) && calls.every(({ scope }) => scope === reported.scope)
    if (!isLast && !isWithin && !sameCounts(sum, whole.data)) return counted(node, whole, reported.scope, report)
    for (const call of calls) {
      if (!call.isInRun) credit(node, call.usage, reported.scope)
      call.enterSum()
    }
    return isWithin ? beyond(node, whole, sum, reported.scope) : undefined
  }

  /** Counts the rest that a span adds to what is counted inside of it: an agent may know more than its calls have reported. */
  #countRest(node: SpanNode, whole: Counted, { scope, kind }: Reporter, inclusive: boolean): Counted | undefined {
    const { counted: inside } = node.usage ?? {}
    if (!inside) return undefined
    if (inclusive) {
      const data = usageBeyond(whole.data, inside)
      return isAny(data) ? counted(node, { ...whole, data }, scope) : undefined
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

function add(usage: TokenUsage, node: SpanNode, scope: string): void {
  let sameRun = true
  for (let above: SpanNode | undefined = node; above; above = above.parent) {
    above.ownUsage.count(usage, sameRun ? scope : undefined)
    sameRun &&= above.run === undefined
  }
}

/** Adds what is recorded already to the sum of the run that the span is in. */
function credit(node: SpanNode, usage: TokenUsage, scope: string): void {
  node.nearestRun()?.tally.addUsage(usage)
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
  const data = beyondSumsAbove(whole.data, node)
  node.ownUsage.close(whole.data, latestSerial())
  if (!data) return undefined
  add(data, node, scope)
  return { ...whole, data }
}

/** The rest is reported by the agent alone: which call consumed it, is not known. */
function beyond(node: SpanNode, whole: Counted, known: TokenUsage, scope: string): Counted | undefined {
  const data = usageBeyond(whole.data, known)
  if (!isAny(data)) return undefined
  return counted(node, { ...whole, data: { ...data, responseId: undefined }, confidence: 'heuristic' }, scope)
}

/** A call that is reported again may only then have its cost. */
function countCost(node: SpanNode, { data }: Counted, known: TokenUsage, scope: string): Counted | undefined {
  const { costUsd, model, provider, responseId } = data
  if (!costUsd || known.costUsd !== undefined || !sameCounts(data, known)) return undefined
  const cost = { inputTokens: 0, outputTokens: 0, totalTokens: 0, costUsd }
  return counted(node, { data: { ...cost, model, provider, responseId } }, scope)
}

function callOf(node: SpanNode, data: CountedUsage, by: Reporter): ReportedCall {
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
    turn: run?.tally.toolCalls ?? 0,
  }
}

function isAny({ inputTokens, outputTokens, costUsd }: TokenUsage): boolean {
  return inputTokens > 0 || outputTokens > 0 || (costUsd ?? 0) > 0
}

function exceeds(sum: TokenUsage, part: TokenUsage): boolean {
  return sum.inputTokens >= part.inputTokens && sum.outputTokens >= part.outputTokens && !sameCounts(sum, part)
}

function isCounted(node: SpanNode): boolean {
  return node.usage?.counted !== undefined || countedByModelAbove(node)
}

/** A model span that ended before the one below it, and has counted for both. */
function countedByModelAbove(node: SpanNode): boolean {
  for (let above = node.parent; above && !above.run; above = above.parent) {
    if (above.usage?.counted && above.recognition?.activity.kind === 'model' && above.span === undefined) return true
  }
  return false
}

/**
 * Returns what goes beyond the sums that spans around reported when they ended, before this one did: these hold what was open
 * then. Each sum covers what it holds once.
 */
function beyondSumsAbove(usage: CountedUsage, node: SpanNode): CountedUsage | undefined {
  let rest = usage
  for (let above = node.parent; above; above = above.parent) rest = above.usage?.beyondSum(rest, node.serial) ?? rest
  return rest === usage || isAny(rest) ? rest : undefined
}
