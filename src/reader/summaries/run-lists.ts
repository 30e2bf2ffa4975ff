import { errorIn, type Fields, fieldsOf, present, textIn } from '../../events/recorded-fields.js'
import { statusAfter } from '../../events/run-status.js'
import type { StoredEvent } from '../../events/types.js'
import type { RunOverview } from '../../store/runs/run-overview.js'
import { MAX_LISTED, type RunSummary } from './run-summary.js'
import type { RunEvent } from './skimmed-event.js'
import { type EventList, isStep, listOf } from './step-kinds.js'
import { ToolCallFold } from './tool-call-fold.js'

/** Lists what happened in a run, and keeps the whole texts of its end. What it keeps does not grow with the number of events. */
export class RunLists {
  readonly toolCalls = new ToolCallFold()
  readonly #lists: Record<EventList, StoredEvent[]> = {
    subAgents: [],
    handoffs: [],
    memoryRecalls: [],
    compactions: [],
    limits: [],
    errors: [],
    approvals: [],
    policyViolations: [],
    policyDecisions: [],
    guardrails: [],
    memoryWrites: [],
    interventions: [],
  }
  #omitted = 0
  /** Data of the end that counts, of which a row has the beginnings of long texts. */
  #endData: Fields | undefined

  /** Adds an event; those of one list in append order. */
  add(event: RunEvent): void {
    if (statusAfter(event.type) === undefined) this.#list(event)
  }

  /** Takes the event by which the run has ended. */
  end({ data }: RunEvent): void {
    this.#endData = fieldsOf(data)
  }

  /** Counts events that no full list takes, and that were not read for it. */
  omit(events: number): void {
    this.#omitted += events
  }

  summary(overview: RunOverview): RunSummary {
    const end = overview.endedAt === undefined ? undefined : this.#endData
    return {
      ...overview,
      ...(end &&
        present({ finishReason: textIn(end, 'finishReason'), reason: textIn(end, 'reason'), error: errorIn(end) })),
      toolCalls: this.toolCalls.calls(overview.status),
      // The lists are filled by type: see `listOf`.
      ...(this.#lists as Pick<RunSummary, EventList>),
      omitted: this.#omitted + this.toolCalls.omitted,
    }
  }

  #list(event: RunEvent): void {
    switch (event.type) {
      case 'tool_call_started':
        this.toolCalls.start(event)
        return
      case 'tool_call_completed':
        this.toolCalls.end(event, 'completed')
        return
      case 'tool_call_failed':
        this.toolCalls.end(event, 'failed')
        return
      default:
        if (isStep(event)) this.#keep(listOf(event.type), event)
    }
  }

  #keep(name: EventList, event: StoredEvent): void {
    if (this.#lists[name].length < MAX_LISTED) this.#lists[name].push(event)
    else this.#omitted++
  }
}
