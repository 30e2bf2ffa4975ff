import { errorIn, type Fields, fieldsOf, present, textIn } from '../../events/recorded-fields.js'
import { statusAfter } from '../../events/run-status.js'
import type { StoredEvent } from '../../events/types.js'
import { filedEvent } from '../../store/filed-event.js'
import { RunRowFold } from '../../store/runs/row-fold.js'
import { MAX_LISTED, type RunSummary } from './run-summary.js'
import { type EventStepKind, kindOf, LIST_OF } from './step-kinds.js'
import { ToolCallFold } from './tool-call-fold.js'

/** The lists of events that are steps by themselves. */
type ListName = (typeof LIST_OF)[EventStepKind]

/**
 * Sums up a run while its events stream by in append order: its row, and lists of what happened. What it keeps does not
 * grow with the number of events. Their `data` is not trusted: an event can be recorded without validation, or by a
 * version to come.
 */
export class RunFold {
  readonly #row: RunRowFold
  readonly #toolCalls = new ToolCallFold()
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

  /** @param first - the run's first event; it is to be added like the others */
  constructor(runId: string, first: StoredEvent) {
    this.#row = RunRowFold.of({ runId }, first.seq, first)
  }

  get tenantId(): string {
    return this.#row.state.tenantId
  }

  get hasBegunOrEnded(): boolean {
    return this.#row.state.status !== undefined
  }

  add(event: StoredEvent): void {
    this.#row.add(event.seq, filedEvent(event))
    const status = statusAfter(event.type)
    if (status === undefined) this.#list(event)
    else this.#endData = status === 'running' ? undefined : fieldsOf(event.data)
  }

  summary(): RunSummary {
    const overview = this.#row.overview()
    const end = this.#endData
    return {
      ...overview,
      ...(end &&
        present({ finishReason: textIn(end, 'finishReason'), reason: textIn(end, 'reason'), error: errorIn(end) })),
      toolCalls: this.#toolCalls.calls(overview.status),
      // The lists are filled by type: see LIST_OF.
      ...(this.#lists as Pick<RunSummary, ListName>),
      omitted: this.#omitted + this.#toolCalls.omitted,
    }
  }

  #list(event: StoredEvent): void {
    switch (event.type) {
      case 'tool_call_started':
        this.#toolCalls.start(event)
        return
      case 'tool_call_completed':
        this.#toolCalls.end(event, 'completed')
        return
      case 'tool_call_failed':
        this.#toolCalls.end(event, 'failed')
        return
      default: {
        const kind = kindOf(event.type)
        if (kind !== undefined) this.#keep(LIST_OF[kind], event)
      }
    }
  }

  #keep(name: ListName, event: StoredEvent): void {
    if (this.#lists[name].length < MAX_LISTED) this.#lists[name].push(event)
    else this.#omitted++
  }
}
