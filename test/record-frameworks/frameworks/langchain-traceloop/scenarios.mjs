import * as callbackManagerModule from '@langchain/core/callbacks/manager'
import { ChatOpenAI } from '@langchain/openai'
import { LangChainInstrumentation } from '@traceloop/instrumentation-langchain'
import { createAgent, tool } from 'langchain'
import { z } from 'zod'
import { mockChatServer, say, toolCall } from '../../mock-server.mjs'

export const scenarios = {
  'agent-tools': ({ provider }) => {
    const answers = [toolCall('look_up', { id: 'A-17' }), toolCall('refund', { id: 'A-17' }), say('Done.')]
    return asking(provider, answers)
  },
  'model-error': ({ provider }) => asking(provider, [500]),
}

async function asking(provider, answers) {
  const instrumentation = new LangChainInstrumentation()
  instrumentation.setTracerProvider(provider)
  instrumentation.manuallyInstrument({ callbackManagerModule })
  const server = await mockChatServer(answers)
  const model = new ChatOpenAI({
    apiKey: 'none',
    model: 'mock-large',
    maxRetries: 0,
    configuration: { baseURL: server.url },
  })
  const agent = createAgent({ name: 'support', model, tools: [returning('look_up', 'late'), throwing('refund')] })
  await agent.invoke({ messages: [{ role: 'user', content: 'Where is it?' }] }).catch(() => undefined)
  server.close()
}

function returning(name, value) {
  return tool(async () => value, { name, description: 'A tool', schema: z.object({ id: z.string() }) })
}

function throwing(name) {
  const run = async () => {
    throw new Error('No such payment')
  }
  return tool(run, { name, description: 'A tool', schema: z.object({ id: z.string() }) })
}
