import { OpenTelemetry } from '@ai-sdk/otel'
import { generateText, registerTelemetry, stepCountIs, streamText, tool } from 'ai'
import { MockLanguageModelV4, simulateReadableStream } from 'ai/test'
import { z } from 'zod'

registerTelemetry(new OpenTelemetry({ runtimeContext: true }))

export const scenarios = {
  'agent-tools': async () => {
    const model = scripted(call('look_up', { id: 'A-17' }), call('refund', { id: 'A-17' }), say('Done.'))
    const tools = { look_up: returning('late'), refund: throwing('No such payment') }
    await generateText({ model, prompt: 'Where is it?', tools, stopWhen: stepCountIs(5), ...as('support') })
  },
  'sub-agent': async () => {
    const ask = tool({
      description: 'Asks',
      inputSchema: z.object({ id: z.string() }),
      execute: async () =>
        (await generateText({ model: scripted(say('Yes.')), prompt: 'Is it?', ...as('researcher') })).text,
    })
    const model = scripted(call('ask', { id: 'A-17' }), say('Done.'))
    await generateText({ model, prompt: 'Is it?', tools: { ask }, stopWhen: stepCountIs(5), ...as('support') })
  },
  approval: async () => {
    const refund = tool({
      description: 'Pays back',
      inputSchema: z.object({ id: z.string() }),
      needsApproval: true,
      execute: async () => 'paid',
    })
    await generateText({
      model: scripted(call('refund', { id: 'A-17' })),
      prompt: 'Pay',
      tools: { refund },
      ...as('support'),
    })
  },
  'model-error': async () => {
    const model = new MockLanguageModelV4({
      modelId: 'mock-large',
      doGenerate: async () => {
        throw new Error('Overloaded')
      },
    })
    await ignoring(generateText({ model, prompt: 'Hello', maxRetries: 0, ...as('support') }))
  },
  'stream-abort': async () => {
    const controller = new AbortController()
    const chunks = [
      { type: 'stream-start', warnings: [] },
      { type: 'text-start', id: '1' },
      { type: 'text-delta', id: '1', delta: 'One ' },
      { type: 'text-delta', id: '1', delta: 'two ' },
    ]
    const stream = simulateReadableStream({ chunks, chunkDelayInMs: 20 })
    const model = new MockLanguageModelV4({ modelId: 'mock-large', doStream: async () => ({ stream }) })
    const result = streamText({
      model,
      prompt: 'Count',
      abortSignal: controller.signal,
      onError: () => {},
      ...as('support'),
    })
    await ignoring(
      (async () => {
        for await (const _ of result.textStream) controller.abort()
      })(),
    )
  },
}

function as(functionId) {
  return {
    telemetry: { functionId, includeRuntimeContext: { sessionId: true } },
    runtimeContext: { sessionId: 'ticket-4711' },
  }
}

function scripted(...answers) {
  return new MockLanguageModelV4({ modelId: 'mock-large', doGenerate: answers })
}

function returning(value) {
  return tool({ description: 'A tool', inputSchema: z.object({ id: z.string() }), execute: async () => value })
}

function throwing(message) {
  const execute = async () => {
    throw new Error(message)
  }
  return tool({ description: 'A tool', inputSchema: z.object({ id: z.string() }), execute })
}

function call(toolName, input) {
  return answer(
    { type: 'tool-call', toolCallId: `call-${toolName}`, toolName, input: JSON.stringify(input) },
    'tool-calls',
  )
}

function say(text) {
  return answer({ type: 'text', text }, 'stop')
}

function answer(content, finishReason) {
  return {
    content: [content],
    finishReason: { unified: finishReason, raw: finishReason },
    usage: {
      inputTokens: { total: 20, noCache: 20, cacheRead: 0, cacheWrite: 0 },
      outputTokens: { total: 7, text: 7, reasoning: 0 },
    },
    warnings: [],
  }
}

async function ignoring(promise) {
  try {
    await promise
  } catch {
    // What is thrown is what the scenario is about.
  }
}
