/*
 * What is needed of `@openai/agents`' traces: their structure, so that the package need not be installed to compile.
 */

/** One trace of `@openai/agents`: a workflow. */
export interface AgentsTrace {
  readonly traceId: string
  readonly name: string
  readonly groupId?: string | null | undefined
  readonly metadata?: Readonly<Record<string, unknown>> | undefined
}

/** One span of `@openai/agents`. */
export interface AgentsSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentId: string | null
  readonly startedAt: string | null
  readonly endedAt: string | null
  readonly error: { readonly message: string; readonly data?: unknown } | null
  readonly spanData: { readonly type: string }
}

/** The interface `TracingProcessor` of `@openai/agents`. */
export interface AgentsTracingProcessor {
  onTraceStart(trace: AgentsTrace): Promise<void>
  onTraceEnd(trace: AgentsTrace): Promise<void>
  onSpanStart(span: AgentsSpan): Promise<void>
  onSpanEnd(span: AgentsSpan): Promise<void>
  forceFlush(): Promise<void>
  shutdown(timeout?: number): Promise<void>
}
