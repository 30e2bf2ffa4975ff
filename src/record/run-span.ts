import {
  type Attributes,
  type Context,
  diag,
  INVALID_SPAN_CONTEXT,
  type Span,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api'
import { idText, withOwnAttributes } from './context.js'
import { type RecordOptions, scopeAttributes } from './emit.js'
import type { Failure } from './failure.js'
import { recordListeners } from './listeners.js'
import { reportMisuse } from './misuse.js'
import * as names from './names.js'
import type { RunOptions } from './run-options.js'

/** The end of a run that did not fail; fields as in `data` of the terminal event. */
export interface Ending {
  readonly outcome: 'completed' | 'cancelled' | 'suspended'
  readonly finishReason?: string | undefined
  readonly reason?: string | undefined
  readonly by?: string | undefined
  readonly waitingFor?: string | undefined
}

/** Starts the span of a run. Where that fails, what it returns does not record. */
export function startSpan(options: RunOptions, scope: RecordOptions, outer: Context): Span {
  const { library, tracer } = options
  const kind = kindOf(options)
  const { sessionId, agent } = scope
  const operation = kind === 'workflow' ? 'invoke_workflow' : 'invoke_agent'
  const attributes = defined({
    ...scopeAttributes(scope),
    [names.RUN_KIND]: kind,
    [names.RUN_MODEL]: options.model,
    [names.RUN_TRIGGER]: options.trigger,
    [names.GEN_AI_OPERATION]: operation,
    [names.GEN_AI_AGENT_ID]: agent?.id,
    [kind === 'workflow' ? names.GEN_AI_WORKFLOW_NAME : names.GEN_AI_AGENT_NAME]: agent?.name,
    [names.GEN_AI_CONVERSATION_ID]: sessionId,
    [names.GEN_AI_REQUEST_MODEL]: options.model,
  })
  const name = agent?.name === undefined ? operation : `${operation} ${agent.name}`
  try {
    const within = withOwnAttributes(outer, attributes)
    const span = (tracer ?? tracerOf(library)).startSpan(name, { attributes }, within)
    if (span.isRecording()) announceSpan(span, name, attributes, within)
    return span
  } catch (problem) {
    diag.warn('spanledger: the span of a run could not be started', problem)
    return trace.wrapSpanContext(INVALID_SPAN_CONTEXT)
  }
}

/** Ends the span of a run, with its outcome. */
export function endSpan(span: Span, end: Ending | Failure): void {
  if ('code' in end) {
    span.setStatus({ code: SpanStatusCode.ERROR, message: end.message })
    span.setAttributes({ [names.RUN_OUTCOME]: 'failed', [names.ERROR_TYPE]: end.code })
  } else {
    const { outcome, finishReason, reason, by, waitingFor } = end
    span.setAttributes(
      defined({
        [names.RUN_OUTCOME]: outcome,
        [names.RUN_FINISH_REASON]: idText(finishReason),
        [names.RUN_REASON]: idText(reason),
        [names.RUN_CANCELLED_BY]: idText(by),
        [names.RUN_WAITING_FOR]: idText(waitingFor),
      }),
    )
  }
  span.end()
}

function tracerOf(library: RunOptions['library']): Tracer {
  return trace.getTracer(idText(library?.name) ?? 'spanledger', idText(library?.version))
}

/** Shows the span to the listeners: it may be of a provider that they know nothing of. */
function announceSpan(span: Span, name: string, attributes: Attributes, within: Context): void {
  for (const listener of recordListeners()) listener.onSpanStarted?.(span, name, attributes, within)
}

function kindOf({ kind = 'agent' }: RunOptions): 'agent' | 'workflow' {
  if (kind === 'agent' || kind === 'workflow') return kind
  reportMisuse("withRun: kind must be 'agent' or 'workflow'; taken for 'agent'")
  return 'agent'
}

function defined(attributes: Attributes): Attributes {
  return Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== undefined))
}
