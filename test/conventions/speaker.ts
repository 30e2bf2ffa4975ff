import { type Attributes, ROOT_CONTEXT, SpanStatusCode, type TracerProvider, trace } from '@opentelemetry/api'
import { nextTurn } from '../support/audited-sdk.js'
import type { Dialect, Spoken, Words } from './dialect.js'

/** An agent, with what stands around it. */
export interface SpokenAgent {
  readonly agent: Spoken
  /** Ends it well. */
  readonly finish: (attributes?: Attributes) => void
  readonly fail: (error: Error) => void
}

/** The work inside of a call, whose end it writes, and of the span around that. */
export type Within = (call: Spoken, around: Spoken) => void | Promise<void>

const T0 = 1_790_000_000_000

/** Writes spans in a dialect: whatever one of them says happens a millisecond after what was said before. */
export class Speaker {
  static #millis = T0
  readonly #dialect: Dialect
  readonly #provider: TracerProvider | undefined

  /** @param provider - where its spans go, if not to the provider that is registered globally */
  constructor(dialect: Dialect, provider?: TracerProvider) {
    this.#dialect = dialect
    this.#provider = provider
  }

  async start(words: Words, parent?: Spoken): Promise<Spoken> {
    const spoken = this.#open(words, parent)
    await nextTurn()
    return spoken
  }

  end(spoken: Spoken, attributes: Attributes = {}): void {
    this.#tellInside(spoken)
    sayLastWords(spoken)
    spoken.span.setAttributes(attributes).end(this.now())
  }

  fail(spoken: Spoken, error: Error): void {
    this.#tellInside(spoken, error)
    const { fail = failAsUsual } = this.#dialect
    fail(spoken, error)
    spoken.span.end(this.now())
  }

  /** Starts an agent. */
  async agent(name: string, parent?: Spoken): Promise<SpokenAgent> {
    const { around } = this.#dialect
    const outer = around && !parent ? await this.start(around) : parent
    const agent = await this.start(this.#dialect.agent(name), outer)
    const { opening } = this.#dialect
    if (opening) this.end(await this.start(opening, agent))
    const leave = () => outer && !parent && this.end(outer)
    return {
      agent,
      finish: (attributes) => {
        this.end(agent, attributes)
        leave()
      },
      fail: (error) => {
        this.fail(agent, error)
        leave()
      },
    }
  }

  /** Writes a call of a tool, or of a model, of an agent. */
  async call(agent: Spoken, words: Words | undefined, within: Within): Promise<void> {
    if (!words) return
    const { step } = this.#dialect
    const around = step ? await this.start(step, agent) : agent
    await within(await this.start(words, around), around)
    if (around !== agent) this.end(around)
  }

  /** The time, which goes on by being asked. */
  now(): number {
    Speaker.#millis++
    return Speaker.#millis
  }

  #open(words: Words, parent?: Spoken): Spoken {
    const context = parent ? trace.setSpan(ROOT_CONTEXT, parent.span) : ROOT_CONTEXT
    const { scope = this.#dialect.scope, name, start = {}, kind } = words
    const options = { attributes: start, startTime: this.now(), ...(kind !== undefined && { kind }) }
    const span = (this.#provider ?? trace).getTracer(scope).startSpan(name, options, context)
    return { span: span.setAttributes(words.soon ?? {}), words }
  }

  #tellInside(spoken: Spoken, error?: Error): void {
    for (const words of spoken.words.inside?.(error) ?? []) {
      const inner = this.#open(words, spoken)
      if (error) failAsUsual(inner, error)
      inner.span.end(this.now())
    }
  }
}

export function sayLastWords({ span, words }: Spoken): void {
  span.setAttributes(words.end ?? {})
  if (words.endName) span.updateName(words.endName)
}

/** Fails a span as OpenTelemetry's own conventions have it. */
export function failAsUsual(spoken: Spoken, error: Error): void {
  sayLastWords(spoken)
  spoken.span.recordException(error)
  spoken.span.setStatus({ code: SpanStatusCode.ERROR, message: error.message })
}

/** An error of a class. */
export function errorNamed(name: string, message: string): Error {
  const error = Object.assign(new Error(message), { name })
  error.stack = `${name}: ${message}\n    at app.js:1:1`
  return error
}
