import { ai, ax } from '@ax-llm/ax'
import { mockChatServer, say, toolCall } from '../../mock-server.mjs'

const ANSWER = say('Answer: Late.')

export const scenarios = {
  'agent-tools': ({ provider }) => asking(provider, [toolCall('look_up', { id: 'A-17' }), ANSWER]),
  'tool-error': ({ provider }) => asking(provider, [toolCall('refund', { id: 'A-17' }), ANSWER]),
  'model-error': ({ provider }) => asking(provider, [400]),
}

async function asking(provider, answers) {
  const server = await mockChatServer(answers)
  const model = ai({ name: 'openai', apiKey: 'none', apiURL: server.url, config: { model: 'gpt-4o', stream: false } })
  const support = ax('question:string -> answer:string')
  const functions = [returning('look_up', 'late'), throwing('refund', 'No such payment')]
  const options = { tracer: provider.getTracer('support'), functions, stream: false, maxRetries: 0 }
  await support.forward(model, { question: 'Where is it?' }, options).catch(() => undefined)
  server.close()
}

function returning(name, value) {
  return functionOf(name, async () => value)
}

function throwing(name, message) {
  return functionOf(name, async () => {
    throw new Error(message)
  })
}

function functionOf(name, func) {
  const parameters = { type: 'object', properties: { id: { type: 'string', description: 'A ticket' } } }
  return { name, description: 'A tool for tickets', parameters, func }
}
