import type { Attributes, Span, SpanKind } from '@opentelemetry/api'

/** A span in the words of an instrumentation, by the moment at which it says them. */
export interface Words {
  /** The name at its start. */
  readonly name: string
  /** The scope, where it is another than that of the dialect. */
  readonly scope?: string
  readonly kind?: SpanKind
  readonly start?: Attributes
  /** Set right after the start. */
  readonly soon?: Attributes
  readonly end?: Attributes
  /** The name at its end, where that is another. */
  readonly endName?: string
  /** Spans inside that tell how it ended; written just before its end. */
  readonly inside?: (error?: Error) => readonly Words[]
}

/** A span that is open, and the words it will say at its end. */
export interface Spoken {
  readonly span: Span
  readonly words: Words
}

/**
 * Facts that the spans of an instrumentation do not tell, and surroundings that it never has. The cases about them are not
 * its. `host`: its outermost run is a workflow, and no agent that somebody hosts. `protocol`: its spans come when the run is
 * over, so that nothing is ever inside of them.
 */
export type Untold = 'tool failure' | 'run failure' | 'cancellation' | 'quota' | 'sub-agent' | 'host' | 'protocol'

/**
 * One instrumentation, as far as the common cases need its words:
 *
 *     { scope: 'app', agent: (name) => ({ name: `invoke_agent ${name}`, start: { 'gen_ai.operation.name': 'invoke_agent', … } }), … }
 */
export interface Dialect {
  /** The instrumentation scope. */
  readonly scope: string
  readonly agent: (name: string) => Words
  /** The name of each agent, where the instrumentation knows one alone. */
  readonly agentName?: string
  /** A span that always stands around the outermost agent, and is no event. */
  readonly around?: Words
  /** A span inside each agent that ends as soon as it has begun, and by which it is known. */
  readonly opening?: Words
  /** A span between an agent and its tools and models. */
  readonly step?: Words
  readonly tool: (name: string, callId: string) => Words
  /** Left out where calls of models have no spans. */
  readonly model?: (inputTokens: number, outputTokens: number) => Words
  /** Attributes by which a call of a model that is not Anthropic's alone tells tokens that its cache gave. */
  readonly cached?: (tokens: number) => Attributes
  /** Attributes by which the end of an agent repeats the sum of its model calls. */
  readonly repeatedUsage?: (inputTokens: number, outputTokens: number) => Attributes
  /** Attributes of an agent's end that tell its session. */
  readonly session?: (sessionId: string | number) => Attributes
  /** Attributes of an agent's end that tell its tenant. */
  readonly tenant?: (tenantId: string | number) => Attributes
  /** Says that a span has failed, and its last words. Left out where it does so as OpenTelemetry has it. */
  readonly fail?: (spoken: Spoken, error: Error) => void
  /** The code of each error, where its class is not told. */
  readonly errorCode?: string
  /** Says that a tool waits for a person, in the way of the framework, also on the span around it. Left out where it has none. */
  readonly pause?: (tool: Span, around: Span) => void
  readonly untold?: readonly Untold[]
}
