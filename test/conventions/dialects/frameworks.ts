import { SpanStatusCode } from '@opentelemetry/api'
import type { Dialect } from '../dialect.js'
import { failAsUsual, sayLastWords } from '../speaker.js'
import { chatUsage, pauseWith } from './gen-ai.js'

/* Dialects of frameworks that have words of their own. */

const aiSdk: Dialect = {
  scope: 'ai',
  agent: (name) => ({
    name: 'ai.generateText',
    start: { 'ai.operationId': 'ai.generateText', 'ai.telemetry.functionId': name },
    end: { 'ai.response.finishReason': 'stop' },
  }),
  tool: (name, callId) => ({
    name: 'ai.toolCall',
    start: { 'ai.operationId': 'ai.toolCall', 'ai.toolCall.name': name, 'ai.toolCall.id': callId },
  }),
  model: (input, output) => ({
    name: 'ai.generateText.doGenerate',
    start: { 'ai.operationId': 'ai.generateText.doGenerate', 'ai.model.id': 'm-1' },
    end: { 'ai.response.finishReason': 'stop', 'ai.usage.inputTokens': input, 'ai.usage.outputTokens': output },
  }),
  cached: (tokens) => ({ 'ai.usage.inputTokenDetails.cacheReadTokens': tokens }),
  repeatedUsage: (input, output) => ({ 'ai.usage.inputTokens': input, 'ai.usage.outputTokens': output }),
  session: (id) => ({ 'ai.telemetry.metadata.sessionId': id }),
  tenant: (id) => ({ 'ai.telemetry.metadata.tenantId': id }),
}

const langfuseUsage = (input: number, output: number) => ({
  'langfuse.observation.usage_details': JSON.stringify({ input, output, total: input + output }),
})

const traceable = { 'langsmith.traceable': 'true' }

const adk: Dialect = {
  scope: 'gcp.vertex.agent',
  around: { name: 'invocation' },
  agent: (name) => ({
    name: `invoke_agent ${name}`,
    end: { 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': name },
  }),
  tool: (name, callId) => ({
    name: `execute_tool ${name}`,
    end: { 'gen_ai.operation.name': 'execute_tool', 'gen_ai.tool.name': name, 'gen_ai.tool.call.id': callId },
  }),
  model: (input, output) => ({
    name: 'call_llm',
    end: {
      'gen_ai.system': 'gcp.vertex.agent',
      'gen_ai.request.model': 'm-1',
      'gcp.vertex.agent.invocation_id': 'i-1',
      'gcp.vertex.agent.llm_response': '{}',
      ...chatUsage(input, output),
    },
  }),
  session: (id) => ({ 'gen_ai.conversation.id': id }),
  pause: (tool) => {
    const response = { 'gcp.vertex.agent.tool_response': '{"result":null}' }
    tool.setAttributes({ 'gen_ai.tool.type': 'LongRunningFunctionTool', ...response })
  },
}

export const frameworkDialects: Readonly<Record<string, Dialect>> = {
  'ai-sdk (5, 6)': aiSdk,
  langfuse: {
    scope: 'langfuse-sdk',
    agent: (name) => ({ name, soon: { 'langfuse.observation.type': 'agent' } }),
    tool: (name) => ({ name, soon: { 'langfuse.observation.type': 'tool' } }),
    model: (input, output) => ({
      name: 'generation',
      soon: { 'langfuse.observation.type': 'generation', 'langfuse.observation.model.name': 'm-1' },
      end: langfuseUsage(input, output),
    }),
    session: (id) => ({ 'session.id': id }),
    fail: (spoken, error) => {
      sayLastWords(spoken)
      spoken.span.setAttributes({
        'langfuse.observation.level': 'ERROR',
        'langfuse.observation.status_message': String(error),
      })
    },
  },
  langsmith: {
    scope: 'langsmith',
    agent: (name) => ({
      name,
      start: traceable,
      soon: { 'langsmith.span.kind': 'chain', 'langsmith.metadata.lc_agent_name': name },
    }),
    tool: (name, callId) => ({
      name,
      start: traceable,
      end: { 'langsmith.span.kind': 'tool', 'gen_ai.tool.call.id': callId },
    }),
    model: (input, output) => ({
      name: 'ChatModel',
      start: traceable,
      end: { 'langsmith.span.kind': 'llm', 'gen_ai.request.model': 'm-1', ...chatUsage(input, output) },
    }),
    repeatedUsage: chatUsage,
    session: (id) => ({ 'langsmith.metadata.session_id': id }),
    tenant: (id) => ({ 'langsmith.metadata.tenant_id': id }),
    // The error comes as its text with the stack below, on a span that says OK.
    fail: (spoken, error) => {
      sayLastWords(spoken)
      spoken.span.setStatus({ code: SpanStatusCode.OK })
      spoken.span.recordException(new Error(`${error}\n\n${error.stack}`))
    },
    pause: (tool) => {
      tool.recordException(new Error('GraphInterrupt: []'))
    },
  },
  mastra: {
    scope: '@mastra/otel-bridge',
    agent: (name) => ({
      name: `agent run: '${name}'`,
      endName: `invoke_agent ${name}`,
      end: { 'mastra.span.type': 'agent_run', 'gen_ai.agent.id': name, 'gen_ai.agent.name': name },
    }),
    tool: (name, callId) => ({
      name: `tool: '${name}'`,
      endName: `execute_tool ${name}`,
      end: { 'mastra.span.type': 'tool_call', 'gen_ai.tool.name': name, 'gen_ai.tool.call.id': callId },
    }),
    model: (input, output) => ({
      name: "llm: 'm-1'",
      endName: 'chat m-1',
      end: { 'mastra.span.type': 'model_generation', 'gen_ai.request.model': 'm-1', ...chatUsage(input, output) },
    }),
    session: (id) => ({ 'mastra.metadata.sessionId': id }),
    tenant: (id) => ({ 'mastra.metadata.tenant': id }),
    // The bridge throws an error of its own with the text of the true one, whose class is lost.
    fail: (spoken, error) => {
      failAsUsual(spoken, new Error(error.message))
      spoken.span.setAttributes({ 'error.type': 'unknown', 'error.message': error.message })
    },
    errorCode: 'Error',
  },
  'google-adk': adk,
  'google-adk (JavaScript)': {
    ...adk,
    // Of what threw nothing is said; of an agent, that it ended.
    fail: (spoken) => {
      if (spoken.words.name.startsWith('invoke_agent')) sayLastWords(spoken)
    },
    errorCode: 'Error',
    untold: ['cancellation', 'quota'],
  },
  voltagent: {
    scope: '@voltagent/core',
    agent: (name) => ({ name, start: { 'entity.type': 'agent', 'entity.id': name, 'entity.name': name } }),
    tool: (name, callId) => ({
      name: `tool.execution:${name}`,
      start: { 'entity.type': 'agent', 'span.type': 'tool', 'tool.name': name, 'tool.call.id': callId },
    }),
    model: (input, output) => ({
      name: 'llm:generate',
      start: { 'entity.type': 'agent', 'span.type': 'llm', 'llm.model': 'm-1', 'llm.attempt': 1 },
      end: { 'llm.usage.prompt_tokens': input, 'llm.usage.completion_tokens': output },
    }),
    repeatedUsage: (input, output) => ({ 'usage.prompt_tokens': input, 'usage.completion_tokens': output }),
    session: (id) => ({ 'conversation.id': id }),
  },
  genkit: {
    scope: 'genkit-tracer',
    agent: (name) => ({ name, start: { 'genkit:type': 'action', 'genkit:metadata:subtype': 'flow' } }),
    tool: (name) => ({ name, start: { 'genkit:type': 'action', 'genkit:metadata:subtype': 'tool' } }),
    model: (inputTokens, outputTokens) => ({
      name: 'm-1',
      start: { 'genkit:type': 'action', 'genkit:metadata:subtype': 'model' },
      end: { 'genkit:output': JSON.stringify({ usage: { inputTokens, outputTokens } }) },
    }),
    fail: (spoken, error) => {
      failAsUsual(spoken, error)
      spoken.span.setAttribute('genkit:state', 'error')
    },
    step: { name: 'generate', start: { 'genkit:type': 'util' } },
    pause: (tool, generate) => {
      pauseWith('ToolInterruptError')(tool, generate)
      generate.setAttribute('genkit:output', '{"finishReason":"interrupted"}')
    },
  },
}
