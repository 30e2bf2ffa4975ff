import { SpanStatusCode } from '@opentelemetry/api'
import type { Dialect } from '../dialect.js'
import { sayLastWords } from '../speaker.js'
import { chatUsage, genAi } from './gen-ai.js'

/* Frameworks of other languages, and platforms, that are rows of the table. */

/** MLflow for Python writes each value as JSON text. */
const mlflow = (type: string) => ({ 'mlflow.spanType': JSON.stringify(type) })
const agentOps = (kind: string, name: string) => ({ 'agentops.span.kind': kind, 'operation.name': name })

export const tableFrameworkDialects: Readonly<Record<string, Dialect>> = {
  mlflow: {
    scope: 'mlflow',
    agent: (name) => ({ name, soon: mlflow('AGENT') }),
    tool: (name) => ({ name, soon: mlflow('TOOL') }),
    model: (input, output) => ({
      name: 'chat',
      soon: { ...mlflow('CHAT_MODEL'), 'mlflow.llm.model': '"m-1"' },
      end: { 'mlflow.chat.tokenUsage': JSON.stringify({ input_tokens: input, output_tokens: output }) },
    }),
    session: (id) => ({ 'mlflow.trace.session': JSON.stringify(id) }),
  },
  agentops: {
    scope: 'agentops',
    agent: (name) => ({ name: `${name}.agent`, soon: { ...agentOps('agent', name), 'agent.name': name } }),
    tool: (name) => ({ name: `${name}.tool`, soon: agentOps('tool', name) }),
    model: (input, output) => ({
      name: 'openai.chat.completion',
      soon: { 'agentops.span.kind': 'llm', 'gen_ai.request.model': 'm-1' },
      end: chatUsage(input, output),
    }),
  },
  'spring-ai': {
    ...genAi,
    scope: 'org.springframework.boot',
    agent: () => ({ name: 'spring_ai chat_client', soon: { 'spring.ai.kind': 'chat_client' } }),
    agentName: '',
    tool: (name) => ({
      name: `tool_call ${name}`,
      soon: { 'spring.ai.kind': 'tool_call', 'spring.ai.tool.definition.name': name },
    }),
    session: (id) => ({ 'spring.ai.chat.client.conversation.id': id }),
    untold: ['host'],
  },
  langchain4j: {
    ...genAi,
    scope: 'io.quarkus.opentelemetry',
    agent: (name) => ({ name: `langchain4j.aiservices.${name}` }),
    tool: (name) => ({ name: `langchain4j.tools.${name}` }),
    fail: (spoken, error) => {
      sayLastWords(spoken)
      spoken.span.recordException(error)
      if (spoken.words.name.startsWith('chat')) spoken.span.setStatus({ code: SpanStatusCode.ERROR })
    },
  },
  // The calls of models are those of the client inside.
  haystack: {
    ...genAi,
    scope: 'haystack',
    agent: () => ({ name: 'haystack.agent.run' }),
    agentName: '',
    tool: (name) => ({ name: 'haystack.agent.step.tool', soon: { 'haystack.tool.name': name } }),
    untold: ['host'],
  },
  'azure-ai-agents': {
    ...genAi,
    scope: 'azure.ai.agents',
    agent: (name) => ({
      name: `process_thread_run ${name}`,
      start: { 'gen_ai.agent.id': 'asst-1', 'gen_ai.agent.name': name },
    }),
    session: (id) => ({ 'gen_ai.thread.id': id }),
  },
}
