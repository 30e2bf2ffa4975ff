import type { Activity, Conclusion, Fact, Outcome } from '../conventions/contract.js'
import { concludeError, endingOfError } from '../conventions/shared/error-endings.js'
import { errorOf, hasErrorStatus } from '../conventions/shared/outcome.js'
import type { SpanLike } from '../span.js'
import { inDoubt, lossOfOutcome } from './losses.js'
import type { Run } from './run.js'
import type { Claim, SpanNode } from './span-node.js'

/** The error that somebody inside a run has thrown to pause it. */
export type Pause = Pick<Conclusion, 'reason' | 'waitingFor'>

/** A conclusion that says what came of it. */
export type Ending = Conclusion & { readonly outcome: Outcome }

/**
 * Tells what came of a span: as its convention says; else by its error, which may be one that cancels or pauses; else it has
 * completed, unless, for a run, something inside has paused it.
 */
export function endOf(node: SpanNode, claim: Claim, span: SpanLike, told: Conclusion): Ending {
  const ending = settled(node, claim.activity, span, told)
  const doubt = ending.outcome === 'completed' ? node.run?.doubt : undefined
  return inDoubt(ending, lossOfOutcome(span, claim) ?? doubt)
}

function settled(node: SpanNode, activity: Activity, span: SpanLike, told: Conclusion): Ending {
  if (told.outcome) return told as Ending
  const error = told.error ?? (hasErrorStatus(span) ? errorOf(span) : undefined)
  if (!error) {
    const pause = node.run?.pause
    return pause ? { ...told, ...pause, outcome: 'suspended', confidence: 'heuristic' } : completed(told)
  }
  const ending = endingOfError(error, span)
  const concluded = { ...told, ...concludeError(error, span), outcome: ending.outcome }
  if (ending.outcome !== 'suspended') return concluded
  const waitingFor = node.run?.pause?.waitingFor ?? nameOf(activity)
  const facts = activity.kind === 'tool' && ending.waitsFor === 'approval' ? [request(node, activity.tool)] : []
  return { ...concluded, waitingFor, facts: [...(told.facts ?? []), ...facts] }
}

/** Field by field, as in the ledger of usage: most spans end so. */
function completed(told: Conclusion): Ending {
  const ending = {
    outcome: 'completed' as const,
    confidence: told.confidence,
    altered: told.altered,
    error: told.error,
    reason: told.reason,
    waitingFor: told.waitingFor,
    by: told.by,
    finishReason: told.finishReason,
    usage: told.usage,
    hits: told.hits,
    endsRun: told.endsRun,
    agent: told.agent,
    tool: told.tool,
    scope: told.scope,
    runScope: told.runScope,
    enclosingRun: told.enclosingRun,
    facts: told.facts,
    call: told.call,
  } satisfies { readonly [field in keyof Required<Conclusion>]: Conclusion[field] }
  return ending
}

/** Notes that a span has paused the run around it by its error. The run goes on when it calls its model again. */
export function notePause(run: Run | undefined, told: Conclusion, { outcome, reason, waitingFor }: Ending): void {
  if (run && outcome === 'suspended' && told.outcome === undefined) run.pause = { reason, waitingFor }
}

function nameOf(activity: Activity): string | undefined {
  return activity.kind === 'tool' ? activity.tool.name : undefined
}

function request(node: SpanNode, tool: { readonly name: string }): Fact {
  return { type: 'tool_approval_requested', data: { callId: node.callId ?? node.spanId, tool } }
}
