import type { ToolCall } from './tool-call.js'

/** The tool call that a span is. */
export interface CallOfSpan {
  /** Recorded with its start, so that its end carries the same. */
  readonly id: string
  /** The recorded call that the span reports. */
  readonly recorded: ToolCall
}

/** The part of one span that is recorded already. */
export class SpanRecord {
  #call: CallOfSpan | undefined = undefined
  #isRepeat = false
  #hasConcluded = false
  #eventsBefore = 0

  /** The tool call that the span is, once its start is recorded. */
  get call(): CallOfSpan | undefined {
    return this.#call
  }

  becomeCall(call: CallOfSpan): void {
    this.#call = call
  }

  /** Another span has reported what this one reports: it adds nothing but an end that the other does not know. */
  get isRepeat(): boolean {
    return this.#isRepeat
  }

  becomeRepeat(): void {
    this.#isRepeat = true
  }

  /** The end of the span is being recorded. @returns false where it is recorded already */
  conclude(): boolean {
    if (this.#hasConcluded) return false
    this.#hasConcluded = true
    return true
  }

  /** Takes over the record of the span of the same ids that has been here before. @param events - those of it that were taken */
  continue(before: SpanRecord, events: number): void {
    this.#call = before.#call
    this.#isRepeat = before.#isRepeat
    this.#hasConcluded = before.#hasConcluded
    this.#eventsBefore = events
  }

  /** Takes one of the events that are recorded of the span before. @returns false where none is left */
  skipEvent(): boolean {
    if (this.#eventsBefore === 0) return false
    this.#eventsBefore--
    return true
  }
}
