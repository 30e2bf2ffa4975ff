import type { Dialect } from '../dialect.js'
import { chatUsage, genAi } from './gen-ai.js'

/* Dialects of Traceloop. */

const kind = (value: string, name: string) => ({ 'traceloop.span.kind': value, 'traceloop.entity.name': name })

const traceloop: Dialect = {
  scope: '@traceloop/node-server-sdk',
  agent: (name) => ({ name: `${name}.agent`, soon: kind('agent', name) }),
  tool: (name) => ({ name: `${name}.tool`, soon: kind('tool', name) }),
  model: (input, output) => ({
    name: 'openai.chat',
    soon: { 'llm.request.type': 'chat', 'gen_ai.system': 'openai', 'gen_ai.request.model': 'm-1' },
    end: { 'gen_ai.usage.prompt_tokens': input, 'gen_ai.usage.completion_tokens': output },
  }),
  session: (id) => ({ 'traceloop.association.properties.session_id': id }),
  tenant: (id) => ({ 'traceloop.association.properties.tenant_id': id }),
}

export const traceloopDialects: Readonly<Record<string, Dialect>> = {
  traceloop,
  'traceloop-python': {
    ...traceloop,
    scope: 'opentelemetry.instrumentation.crewai',
    agent: (name) => ({
      name: `${name}.agent`,
      start: { 'traceloop.span.kind': 'agent', 'gen_ai.operation.name': 'invoke_agent', 'crewai.agent.role': name },
    }),
    tool: (name) => ({ name: `${name}.tool`, start: kind('tool', name) }),
    model: (input, output) => ({
      name: 'm-1.llm',
      start: genAi.model?.(input, output).start ?? {},
      end: chatUsage(input, output),
    }),
    repeatedUsage: chatUsage,
  },
}
