import type { Dialect } from '../dialect.js'
import { failAsUsual, sayLastWords } from '../speaker.js'
import { chatUsage } from './gen-ai.js'

/* Dialects of coding agents, as far as they have spans. */

const geminiCli = (operation: string) => ({
  'gen_ai.operation.name': operation,
  'gen_ai.conversation.id': 's-0',
})
const claudeCode = (type: string) => ({ 'span.type': type })

export const codingAgentDialects: Readonly<Record<string, Dialect>> = {
  'claude-code': {
    scope: 'com.anthropic.claude_code.tracing',
    agentName: 'claude-code',
    agent: () => ({ name: 'claude_code.interaction', start: claudeCode('interaction') }),
    tool: (name, callId) => ({
      name: 'claude_code.tool',
      start: { ...claudeCode('tool'), tool_name: name, tool_use_id: callId },
      inside: (error) => [
        {
          name: 'claude_code.tool.execution',
          start: { ...claudeCode('tool.execution'), success: !error, ...(error && { error_class: error.name }) },
        },
      ],
    }),
    model: (input, output) => ({
      name: 'claude_code.llm_request',
      start: { ...claudeCode('llm_request'), model: 'm-1' },
      end: { input_tokens: input, output_tokens: output },
    }),
    session: (id) => ({ 'session.id': id }),
    // The span of a tool stays as it is: that of its execution fails.
    fail: (spoken, error) => (spoken.words.inside ? sayLastWords(spoken) : failAsUsual(spoken, error)),
    // A sub-agent is told by attributes of the spans inside.
    untold: ['sub-agent'],
  },
  codex: {
    scope: 'codex_exec',
    agentName: 'codex',
    agent: (name) => ({
      name: 'session_task.turn',
      start: { 'turn.id': name, 'conversation.id': 's-0', model: 'm-1' },
    }),
    step: { name: 'run_turn' },
    tool: (name, callId) => ({
      name: 'exec',
      start: { 'codex.tool.phase': 'dispatch', tool_name: name, call_id: callId },
    }),
    model: (input, output) => ({
      name: 'handle_responses',
      start: { model: 'm-1' },
      end: chatUsage(input, output),
    }),
    // Of a turn and a call of a model that fails, log records tell alone.
    fail: ({ span, words }, error) => {
      const { tool_name, call_id } = words.start ?? {}
      const result = { 'conversation.id': 's-0', tool_name, call_id, success: 'false', 'error.type': error.name }
      span.addEvent('event otel/src/tool_result.rs:54', { 'event.name': 'codex.tool_result', ...result })
    },
    untold: ['run failure', 'cancellation', 'quota', 'sub-agent'],
  },
  'gemini-cli': {
    scope: 'gemini-cli',
    agentName: 'gemini-cli',
    agent: () => ({ name: 'user_prompt', start: geminiCli('user_prompt') }),
    tool: (name, callId) => ({
      name: 'tool_call',
      start: { ...geminiCli('tool_call'), 'gen_ai.tool.name': name, 'gen_ai.tool.call_id': callId },
    }),
    model: (input, output) => ({
      name: 'llm_call',
      start: { ...geminiCli('llm_call'), 'gen_ai.request.model': 'm-1' },
      end: chatUsage(input, output),
    }),
    // Spans end well, whatever came of what they are of: log records tell.
    untold: ['tool failure', 'run failure', 'cancellation', 'quota', 'sub-agent'],
  },
}
