import { type Context, diag } from '@opentelemetry/api'
import { reportProblem } from './problems.js'
import type { OpenSpan, SpanLike } from './span.js'
import type { Tracker } from './tracking/tracker.js'

interface LiveSpansOptions {
  readonly tracker: Tracker
  readonly isRecording: () => boolean
  readonly isOnIn: (context: Context) => boolean
}

/** Follows the spans that start and end in this process, each once. */
export class LiveSpans {
  readonly #options: LiveSpansOptions
  #lastStarted: OpenSpan | undefined = undefined
  #hasWarnedOfRegistration = false

  constructor(options: LiveSpansOptions) {
    this.#options = options
  }

  /** Follows a span that has started, unless auditing is off in its context. Never throws. */
  start(span: OpenSpan, context: Context): void {
    const { tracker, isRecording, isOnIn } = this.#options
    try {
      if (!isOnIn(context)) {
        if (!tracker.suppressions.has(span)) tracker.suppressions.addSpan(span, context)
      } else if (!isRecording()) tracker.remember(span, context)
      else if (this.#isFollowed(span)) this.warnOfSecondRegistration()
      else {
        this.#lastStarted = span
        tracker.start(span, context)
      }
    } catch (problem) {
      reportProblem(problem)
    }
  }

  /** Ends a span. @returns false where it is not followed, and a log is attached */
  end(span: SpanLike): boolean {
    const { tracker, isRecording } = this.#options
    if (!isRecording()) tracker.forget(span)
    else if (tracker.follows(span)) tracker.end(span)
    else return false
    return true
  }

  /** Warns once. A span starts once: one that starts again comes from two registrations of the processor. */
  warnOfSecondRegistration(): void {
    if (this.#hasWarnedOfRegistration) return
    this.#hasWarnedOfRegistration = true
    diag.warn(
      'spanledger: the same AuditSpanProcessor is registered twice. Each span is recorded once; register it once.',
    )
  }

  /** A second registration brings the span right after the first, and looking it up would cost each span something. */
  #isFollowed(span: OpenSpan): boolean {
    return span === this.#lastStarted || (this.#hasWarnedOfRegistration && this.#options.tracker.follows(span))
  }
}
