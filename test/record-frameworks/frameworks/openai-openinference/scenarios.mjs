import { OpenAIInstrumentation } from '@arizeai/openinference-instrumentation-openai'
import OpenAI from 'openai'
import { mockChatServer, say, toolCall } from '../../mock-server.mjs'

const TOOLS = [{ type: 'function', function: { name: 'look_up', parameters: { type: 'object', properties: {} } } }]

export const scenarios = {
  'chat-tools': ({ provider }) => asking(provider, [toolCall('look_up', { id: 'A-17' }), say('Late.')], 2),
  'model-error': ({ provider }) => asking(provider, [500], 1),
}

async function asking(tracerProvider, answers, times) {
  const instrumentation = new OpenAIInstrumentation({ tracerProvider })
  instrumentation.manuallyInstrument(OpenAI)
  const server = await mockChatServer(answers)
  const client = new OpenAI({ apiKey: 'none', baseURL: server.url, maxRetries: 0 })
  for (let at = 0; at < times; at++) {
    const request = { model: 'mock-large', messages: [{ role: 'user', content: 'Where is it?' }], tools: TOOLS }
    await client.chat.completions.create(request).catch(() => undefined)
  }
  server.close()
}
