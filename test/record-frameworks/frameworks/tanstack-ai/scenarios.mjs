import { chat, maxIterations, toolDefinition } from '@tanstack/ai'
import { otelMiddleware } from '@tanstack/ai/middlewares/otel'
import { z } from 'zod'

export const scenarios = {
  'agent-tools': ({ provider }) => {
    const tools = [returning('look_up', 'late'), throwing('refund', 'No such payment')]
    return asking(provider, tools, [call('look_up', { id: 'A-17' }), call('refund', { id: 'A-17' }), say('Done.')])
  },
  'model-error': ({ provider }) => asking(provider, [], []),
}

async function asking(provider, tools, answers) {
  const tracer = provider.getTracer('tanstack-ai')
  const middleware = [otelMiddleware({ tracer })]
  const messages = [{ role: 'user', content: 'Where is it?' }]
  const agentLoopStrategy = maxIterations(5)
  const adapter = scripted(answers)
  const chunks = chat({ adapter, messages, tools, middleware, agentLoopStrategy, debug: false })
  await drained(chunks).catch(() => undefined)
}

/** An adapter that gives the scripted answers, one a request, and is overloaded after them. */
function scripted(answers) {
  const left = [...answers]
  const identity = { kind: 'text', name: 'mock', model: 'mock-large' }
  return {
    ...identity,
    async *chatStream({ model, runId, threadId }) {
      const answer = left.shift()
      if (!answer) throw new Error('Overloaded')
      yield { type: 'RUN_STARTED', runId, threadId, model }
      yield* answer.chunks
      const usage = { promptTokens: 20, completionTokens: 7, totalTokens: 27 }
      yield { type: 'RUN_FINISHED', runId, threadId, model, finishReason: answer.finishReason, usage }
    },
  }
}

function call(toolName, input) {
  const toolCallId = `call-${toolName}`
  const chunks = [
    { type: 'TOOL_CALL_START', toolCallId, toolCallName: toolName, toolName, index: 0 },
    { type: 'TOOL_CALL_ARGS', toolCallId, delta: JSON.stringify(input) },
    { type: 'TOOL_CALL_END', toolCallId, toolCallName: toolName, toolName, input },
  ]
  return { chunks, finishReason: 'tool_calls' }
}

function say(delta) {
  const messageId = 'message'
  const chunks = [
    { type: 'TEXT_MESSAGE_START', messageId, role: 'assistant' },
    { type: 'TEXT_MESSAGE_CONTENT', messageId, delta },
    { type: 'TEXT_MESSAGE_END', messageId },
  ]
  return { chunks, finishReason: 'stop' }
}

function returning(name, value) {
  return toolOf(name, async () => value)
}

function throwing(name, message) {
  return toolOf(name, async () => {
    throw new Error(message)
  })
}

function toolOf(name, run) {
  return toolDefinition({ name, description: 'A tool', inputSchema: z.object({ id: z.string() }) }).server(run)
}

async function drained(chunks) {
  for await (const _ of chunks);
}
