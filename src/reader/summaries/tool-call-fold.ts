import { fieldsOf } from '../../events/recorded-fields.js'
import type { RunStatus } from '../../events/run-status.js'
import { MAX_LISTED, type ToolCallSummary } from './run-summary.js'
import type { RunEvent } from './skimmed-event.js'
import { callIdIn, endedCall, isOver, startedCall, unfinishedIfRunning } from './tool-call.js'

/** Takes the starts and ends of a run's tool calls together, by call id. */
export class ToolCallFold {
  readonly #calls: ToolCallSummary[] = []
  /** Indexes of the calls that have not ended, by their ids. An id may be used again once its call has ended. */
  readonly #open = new Map<string, number>()
  #omitted = 0
  /** Calls that are left out and have not ended. */
  #omittedOpen = 0

  /** The number of calls that are left out because the list is full. */
  get omitted(): number {
    return this.#omitted
  }

  /** Tells that the list is full and all its calls have ended, so that no event changes it any more. */
  get isSettled(): boolean {
    return this.#isFull && this.#open.size === 0
  }

  start(event: RunEvent): void {
    if (this.#isFull) {
      this.omitStart()
      // The end that follows is that of this call.
      if (this.#open.size > 0) this.#open.delete(callIdIn(fieldsOf(event.data)))
      return
    }
    const call = startedCall(event)
    this.#open.set(call.callId, this.#calls.length)
    this.#calls.push(call)
  }

  end(event: RunEvent, status: 'completed' | 'failed'): void {
    if (this.isSettled) {
      this.omitEnd()
      return
    }
    const callId = callIdIn(fieldsOf(event.data))
    const at = this.#open.get(callId)
    if (at !== undefined) this.#calls[at] = endedCall(this.#calls[at], event, status)
    else if (this.#isFull) this.omitEnd()
    else this.#calls.push(endedCall(undefined, event, status))
    this.#open.delete(callId)
  }

  /** Leaves a start out. */
  omitStart(): void {
    this.#omitted++
    this.#omittedOpen++
  }

  /** Leaves an end out: mostly that of a call that was left out when it began. */
  omitEnd(): void {
    if (this.#omittedOpen > 0) this.#omittedOpen--
    else this.#omitted++
  }

  /** The calls in the order in which the log first shows them. */
  calls(run: RunStatus): readonly ToolCallSummary[] {
    return isOver(run) ? this.#calls.map(unfinishedIfRunning) : this.#calls
  }

  get #isFull(): boolean {
    return this.#calls.length >= MAX_LISTED
  }
}
