import type { StoredEvent } from '../../events/types.js'
import type { RunOverview } from '../../store/runs/run-overview.js'
import type { RunStep } from '../steps/run-step.js'
import type { RunSummary } from '../summaries/run-summary.js'
import type { EventList } from '../summaries/step-kinds.js'
import type { LedgerPosition } from './moment.js'

/** Maps the positions by which events were read to their positions in the ledger. */
export interface LedgerPositions {
  positionOf(position: number): LedgerPosition
}

/** The logs of the first and the newest event of a run, or of something else that was summed up. */
export interface LogsOfEnds {
  /** Number of the log that has its first event, at `firstSeq`. */
  readonly log: number
  /** Number of the log that has its newest event, at `lastSeq`. */
  readonly lastLog: number
}

/** The positions in one log. */
export function positionsIn(log: number): LedgerPositions {
  return { positionOf: (seq) => ({ log, seq }) }
}

/** Returns an overview with the positions of its first and its newest event. */
export function overviewInLedger<O extends RunOverview>(overview: O, positions: LedgerPositions): O & LogsOfEnds {
  const [first, last] = [positions.positionOf(overview.firstSeq), positions.positionOf(overview.lastSeq)]
  return { ...overview, firstSeq: first.seq, lastSeq: last.seq, log: first.log, lastLog: last.log }
}

/** Returns a summary in which everything has its position in the ledger. */
export function summaryInLedger(summary: RunSummary, positions: LedgerPositions): RunSummary & LogsOfEnds {
  return { ...overviewInLedger(summary, positions), ...listsInLedger(summary, positions) }
}

function listsInLedger(summary: RunSummary, positions: LedgerPositions): Pick<RunSummary, EventList> {
  const placed = <E extends StoredEvent>(events: readonly E[]) => events.map((event) => eventInLedger(event, positions))
  return {
    subAgents: placed(summary.subAgents),
    handoffs: placed(summary.handoffs),
    memoryRecalls: placed(summary.memoryRecalls),
    compactions: placed(summary.compactions),
    limits: placed(summary.limits),
    errors: placed(summary.errors),
    approvals: placed(summary.approvals),
    policyViolations: placed(summary.policyViolations),
    policyDecisions: placed(summary.policyDecisions),
    guardrails: placed(summary.guardrails),
    memoryWrites: placed(summary.memoryWrites),
    interventions: placed(summary.interventions),
  }
}

/** Returns a step with its position in the ledger. */
export function stepInLedger(step: RunStep, positions: LedgerPositions): RunStep & { readonly log: number } {
  const position = positions.positionOf(step.seq)
  if (step.kind === 'tool_call') return { ...step, ...position }
  return { ...step, ...position, event: eventInLedger(step.event, positions) } as RunStep & { readonly log: number }
}

function eventInLedger<E extends StoredEvent>(event: E, positions: LedgerPositions): E & LedgerPosition {
  return { ...event, ...positions.positionOf(event.seq) }
}
