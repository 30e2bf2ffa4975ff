import type { Activity, Conclusion, Fact, Outcome } from '../conventions/contract.js'
import { concludeError, endingOfError } from '../conventions/shared/error-endings.js'
import { errorOf, hasErrorStatus } from '../conventions/shared/outcome.js'
import type { SpanLike } from '../span.js'
import { inDoubt, type Loss, lossOfOutcome } from './losses.js'
import type { Recognition } from './recognition.js'
import type { Run } from './run.js'
import type { SpanNode } from './span-node.js'

/** A conclusion that says what came of it. */
export type Ending = Conclusion & { readonly outcome: Outcome }

/**
 * Returns the ending of a span: as its convention says; else by its error, which may be one that cancels or pauses; else it
 * has completed, unless, for a run, something inside has paused it.
 */
export function endOf(node: SpanNode, recognition: Recognition, span: SpanLike, conclusion: Conclusion): Ending {
  const ending = settled(node, recognition.activity, span, conclusion)
  const doubt = ending.outcome === 'completed' ? node.run?.signs.loss : undefined
  return inDoubt(ending, lossOfOutcome(span, recognition) ?? doubt)
}

function settled(node: SpanNode, activity: Activity, span: SpanLike, conclusion: Conclusion): Ending {
  if (conclusion.outcome) return conclusion as Ending
  const error = conclusion.error ?? (hasErrorStatus(span) ? errorOf(span) : undefined)
  if (!error) {
    const pause = node.run?.signs.pause
    return pause ? { ...conclusion, ...pause, outcome: 'suspended', confidence: 'heuristic' } : completed(conclusion)
  }
  const ending = endingOfError(error, span)
  const concluded = { ...conclusion, ...concludeError(error, span), outcome: ending.outcome }
  if (ending.outcome !== 'suspended') return concluded
  const waitingFor = node.run?.signs.pause?.waitingFor ?? nameOf(activity)
  const facts = activity.kind === 'tool' && ending.waitsFor === 'approval' ? [request(node, activity.tool)] : []
  return { ...concluded, waitingFor, facts: [...(conclusion.facts ?? []), ...facts] }
}

/** Field by field, as in the ledger of usage: most spans end so. */
function completed(conclusion: Conclusion): Ending {
  const ending = {
    outcome: 'completed' as const,
    confidence: conclusion.confidence,
    altered: conclusion.altered,
    error: conclusion.error,
    reason: conclusion.reason,
    waitingFor: conclusion.waitingFor,
    by: conclusion.by,
    finishReason: conclusion.finishReason,
    usage: conclusion.usage,
    hits: conclusion.hits,
    endsRun: conclusion.endsRun,
    agent: conclusion.agent,
    tool: conclusion.tool,
    scope: conclusion.scope,
    runScope: conclusion.runScope,
    enclosingRun: conclusion.enclosingRun,
    facts: conclusion.facts,
    call: conclusion.call,
  } satisfies { readonly [field in keyof Required<Conclusion>]: Conclusion[field] }
  return ending
}

/**
 * Enters the end of a span into the signs of how the run around it will end: a pause by its error, and what may have been lost
 * with it. The run goes on when it calls its model again.
 */
export function signEnd(
  run: Run | undefined,
  {
    conclusion,
    ending,
    loss,
    kind,
  }: {
    /** The words of the span's convention. */
    readonly conclusion: Conclusion
    readonly ending: Ending
    readonly loss: Loss | undefined
    readonly kind: Activity['kind']
  },
): void {
  if (!run) return
  if (loss || kind === 'model') run.signs.doubt(loss)
  const { outcome, reason, waitingFor } = ending
  if (outcome === 'suspended' && conclusion.outcome === undefined) run.signs.stop({ reason, waitingFor })
}

function nameOf(activity: Activity): string | undefined {
  return activity.kind === 'tool' ? activity.tool.name : undefined
}

function request(node: SpanNode, tool: { readonly name: string }): Fact {
  return { type: 'tool_approval_requested', data: { callId: node.record?.call?.id ?? node.spanId, tool } }
}
