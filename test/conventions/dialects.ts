import { SpanStatusCode } from '@opentelemetry/api'
import type { Dialect } from './dialect.js'
import { errorNamed } from './dialect.js'

/** Conventions without runs: what they tell is below the runs of others. */
export const NOT_SPOKEN: readonly string[] = ['traceloop-mcp']

const chatUsage = (input: number, output: number) => ({
  'gen_ai.usage.input_tokens': input,
  'gen_ai.usage.output_tokens': output,
})
const kind = (value: string) => ({ 'openinference.span.kind': value })
const llmCounts = (input: number, output: number) => ({
  'llm.token_count.prompt': input,
  'llm.token_count.completion': output,
})

const genAi: Dialect = {
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
  repeatedUsage: chatUsage,
  session: (id) => ({ 'gen_ai.conversation.id': id }),
}

const openInference: Dialect = {
  scope: 'app',
  agent: (name) => ({ name, soon: { ...kind('AGENT'), 'agent.name': name } }),
  tool: (name, callId) => ({ name, soon: { ...kind('TOOL'), 'tool.name': name, 'tool_call.id': callId } }),
  model: (input, output) => ({ name: 'chat', soon: kind('LLM'), end: llmCounts(input, output) }),
  repeatedUsage: llmCounts,
  session: (id) => ({ 'session.id': id }),
}

const metadata = { metadata: JSON.stringify({ ls_integration: 'langgraph', thread_id: 'thread-1' }) }

/** The words of each convention, by its name. */
export const dialects: Readonly<Record<string, Dialect>> = {
  'gen-ai': genAi,
  openinference: openInference,
  spanledger: {
    ...genAi,
    agent: (name) => ({
      name: `run ${name}`,
      start: { 'spanledger.run.kind': 'agent', 'spanledger.agent.name': name },
    }),
    session: (id) => ({ 'spanledger.session.id': id }),
  },
  'ai-sdk': {
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
      end: { 'ai.usage.inputTokens': input, 'ai.usage.outputTokens': output },
    }),
    session: (id) => ({ 'ai.telemetry.metadata.sessionId': id }),
  },
  'claude-agent-sdk': {
    ...openInference,
    scope: '@arizeai/openinference-instrumentation-claude-agent-sdk',
    agent: (name) => ({
      name,
      soon: { ...kind('AGENT'), 'agent.name': name },
      end: { 'llm.finish_reason': 'end_turn' },
    }),
    model: (input, output) => ({ name: 'chat m-1', soon: kind('LLM'), end: llmCounts(input, output) }),
  },
  'openai-agents': {
    ...openInference,
    scope: '@arizeai/openinference-instrumentation-openai-agents',
    agent: (name) => ({ name, soon: kind('AGENT') }),
    tool: (name) => ({ name, soon: kind('TOOL'), end: { 'tool.name': name } }),
    session: (id) => ({ 'session.id': id }),
    ownFailures: true,
  },
  'langchain-openinference': {
    ...openInference,
    scope: '@arizeai/openinference-instrumentation-langchain',
    agent: (name) => ({ name, soon: kind('CHAIN'), end: metadata }),
    tool: (name) => ({ name, soon: kind('TOOL'), end: metadata }),
    model: (input, output) => ({
      name: 'ChatModel',
      soon: kind('LLM'),
      end: { ...metadata, ...llmCounts(input, output) },
    }),
    ownFailures: true,
  },
  langfuse: {
    scope: 'langfuse-sdk',
    agent: (name) => ({ name, soon: { 'langfuse.observation.type': 'agent' } }),
    tool: (name) => ({ name, soon: { 'langfuse.observation.type': 'tool' } }),
    model: (input, output) => ({
      name: 'generation',
      soon: { 'langfuse.observation.type': 'generation', 'langfuse.observation.model.name': 'm-1' },
      end: { 'langfuse.observation.usage_details': JSON.stringify({ input, output, total: input + output }) },
    }),
    session: (id) => ({ 'session.id': id }),
  },
  langsmith: {
    scope: 'langsmith',
    agent: (name) => ({ name, soon: { 'langsmith.span.kind': 'chain', 'langsmith.traceable': 'true' } }),
    tool: (name, callId) => ({
      name,
      start: { 'langsmith.traceable': 'true' },
      end: { 'langsmith.span.kind': 'tool', 'gen_ai.tool.call.id': callId },
    }),
    model: (input, output) => ({
      name: 'ChatModel',
      start: { 'langsmith.traceable': 'true' },
      end: { 'langsmith.span.kind': 'llm', 'gen_ai.request.model': 'm-1', ...chatUsage(input, output) },
    }),
    repeatedUsage: chatUsage,
    session: (id) => ({ 'langsmith.metadata.session_id': id }),
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
    ownFailures: true,
  },
  'google-adk': {
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
      end: { 'gen_ai.request.model': 'm-1', 'gcp.vertex.agent.llm_response': '{}', ...chatUsage(input, output) },
    }),
    session: (id) => ({ 'gen_ai.conversation.id': id }),
    ownFailures: true,
  },
  strands: {
    ...genAi,
    scope: 'strands-agents',
    agent: (name) => ({
      name: `invoke_agent ${name}`,
      start: { 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.system': 'strands-agents', 'gen_ai.agent.name': name },
    }),
    step: { name: 'execute_agent_loop_cycle', start: { 'agent_loop.cycle_id': 'cycle-1' } },
    pause: (tool) => {
      const interrupt = errorNamed('InterruptError', 'waits for a person')
      tool.recordException(interrupt)
      tool.setStatus({ code: SpanStatusCode.ERROR, message: interrupt.message }).end()
    },
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
    failed: { 'genkit:state': 'error' },
  },
  traceloop: {
    scope: '@traceloop/node-server-sdk',
    agent: (name) => ({
      name: `${name}.agent`,
      soon: { 'traceloop.span.kind': 'agent', 'traceloop.entity.name': name },
    }),
    tool: (name) => ({ name: `${name}.tool`, soon: { 'traceloop.span.kind': 'tool', 'traceloop.entity.name': name } }),
    model: (input, output) => ({
      name: 'openai.chat',
      soon: { 'llm.request.type': 'chat', 'gen_ai.system': 'openai', 'gen_ai.request.model': 'm-1' },
      end: { 'gen_ai.usage.prompt_tokens': input, 'gen_ai.usage.completion_tokens': output },
    }),
    session: (id) => ({ 'traceloop.association.properties.session_id': id }),
  },
}
