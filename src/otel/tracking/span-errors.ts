import { type Interval, nearlyContained } from './interval.js'

/** Errors that are kept below one span. */
const MAX_ERRORS = 16

/** An error of a call, the instrumentation that reports it, and the time of the call. */
export interface ReportedError {
  readonly wording: string
  /** Name of the instrumentation scope. */
  readonly scope: string
  readonly interval: Interval
}

/** The errors that are recorded at a span, each by its wording. */
export class SpanErrors {
  #own: string | undefined = undefined
  readonly #below: ReportedError[] = []

  /** The wording of the span's own error. */
  get own(): string | undefined {
    return this.#own
  }

  recordOwn(wording: string): void {
    this.#own = wording
  }

  /** Records an error of a span inside, of the same run. */
  recordBelow(error: ReportedError): void {
    if (this.#below.length < MAX_ERRORS) this.#below.push(error)
  }

  hasBelow(wording: string): boolean {
    return this.#below.some((error) => error.wording === wording)
  }

  /** Tells whether another instrumentation has reported the error of a call at the same time. */
  hasBeside({ wording, scope, interval }: ReportedError): boolean {
    return this.#below.some(
      (error) => error.wording === wording && error.scope !== scope && nearlyContained(error.interval, interval),
    )
  }
}
