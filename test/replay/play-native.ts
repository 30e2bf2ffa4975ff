import { readFileSync } from 'node:fs'
import type { AgentsSpan, AuditTracingProcessor } from '../../src/openai-agents/index.js'

/** One call of a trace processor of `@openai/agents`, as its `toJSON` tells it. */
type Step = TraceStep | SpanStep

interface TraceStep {
  readonly event: 'trace_start' | 'trace_end'
  readonly id: string
  readonly workflow_name: string
  readonly group_id: string | null
  readonly metadata: Readonly<Record<string, unknown>>
}

interface SpanStep {
  readonly event: 'span_start' | 'span_end'
  readonly id: string
  readonly trace_id: string
  readonly parent_id: string | null
  readonly started_at: string | null
  readonly ended_at: string | null
  readonly span_data: { readonly type: string; readonly data?: Readonly<Record<string, unknown>> }
  readonly error: AgentsSpan['error']
}

/** Plays a recording of the SDK's own tracing stream into a trace processor. */
export async function playNative(scenario: string, processor: AuditTracingProcessor): Promise<void> {
  const file = new URL(`../fixtures/recordings/openai-agents-native/${scenario}.json`, import.meta.url)
  for (const step of JSON.parse(readFileSync(file, 'utf8')) as Step[]) {
    if ('trace_id' in step) {
      const span = spanOf(step)
      await (step.event === 'span_start' ? processor.onSpanStart(span) : processor.onSpanEnd(span))
    } else {
      const trace = traceOf(step)
      await (step.event === 'trace_start' ? processor.onTraceStart(trace) : processor.onTraceEnd(trace))
    }
  }
}

function traceOf({ id, workflow_name, group_id, metadata }: TraceStep) {
  return { traceId: id, name: workflow_name, groupId: group_id, metadata }
}

function spanOf(step: SpanStep): AgentsSpan {
  return {
    traceId: step.trace_id,
    spanId: step.id,
    parentId: step.parent_id,
    startedAt: step.started_at,
    endedAt: step.ended_at,
    error: step.error,
    spanData: liveData(step.span_data),
  }
}

/** Tasks and turns are written as custom spans; in the process they have a type of their own. */
function liveData(written: SpanStep['span_data']): AgentsSpan['spanData'] {
  const { sdk_span_type: type, ...data } = written.data ?? {}
  return typeof type === 'string' ? { type, ...data } : written
}
