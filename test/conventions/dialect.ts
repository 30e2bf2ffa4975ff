import { type Attributes, ROOT_CONTEXT, type Span, SpanStatusCode, trace } from '@opentelemetry/api'
import { nextTurn } from '../support/audited-sdk.js'

/** A span in the words of an instrumentation, by the moment at which it says them. */
export interface Words {
  /** The name at its start. */
  readonly name: string
  readonly start?: Attributes
  /** Set right after the start. */
  readonly soon?: Attributes
  readonly end?: Attributes
  /** The name at its end, where that is another. */
  readonly endName?: string
}

/**
 * One instrumentation, as far as the common cases need its words:
 *
 *     { scope: 'app', agent: (name) => ({ name: `invoke_agent ${name}`, start: { 'gen_ai.operation.name': 'invoke_agent', … } }), … }
 */
export interface Dialect {
  /** The instrumentation scope. */
  readonly scope: string
  readonly agent: (name: string) => Words
  /** A span that always stands around the outermost agent, and is no event. */
  readonly around?: Words
  /** A span between an agent and its tools and models. */
  readonly step?: Words
  readonly tool: (name: string, callId: string) => Words
  readonly model: (inputTokens: number, outputTokens: number) => Words
  /** Attributes by which the end of an agent repeats the sum of its model calls. */
  readonly repeatedUsage?: (inputTokens: number, outputTokens: number) => Attributes
  /** Attributes of an agent's end that tell its session. */
  readonly session?: (sessionId: string) => Attributes
  /** Attributes of a tool's, or an agent's, end besides what OpenTelemetry says of an exception. */
  readonly failed?: Attributes
  /** Ends the tool as one that waits for a person, in the way of the framework. Left out where it has none. */
  readonly pause?: (tool: Span, agent: Span) => void
  /** The instrumentation tells its failures in its own words: the common cases about failures are not its. */
  readonly ownFailures?: boolean
}

/** A span that is open, and the words it will say at its end. */
export interface Spoken {
  readonly span: Span
  readonly words: Words
}

/** Writes spans in a dialect. */
export class Speaker {
  readonly #dialect: Dialect

  constructor(dialect: Dialect) {
    this.#dialect = dialect
  }

  async start(words: Words, parent?: Spoken): Promise<Spoken> {
    const context = parent ? trace.setSpan(ROOT_CONTEXT, parent.span) : ROOT_CONTEXT
    const span = trace.getTracer(this.#dialect.scope).startSpan(words.name, { attributes: words.start ?? {} }, context)
    span.setAttributes(words.soon ?? {})
    await nextTurn()
    return { span, words }
  }

  end({ span, words }: Spoken, attributes: Attributes = {}): void {
    span.setAttributes({ ...words.end, ...attributes })
    if (words.endName) span.updateName(words.endName)
    span.end()
  }

  fail({ span, words }: Spoken, error: Error): void {
    span.recordException(error)
    span.setStatus({ code: SpanStatusCode.ERROR, message: error.message })
    this.end({ span, words }, this.#dialect.failed)
  }

  /** An agent by itself, with what stands around it. */
  async agent(name: string): Promise<{ readonly agent: Spoken; readonly finish: (attributes?: Attributes) => void }> {
    const { around, agent } = this.#dialect
    const outer = around && (await this.start(around))
    const inner = await this.start(agent(name), outer)
    const finish = (attributes?: Attributes) => {
      this.end(inner, attributes)
      if (outer) this.end(outer)
    }
    return { agent: inner, finish }
  }

  /** The span below which tools and models of an agent stand. */
  async step(agent: Spoken): Promise<Spoken> {
    const { step } = this.#dialect
    return step ? await this.start(step, agent) : agent
  }
}

/** An error of a class. */
export function errorNamed(name: string, message: string): Error {
  return Object.assign(new Error(message), { name })
}
