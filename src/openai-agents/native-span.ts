import type { Attributes, HrTime, SpanContext } from '@opentelemetry/api'
import { ReadOnlySpan } from '../otel/read-only-span.js'
import type { OpenSpan, SpanEventLike } from '../otel/span.js'

const STATUS_UNSET = 0
const STATUS_OK = 1
const STATUS_ERROR = 2
const SCOPE = Object.freeze({ name: '@openai/agents' })

/** The facts with which a span begins. */
interface NativeSpanStart {
  readonly name: string
  readonly context: SpanContext
  readonly parent: SpanContext | undefined
  readonly startTime: HrTime
  readonly attributes: Attributes
}

/** The facts that come with the end of a span. */
interface NativeSpanEnd {
  readonly name: string
  readonly attributes: Attributes
  /** The message of the error, if there was one. */
  readonly failure: string | undefined
  readonly endTime: HrTime
}

/** A span of `@openai/agents`, or one of its traces, in the form in which the span processor sees spans. */
export class NativeSpan extends ReadOnlySpan implements OpenSpan {
  readonly kind = 0
  readonly instrumentationScope = SCOPE
  readonly events: SpanEventLike[] = []
  readonly startTime: HrTime
  readonly parentSpanContext: SpanContext | undefined
  readonly #context: SpanContext
  readonly #attributes: Attributes
  #name: string
  #status: { code: number; message?: string } = { code: STATUS_UNSET }
  #endTime: HrTime = [0, 0]
  #open = true

  constructor(init: NativeSpanStart) {
    super()
    this.#name = init.name
    this.#context = init.context
    this.parentSpanContext = init.parent
    this.startTime = init.startTime
    this.#attributes = init.attributes
  }

  get name(): string {
    return this.#name
  }

  get attributes(): Attributes {
    return this.#attributes
  }

  get status(): { code: number; message?: string } {
    return this.#status
  }

  get endTime(): HrTime {
    return this.#endTime
  }

  spanContext(): SpanContext {
    return this.#context
  }

  isRecording(): boolean {
    return this.#open
  }

  /** The SDK has ended the span. */
  finish({ name, attributes, failure, endTime }: NativeSpanEnd): void {
    this.#name = name
    Object.assign(this.#attributes, attributes)
    this.#status = failure === undefined ? { code: STATUS_OK } : { code: STATUS_ERROR, message: failure }
    this.#endTime = endTime
    this.#open = false
  }
}
