import type { Attributes, Context, HrTime } from '@opentelemetry/api'
import { reportProblem } from './problems.js'
import type { LogOrigin } from './span.js'

/** A named event that no span of this process carries: a log record, or a call of `record*` where no span records. */
export interface SpanlessEvent {
  readonly name: string
  readonly attributes: Attributes
  readonly time: HrTime
  /** The context that it happened in. */
  readonly context: Context
  /** The emitter of the event. */
  readonly origin: LogOrigin
}

/** Records events that no span carries. */
export interface SpanlessEventReceiver {
  /**
   * Records an event. Never throws.
   *
   * @param record - the log record that the event came as: it counts once, however many processors bring it
   */
  receive(event: SpanlessEvent, record?: object): void
}

/** Key of the receiver on an `AuditSpanProcessor`. Every copy of this package has the same one. */
export const SPANLESS_EVENTS: unique symbol = Symbol.for('spanledger.spanless-events.v1')

/** An object that records events which no span carries: an `AuditSpanProcessor`. */
export interface SpanlessEventSink {
  readonly [SPANLESS_EVENTS]: SpanlessEventReceiver
  /** Resolves when everything received before the call is durable. */
  forceFlush(): Promise<void>
}

/** Tells whether a value is such an object, of whichever copy of this package. Never throws. */
export function isSpanlessEventSink(value: unknown): value is SpanlessEventSink {
  try {
    const sink = value as Partial<SpanlessEventSink> | null | undefined
    return typeof sink?.[SPANLESS_EVENTS]?.receive === 'function' && typeof sink.forceFlush === 'function'
  } catch {
    return false
  }
}

/** The processing of an event, by what follows from the state of the processor. */
interface SpanlessEventsOptions {
  readonly isRecording: () => boolean
  readonly isOnIn: (context: Context) => boolean
  /** Called for every event, before it is known if it is recorded. */
  readonly onEvent: () => void
  /** Called before an event is recorded or suppressed: spans whose start is held back start now. */
  readonly onBeforeEvent: () => void
  readonly record: (event: SpanlessEvent) => void
  /** Counts an event that is not recorded, since auditing is off in its context. */
  readonly suppress: (context: Context) => void
}

/** Records events that no span carries, each log record once. */
export class SpanlessEvents implements SpanlessEventReceiver {
  readonly #options: SpanlessEventsOptions
  readonly #received = new WeakSet<object>()

  constructor(options: SpanlessEventsOptions) {
    this.#options = options
  }

  receive(event: SpanlessEvent, record?: object): void {
    if (record) {
      if (this.#received.has(record)) return
      this.#received.add(record)
    }
    const { onEvent, isRecording, onBeforeEvent, isOnIn, record: recordEvent, suppress } = this.#options
    onEvent()
    if (!isRecording()) return
    onBeforeEvent()
    try {
      if (isOnIn(event.context)) recordEvent(event)
      else suppress(event.context)
    } catch (problem) {
      reportProblem(problem)
    }
  }
}
