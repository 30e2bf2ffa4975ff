import { ROOT_CONTEXT, type Span, trace } from '@opentelemetry/api'

/* Spans of an agent by the GenAI conventions. */

export const AGENT = { 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': 'planner' }

export const CHAT = { 'gen_ai.operation.name': 'chat', 'gen_ai.request.model': 'm-1' }

export const TOOL = {
  'gen_ai.operation.name': 'execute_tool',
  'gen_ai.tool.name': 'search',
  'gen_ai.tool.call.id': 'call-1',
}

/** Starts a span below another. */
export function childOf(parent: Span, name: string, attributes: Record<string, string>): Span {
  return trace.getTracer('test').startSpan(name, { attributes }, trace.setSpan(ROOT_CONTEXT, parent))
}
