import type { StoredEvent } from '../../events/types.js'
import type { RunOverview } from '../../store/runs/run-overview.js'
import type { RunStep } from '../steps/run-step.js'
import type { RunSummary } from '../summaries/run-summary.js'
import type { EventList } from '../summaries/step-kinds.js'
import type { LogPlace } from './moment.js'

/** Tells where events are that were read by a position. */
export interface Places {
  placeOf(position: number): LogPlace
}

/** The logs of the first and the newest event of a run, or of something else that was summed up. */
export interface LogsOfEnds {
  /** Number of the log that has its first event, at `firstSeq`. */
  readonly log: number
  /** Number of the log that has its newest event, at `lastSeq`. */
  readonly lastLog: number
}

/** The places in one log. */
export function placesIn(log: number): Places {
  return { placeOf: (seq) => ({ log, seq }) }
}

/** Returns an overview with the places of its first and its newest event. */
export function placedOverview<O extends RunOverview>(overview: O, places: Places): O & LogsOfEnds {
  const [first, last] = [places.placeOf(overview.firstSeq), places.placeOf(overview.lastSeq)]
  return { ...overview, firstSeq: first.seq, lastSeq: last.seq, log: first.log, lastLog: last.log }
}

/** Returns a summary in which everything has its place. */
export function placedSummary(summary: RunSummary, places: Places): RunSummary & LogsOfEnds {
  return { ...placedOverview(summary, places), ...placedLists(summary, places) }
}

function placedLists(summary: RunSummary, places: Places): Pick<RunSummary, EventList> {
  const placed = <E extends StoredEvent>(events: readonly E[]) => events.map((event) => placedEvent(event, places))
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

/** Returns a step with its place. */
export function placedStep(step: RunStep, places: Places): RunStep & { readonly log: number } {
  const place = places.placeOf(step.seq)
  if (step.kind === 'tool_call') return { ...step, ...place }
  return { ...step, ...place, event: placedEvent(step.event, places) } as RunStep & { readonly log: number }
}

function placedEvent<E extends StoredEvent>(event: E, places: Places): E & LogPlace {
  return { ...event, ...places.placeOf(event.seq) }
}
