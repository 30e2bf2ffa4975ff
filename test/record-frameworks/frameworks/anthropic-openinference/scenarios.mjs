import Anthropic from '@anthropic-ai/sdk'
import { betaTool } from '@anthropic-ai/sdk/helpers/beta/json-schema'
import { AnthropicInstrumentation } from '@arizeai/openinference-instrumentation-anthropic'
import { mockMessagesServer, say, toolUse } from './mock-messages.mjs'

const request = { model: 'mock-large', max_tokens: 50, messages: [{ role: 'user', content: 'Where is it?' }] }

export const scenarios = {
  'message-tools': ({ provider }) =>
    asking(provider, [toolUse('look_up', { id: 'A-17' }), say('Late.')], async ({ messages }) => {
      const tools = [{ name: 'look_up', input_schema: { type: 'object' } }]
      for (let asked = 0; asked < 2; asked++) await messages.create({ ...request, tools })
    }),
  'tool-runner': ({ provider }) => {
    const answers = [toolUse('look_up', { id: 'A-17' }), toolUse('refund', { id: 'A-17' }), say('Done.')]
    const tools = [returning('look_up', 'late'), throwing('refund', 'No such payment')]
    return asking(provider, answers, ({ beta }) => beta.messages.toolRunner({ ...request, tools }))
  },
  'model-error': ({ provider }) => asking(provider, [500], ({ messages }) => messages.create(request)),
}

async function asking(tracerProvider, answers, ask) {
  new AnthropicInstrumentation({ tracerProvider }).manuallyInstrument(Anthropic)
  const server = await mockMessagesServer(answers)
  const client = new Anthropic({ apiKey: 'none', baseURL: server.url, maxRetries: 0 })
  await Promise.resolve(ask(client)).catch(() => undefined)
  server.close()
}

function returning(name, value) {
  return betaTool({ name, description: 'A tool', inputSchema: { type: 'object' }, run: async () => value })
}

function throwing(name, message) {
  const run = async () => {
    throw new Error(message)
  }
  return betaTool({ name, description: 'A tool', inputSchema: { type: 'object' }, run })
}
