import { errorIn, type Fields, fieldsOf, present, textIn } from '../../events/recorded-fields.js'
import { statusAfter } from '../../events/run-status.js'
import type { AuditEventType, StoredEvent } from '../../events/types.js'
import type { RunOverview } from '../../store/runs/run-overview.js'
import { MAX_LISTED, type RunSummary } from './run-summary.js'
import { ToolCallFold } from './tool-call-fold.js'

/** Which list of a summary the events of a type go to. */
const LIST_OF = {
  sub_agent_invoked: 'subAgents',
  agent_handoff: 'handoffs',
  memory_recall: 'memoryRecalls',
  context_compacted: 'compactions',
  usage_limit_exceeded: 'limits',
  error_occurred: 'errors',
  tool_approval_requested: 'approvals',
  tool_approval_granted: 'approvals',
  tool_approval_denied: 'approvals',
  policy_violation: 'policyViolations',
} as const satisfies { readonly [T in AuditEventType]?: keyof RunSummary }

/** A list of events in a summary. */
export type ListName = (typeof LIST_OF)[keyof typeof LIST_OF]

/** The lists of events in a summary. */
export const EVENT_LISTS: readonly ListName[] = [...new Set(Object.values(LIST_OF))]

/** Returns the types of the events that a list takes. */
export function typesOfList(list: ListName): readonly AuditEventType[] {
  return (Object.keys(LIST_OF) as (keyof typeof LIST_OF)[]).filter((type) => LIST_OF[type] === list)
}

/** Lists what happened in a run, and keeps the whole texts of its end. What it keeps does not grow with the number of events. */
export class RunLists {
  readonly toolCalls = new ToolCallFold()
  readonly #lists: Record<ListName, StoredEvent[]> = {
    subAgents: [],
    handoffs: [],
    memoryRecalls: [],
    compactions: [],
    limits: [],
    errors: [],
    approvals: [],
    policyViolations: [],
  }
  #omitted = 0
  /** Data of the latest end, of which a row has the beginnings of long texts; gone again when the run goes on. */
  #endData: Fields | undefined

  /** Adds an event; those of one list in append order. */
  add(event: StoredEvent): void {
    const status = statusAfter(event.type)
    if (status === undefined) this.#list(event)
    else this.#endData = status === 'running' ? undefined : fieldsOf(event.data)
  }

  /** Counts events that no full list takes, and that were not read for it. */
  omit(events: number): void {
    this.#omitted += events
  }

  summary(overview: RunOverview): RunSummary {
    const end = this.#endData
    return {
      ...overview,
      ...(end &&
        present({ finishReason: textIn(end, 'finishReason'), reason: textIn(end, 'reason'), error: errorIn(end) })),
      toolCalls: this.toolCalls.calls(overview.status),
      // The lists are filled by type: see LIST_OF.
      ...(this.#lists as Pick<RunSummary, ListName>),
      omitted: this.#omitted + this.toolCalls.omitted,
    }
  }

  #list(event: StoredEvent): void {
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
        if (Object.hasOwn(LIST_OF, event.type)) this.#keep(LIST_OF[event.type as keyof typeof LIST_OF], event)
    }
  }

  #keep(name: ListName, event: StoredEvent): void {
    if (this.#lists[name].length < MAX_LISTED) this.#lists[name].push(event)
    else this.#omitted++
  }
}
