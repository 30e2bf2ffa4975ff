import type { OpenSpan } from '../span.js'

export type AddEvent = OpenSpan['addEvent']

/** The number of events of a span that are taken, and the state of its `addEvent`. */
export class EventCount {
  #taken: number
  #isCalling = false
  /** The `addEvent` of its own that the span had before. */
  readonly before: AddEvent | undefined

  constructor(taken = 0, before: AddEvent | undefined = undefined) {
    this.#taken = taken
    this.before = before
  }

  /** Events that the span has had, those included that it has dropped, when it was last looked at. */
  get taken(): number {
    return this.#taken
  }

  /** Its `addEvent` is being called. */
  get isCalling(): boolean {
    return this.#isCalling
  }

  takeUpTo(total: number): void {
    this.#taken = total
  }

  add(events: number): void {
    this.#taken += events
  }

  startCall(): void {
    this.#isCalling = true
  }

  endCall(): void {
    this.#isCalling = false
  }
}
