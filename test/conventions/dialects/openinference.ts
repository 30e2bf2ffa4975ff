import { type Attributes, SpanStatusCode } from '@opentelemetry/api'
import type { Dialect } from '../dialect.js'
import { sayLastWords } from '../speaker.js'
import { pauseWith } from './gen-ai.js'

/* Dialects of OpenInference. */

const kind = (value: string): Attributes => ({ 'openinference.span.kind': value })
const counts = (input: number, output: number): Attributes => ({
  'llm.token_count.prompt': input,
  'llm.token_count.completion': output,
})

const openInference: Dialect = {
  scope: 'app',
  agent: (name) => ({ name, soon: { ...kind('AGENT'), 'agent.name': name } }),
  tool: (name, callId) => ({ name, soon: { ...kind('TOOL'), 'tool.name': name, 'tool_call.id': callId } }),
  model: (input, output) => ({ name: 'chat', soon: kind('LLM'), end: counts(input, output) }),
  cached: (tokens) => ({ 'llm.token_count.prompt_details.cache_read': tokens }),
  repeatedUsage: counts,
  session: (id) => ({ 'session.id': id }),
}

/** Calls of models have no spans. */
const { model: _, cached: __, ...withoutModel } = openInference

const ofLangChain = (name: string): Attributes => ({
  metadata: JSON.stringify({ ls_integration: 'langchain_create_agent', lc_agent_name: name }),
})
const langChain = ofLangChain('planner')

/** The path of an event of BeeAI's, which has a span of its own. */
const event = (kindOfSpan: string, target: string, more?: Attributes) => ({
  name: `${target}-1`,
  soon: { target, ...kind(kindOfSpan), ...more },
})

export const openInferenceDialects: Readonly<Record<string, Dialect>> = {
  openinference: { ...openInference, pause: pauseWith('GraphInterrupt') },
  'claude-agent-sdk': {
    ...withoutModel,
    scope: '@arizeai/openinference-instrumentation-claude-agent-sdk',
    agent: (name) => ({
      name,
      soon: { ...kind('AGENT'), 'agent.name': name },
      end: { ...counts(20, 7), 'llm.finish_reason': 'end_turn' },
    }),
  },
  'openai-agents': {
    ...openInference,
    scope: '@arizeai/openinference-instrumentation-openai-agents',
    // The outermost is named by its workflow.
    agent: (name) => ({ name, soon: kind('AGENT') }),
    untold: ['host'],
    step: { name: 'turn', soon: kind('CHAIN') },
    tool: (name) => ({ name, soon: kind('TOOL'), end: { 'tool.name': name } }),
  },
  'langchain-openinference': {
    ...openInference,
    scope: '@arizeai/openinference-instrumentation-langchain',
    agent: (name) => ({ name, soon: kind('CHAIN'), end: ofLangChain(name) }),
    opening: { name: '__start__', soon: kind('CHAIN'), end: langChain },
    tool: (name) => ({ name, soon: kind('TOOL'), end: { ...langChain, 'tool.name': name } }),
    model: (input, output) => ({
      name: 'ChatModel',
      soon: kind('LLM'),
      end: { ...langChain, ...counts(input, output) },
    }),
    // The text of the status is the error with its stack.
    fail: (spoken, error) => {
      sayLastWords(spoken)
      const message = `${error.message}\n\n${error.stack}`
      spoken.span.recordException(message)
      spoken.span.setStatus({ code: SpanStatusCode.ERROR, message })
    },
    pause: (tool) => {
      const message = '[]\n\nGraphInterrupt: []\n    at app.js:1:1'
      tool.recordException(message)
      tool.setStatus({ code: SpanStatusCode.ERROR, message })
    },
  },
  beeai: {
    ...openInference,
    scope: '@arizeai/openinference-instrumentation-beeai',
    agent: () => ({ name: 'beeai-framework-main', soon: { ...kind('AGENT'), source: 'ToolCallingAgent' } }),
    agentName: '',
    untold: ['protocol'],
    tool: (name) => {
      const path = `tool.dynamic.${name}`
      return {
        ...event('TOOL', `${path}.start`),
        inside: (error) => [
          event('TOOL', error ? `${path}.error` : `${path}.success`, error && { 'exception.type': error.name }),
          event('TOOL', `${path}.finish`),
        ],
      }
    },
    model: (input, output) => ({ ...event('LLM', 'backend.openai.chat.success'), end: counts(input, output) }),
  },
}
