import { createRequire } from 'node:module'
import { metrics } from '@opentelemetry/api'
import { OpenAIInstrumentation } from '@opentelemetry/instrumentation-openai'
import { mockChatServer, say, toolCall } from '../../mock-server.mjs'

const instrumentation = new OpenAIInstrumentation()
const TOOLS = [{ type: 'function', function: { name: 'look_up', parameters: { type: 'object', properties: {} } } }]

export const scenarios = {
  'chat-tools': (providers) => asking(providers, [toolCall('look_up', { id: 'A-17' }), say('Late.')], 2),
  'model-error': (providers) => asking(providers, [500], 1),
}

async function asking({ provider, loggerProvider }, answers, times) {
  instrumentation.setTracerProvider(provider)
  instrumentation.setLoggerProvider(loggerProvider)
  instrumentation.setMeterProvider(metrics.getMeterProvider())
  instrumentation.enable()
  // It instruments what is required, not what is imported.
  const OpenAI = createRequire(import.meta.url)('openai')
  const server = await mockChatServer(answers)
  const client = new OpenAI({ apiKey: 'none', baseURL: server.url, maxRetries: 0 })
  for (let at = 0; at < times; at++) {
    const request = { model: 'mock-large', messages: [{ role: 'user', content: 'Where is it?' }], tools: TOOLS }
    await client.chat.completions.create(request).catch(() => undefined)
  }
  server.close()
}
