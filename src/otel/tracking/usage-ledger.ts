import type { AuditEventData, TokenUsage } from '../../events/index.js'
import { usageBeyond, usagePlus } from '../../events/usage.js'
import type { UsageReport } from '../conventions/contract.js'
import { RecentMap } from '../recent-map.js'
import type { SpanNode } from './span-node.js'

const MAX_RESPONSE_IDS = 4096

type CountedUsage = AuditEventData<'token_usage_updated'>

/** Decides which reports of token usage count: each model call once, at the innermost span that tells it. */
export class UsageLedger {
  /** Who counted a response. The same response told by another instrumentation is the same call. */
  readonly #responses = new RecentMap<string, { readonly scope: string; readonly usage: TokenUsage; inRun: boolean }>(
    MAX_RESPONSE_IDS,
  )

  /** The event to record for what a span reports; `undefined` when the tokens are already counted. */
  count(node: SpanNode, report: UsageReport, scope: string): CountedUsage | undefined {
    const { authoritative, inclusive, responseId } = report
    const usage = complete(inclusive && node.counted ? usageBeyond(report, node.counted) : report)
    if (!usage) return undefined
    if (authoritative ? node.countedBy && node.countedBy !== scope : !inclusive && isCounted(node)) return undefined
    if (responseId !== undefined && this.#toldByAnother(responseId, usage, node, scope)) return undefined
    if (authoritative) {
      add(usage, node, scope)
      return usage
    }
    const rest = beyondToldAbove(usage, node)
    node.tell(usage)
    if (rest) add(rest, node, scope)
    return rest
  }

  /** Counts what somebody stated outright, whatever else has been reported. */
  countStated(node: SpanNode, stated: UsageReport, scope: string): CountedUsage | undefined {
    const usage = complete(stated)
    if (usage) add(usage, node, scope)
    return usage
  }

  #toldByAnother(responseId: string, usage: TokenUsage, node: SpanNode, scope: string): boolean {
    const run = node.nearestRun()
    const first = this.#responses.get(responseId)
    if (first === undefined) this.#responses.set(responseId, { scope, usage, inRun: run !== undefined })
    // Servers of their own may hand out an id twice: what consumed something else is another call.
    if (first === undefined || first.scope === scope || !sameCounts(first.usage, usage)) return false
    if (run && !first.inRun) {
      // A client's span may be outside the run that made the call: its tokens are recorded, and belong to the run's sum.
      run.addUsage(usage)
      add(usage, node, scope)
      first.inRun = true
    }
    return true
  }
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

function sameCounts(one: TokenUsage, other: TokenUsage): boolean {
  return one.inputTokens === other.inputTokens && one.outputTokens === other.outputTokens
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
 * What goes beyond the sums that spans around told when they ended, before this one did: what was open then, they have
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
  return rest === usage || rest.inputTokens || rest.outputTokens || rest.costUsd ? rest : undefined
}

/** Fills in what follows from the rest; a report without any tokens or cost is none. */
function complete(report: UsageReport): CountedUsage | undefined {
  const { inputTokens, outputTokens, totalTokens, costUsd } = report
  if (!inputTokens && !outputTokens && !totalTokens && !costUsd) return undefined
  const input = inputTokens ?? Math.max(0, (totalTokens ?? 0) - (outputTokens ?? 0))
  const output = outputTokens ?? Math.max(0, (totalTokens ?? 0) - (inputTokens ?? 0))
  return {
    inputTokens: input,
    outputTokens: output,
    totalTokens: totalTokens ?? input + output,
    cachedInputTokens: report.cachedInputTokens,
    cacheCreationInputTokens: report.cacheCreationInputTokens,
    reasoningTokens: report.reasoningTokens,
    costUsd,
    model: report.model,
    provider: report.provider,
    responseId: report.responseId,
  }
}
