import type { Attributes } from '@opentelemetry/api'
import type { Dialect } from '../dialect.js'
import { errorNamed, failAsUsual } from '../speaker.js'

/* Dialects of the GenAI conventions. */

export function chatUsage(input: number, output: number): Attributes {
  return { 'gen_ai.usage.input_tokens': input, 'gen_ai.usage.output_tokens': output }
}

export const genAi: Dialect = {
  scope: 'app',
  agent: (name) => ({
    name: `invoke_agent ${name}`,
    start: { 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': name },
  }),
  tool: (name, callId) => ({
    name: `execute_tool ${name}`,
    start: { 'gen_ai.operation.name': 'execute_tool', 'gen_ai.tool.name': name, 'gen_ai.tool.call.id': callId },
  }),
  model: (input, output) => ({
    name: 'chat m-1',
    start: { 'gen_ai.operation.name': 'chat', 'gen_ai.request.model': 'm-1' },
    end: chatUsage(input, output),
  }),
  cached: (tokens) => ({ 'gen_ai.usage.cache_read.input_tokens': tokens }),
  repeatedUsage: chatUsage,
  session: (id) => ({ 'gen_ai.conversation.id': id }),
}

/** Says with an exception that a tool waits. */
export function pauseWith(name: string): NonNullable<Dialect['pause']> {
  return (span) => failAsUsual({ span, words: { name: '' } }, errorNamed(name, 'waits for a person'))
}

const aiSdk7: Dialect = {
  ...genAi,
  scope: 'gen_ai',
  agent: (name) => ({
    name: `invoke_agent ${name}`,
    start: { 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': name },
    end: { 'gen_ai.response.finish_reasons': ['stop'] },
  }),
  step: { name: 'step 1', start: { 'gen_ai.operation.name': 'agent_step' } },
  session: (id) => ({ 'ai.settings.context.sessionId': id }),
  tenant: (id) => ({ 'ai.settings.context.tenantId': id }),
}

export const genAiDialects: Readonly<Record<string, Dialect>> = {
  'gen-ai': { ...genAi, pause: pauseWith('GraphInterrupt') },
  'ai-sdk (7)': aiSdk7,
  spanledger: {
    ...genAi,
    agent: (name) => ({
      name: `run ${name}`,
      start: { 'spanledger.run.kind': 'agent', 'spanledger.agent.name': name },
    }),
    session: (id) => ({ 'spanledger.session.id': id }),
    tenant: (id) => ({ 'spanledger.tenant.id': id }),
  },
  strands: {
    ...genAi,
    scope: 'strands-agents',
    agent: (name) => ({
      name: `invoke_agent ${name}`,
      start: { 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.system': 'strands-agents', 'gen_ai.agent.name': name },
    }),
    step: { name: 'execute_agent_loop_cycle', start: { 'agent_loop.cycle_id': 'cycle-1' } },
    tool: (name, callId) => ({ ...genAi.tool(name, callId), end: { 'gen_ai.tool.status': 'success' } }),
    fail: (spoken, error) => {
      failAsUsual(spoken, error)
      if ('end' in spoken.words) spoken.span.setAttribute('gen_ai.tool.status', 'error')
    },
    session: (id) => ({ 'session.id': id }),
    pause: pauseWith('InterruptError'),
  },
  'pydantic-ai': {
    ...genAi,
    scope: 'pydantic-ai',
    pause: (tool) => {
      tool.setAttribute('pydantic_ai.tool.deferral.name', 'ApprovalRequired')
    },
  },
  'agent-framework': { ...genAi, scope: 'agent_framework', pause: pauseWith('ApprovalRequired') },
  copilot: {
    ...genAi,
    scope: 'github.copilot',
  },
}
