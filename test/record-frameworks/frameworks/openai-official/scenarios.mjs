import { createRequire } from 'node:module'
import { metrics } from '@opentelemetry/api'
import { OpenAIInstrumentation } from '@opentelemetry/instrumentation-openai'
import { askChat } from '../../ask-chat.mjs'
import { say, toolCall } from '../../mock-server.mjs'

const instrumentation = new OpenAIInstrumentation()

export const scenarios = {
  'chat-tools': (providers) => asking(providers, [toolCall('look_up', { id: 'A-17' }), say('Late.')]),
  'model-error': (providers) => asking(providers, [500]),
}

async function asking({ provider, loggerProvider }, answers) {
  instrumentation.setTracerProvider(provider)
  instrumentation.setLoggerProvider(loggerProvider)
  instrumentation.setMeterProvider(metrics.getMeterProvider())
  instrumentation.enable()
  // It instruments what is required, not what is imported.
  await askChat(createRequire(import.meta.url)('openai'), answers)
}
