import { confidenceOf, weakest } from '../../events/confidence.js'
import { errorIn, type Fields, fieldsOf, numberIn, present, textIn } from '../../events/recorded-fields.js'
import type { RunStatus } from '../../events/run-status.js'
import { millisBetween } from '../../events/time.js'
import type { StoredEvent } from '../../events/types.js'
import { MAX_LISTED, type ToolCallSummary } from './run-summary.js'

/** Takes the starts and ends of a run's tool calls together, by call id. */
export class ToolCallFold {
  readonly #calls: ToolCallSummary[] = []
  /** Where the calls stand that have not ended. An id may be used again once its call has. */
  readonly #open = new Map<string, number>()
  #omitted = 0

  /** How many calls that were started are left out because the list is full. */
  get omitted(): number {
    return this.#omitted
  }

  start(event: StoredEvent, data: Fields): void {
    const confidence = present({ confidence: confidenceOf(event) })
    if (this.#push({ ...identity(data), status: 'running', ...confidence, startedAt: event.time })) {
      this.#open.set(textIn(data, 'callId') ?? '', this.#calls.length - 1)
    } else this.#omitted++
  }

  end(event: StoredEvent, data: Fields, status: 'completed' | 'failed'): void {
    const callId = textIn(data, 'callId') ?? ''
    const at = this.#open.get(callId)
    const started = at === undefined ? undefined : this.#calls[at]
    const { startedAt } = started ?? {}
    const elapsed = startedAt === undefined ? undefined : millisBetween(startedAt, event.time)
    const ended: ToolCallSummary = {
      ...(started ?? identity(data)),
      status,
      endedAt: event.time,
      ...present({
        confidence: weakest(started?.confidence, confidenceOf(event)),
        durationMs: numberIn(data, 'durationMs') ?? elapsed,
        error: errorIn(data),
      }),
    }
    if (at === undefined) this.#push(ended)
    else this.#calls[at] = ended
    this.#open.delete(callId)
  }

  /** The calls in the order in which the log first shows them. */
  calls(run: RunStatus): readonly ToolCallSummary[] {
    if (run === 'running' || run === 'suspended') return this.#calls
    return this.#calls.map((call) => (call.status === 'running' ? { ...call, status: 'unfinished' } : call))
  }

  #push(call: ToolCallSummary): boolean {
    if (this.#calls.length >= MAX_LISTED) return false
    this.#calls.push(call)
    return true
  }
}

function identity(data: Fields): { callId: string; name: string } {
  return { callId: textIn(data, 'callId') ?? '', name: textIn(fieldsOf(data.tool), 'name') ?? '' }
}
