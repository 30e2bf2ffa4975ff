import type { Dialect } from '../dialect.js'
import { sayLastWords } from '../speaker.js'
import { chatUsage, genAi } from './gen-ai.js'

/* Dialects that are rows of the table. */

const langWatch = (type: string) => ({ 'langwatch.span.type': type })

const iteration = { 'gen_ai.operation.name': 'chat', 'gen_ai.request.model': 'm-1', 'tanstack.ai.iteration': 0 }

/** Records what was thrown, and sets no status. */
const failWithoutStatus: NonNullable<Dialect['fail']> = (spoken, error) => {
  sayLastWords(spoken)
  spoken.span.recordException(error)
}

export const vocabularyDialects: Readonly<Record<string, Dialect>> = {
  langwatch: {
    scope: 'app',
    agent: (name) => ({ name, soon: langWatch('agent') }),
    tool: (name) => ({ name, soon: langWatch('tool') }),
    model: (promptTokens, completionTokens) => ({
      name: 'chat',
      soon: { ...langWatch('llm'), 'gen_ai.request.model': 'm-1' },
      end: { 'langwatch.metrics': JSON.stringify({ type: 'json', value: { promptTokens, completionTokens } }) },
    }),
    session: (id) => ({ 'langwatch.thread.id': id }),
    tenant: (id) => ({ 'langwatch.customer.id': id }),
  },
  laminar: {
    scope: 'lmnr.tracer',
    agent: (name) => ({ name, start: { 'lmnr.span.path': [name] } }),
    tool: (name) => ({ name, start: { 'lmnr.span.type': 'TOOL', 'lmnr.span.path': ['planner', name] } }),
    model: (input, output) => ({
      name: 'chat',
      start: { 'lmnr.span.type': 'LLM', 'gen_ai.request.model': 'm-1' },
      end: chatUsage(input, output),
    }),
    session: (id) => ({ 'lmnr.association.properties.session_id': id }),
    tenant: (id) => ({ 'lmnr.association.properties.metadata.tenant_id': id }),
    fail: failWithoutStatus,
    untold: ['sub-agent'],
  },
  // Ax and Effect say nothing of a session.
  ax: {
    scope: 'app',
    agent: (name) => ({ name: `AxGen > ${name}`, start: { signature_name: name, input_field_count: 1 } }),
    tool: (name, callId) => ({
      name: `Tool: ${name}`,
      soon: { 'tool.name': name, 'tool.mode': 'native', 'function.id': callId },
    }),
    model: (input, output) => ({
      name: 'AI Chat Request',
      start: { 'gen_ai.system': 'OpenAI', 'gen_ai.operation.name': 'chat', 'gen_ai.request.model': 'm-1' },
      end: chatUsage(input, output),
    }),
    fail: (spoken, error) => {
      failWithoutStatus(spoken, error)
      if (!spoken.words.name.startsWith('Tool')) spoken.span.setStatus({ code: 2, message: error.message })
    },
  },
  'effect-ai': {
    ...genAi,
    tool: (tool) => ({ name: 'Toolkit.handle', start: { tool } }),
    // Effect has no agents: the run is that of whoever calls it.
    untold: ['sub-agent'],
  },
  'tanstack-ai': {
    scope: 'tanstack-ai',
    agent: () => ({ name: 'chat m-1', start: { 'gen_ai.system': 'openai-chat', 'gen_ai.request.model': 'm-1' } }),
    agentName: '',
    // A call of a model inside tells that it is a run.
    opening: { name: 'chat m-1 #0', start: iteration },
    tool: (name, callId) => ({
      name: `execute_tool ${name}`,
      start: { 'gen_ai.tool.name': name, 'gen_ai.tool.call.id': callId, 'gen_ai.tool.type': 'function' },
    }),
    model: (input, output) => ({
      name: 'chat m-1 #0',
      start: iteration,
      end: chatUsage(input, output),
    }),
    repeatedUsage: chatUsage,
  },
  openlit: {
    ...genAi,
    scope: '@openlit/instrumentation-openai-agents',
    // The run is a workflow; its agents and their turns say all the same.
    agent: (name) => ({
      name: `invoke_workflow ${name}`,
      start: { 'gen_ai.operation.name': 'invoke_workflow' },
      end: { 'gen_ai.workflow.name': name },
    }),
    untold: ['host'],
    step: { name: 'invoke_agent', start: { 'gen_ai.operation.name': 'invoke_agent' } },
    tool: (name, callId) => ({
      name: `execute_tool ${name}`,
      start: { 'gen_ai.operation.name': 'execute_tool' },
      end: { 'gen_ai.tool.name': name, 'gen_ai.tool.call.id': callId },
    }),
  },
  sentry: {
    ...genAi,
    scope: '@sentry/node',
    agent: (name) => ({ name, start: { 'langchain.chain.name': name, 'sentry.origin': 'auto.ai.langchain' } }),
    untold: ['sub-agent'],
  },
}
