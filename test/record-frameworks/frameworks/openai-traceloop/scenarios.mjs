import { OpenAIInstrumentation } from '@traceloop/instrumentation-openai'
import OpenAI from 'openai'
import { askChat } from '../../ask-chat.mjs'
import { say, toolCall } from '../../mock-server.mjs'

export const scenarios = {
  'chat-tools': ({ provider }) => asking(provider, [toolCall('look_up', { id: 'A-17' }), say('Late.')]),
  'model-error': ({ provider }) => asking(provider, [500]),
}

async function asking(provider, answers) {
  const instrumentation = new OpenAIInstrumentation()
  instrumentation.setTracerProvider(provider)
  instrumentation.manuallyInstrument(OpenAI)
  await askChat(OpenAI, answers)
}
