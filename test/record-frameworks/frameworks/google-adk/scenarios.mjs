import { BaseLlm, FunctionTool, InMemoryRunner, LlmAgent } from '@google/adk'
import { z } from 'zod'

const USER = { userId: 'user-1', sessionId: 'ticket-4711' }

export const scenarios = {
  'agent-tools': async () => {
    const tools = [tool('look_up', async () => 'late'), tool('refund', throwing('No such payment'))]
    const model = scripted(call('look_up', { id: 'A-17' }), call('refund', { id: 'A-17' }), say('Done.'))
    await ask(await runnerOf(new LlmAgent({ name: 'support', model, tools })), { text: 'Where is it?' })
  },
  transfer: async () => {
    const billing = new LlmAgent({ name: 'billing', description: 'Pays', model: scripted(say('Paid.')) })
    const model = scripted(call('transfer_to_agent', { agentName: 'billing' }))
    await ask(await runnerOf(new LlmAgent({ name: 'triage', model, subAgents: [billing] })), { text: 'My money' })
  },
  'confirmation-resume': async () => {
    const tools = [tool('refund', async () => 'paid', { requireConfirmation: true })]
    const model = scripted(call('refund', { id: 'A-17' }), say('Done.'))
    const runner = await runnerOf(new LlmAgent({ name: 'support', model, tools }))
    const events = await ask(runner, { text: 'Pay' })
    const asked = events.flatMap(({ content }) => content?.parts ?? []).map(({ functionCall }) => functionCall)
    const confirmation = asked.find((request) => request?.name === 'adk_request_confirmation')
    const { id, name } = confirmation
    await ask(runner, { functionResponse: { id, name, response: { confirmed: true } } })
  },
  'model-error': async () => {
    const model = new ScriptedModel(throwing('Overloaded'))
    await ask(await runnerOf(new LlmAgent({ name: 'support', model })), { text: 'Hello' }).catch(() => undefined)
  },
}

class ScriptedModel extends BaseLlm {
  #answer

  constructor(answer) {
    super({ model: 'mock-large' })
    this.#answer = answer
  }

  async *generateContentAsync() {
    yield await this.#answer()
  }
}

async function runnerOf(agent) {
  const runner = new InMemoryRunner({ agent, appName: 'desk' })
  await runner.sessionService.createSession({ appName: 'desk', ...USER })
  return runner
}

async function ask(runner, part) {
  const events = []
  for await (const event of runner.runAsync({ ...USER, newMessage: { role: 'user', parts: [part] } }))
    events.push(event)
  return events
}

function scripted(...answers) {
  let count = 0
  return new ScriptedModel(async () => answers[count++])
}

function tool(name, execute, options = {}) {
  return new FunctionTool({
    name,
    description: 'A tool',
    parameters: z.object({ id: z.string() }),
    execute,
    ...options,
  })
}

function throwing(message) {
  return async () => {
    throw new Error(message)
  }
}

function call(name, args) {
  return answer({ functionCall: { id: `call-${name}`, name, args } })
}

function say(text) {
  return answer({ text })
}

function answer(part) {
  const usageMetadata = { promptTokenCount: 20, candidatesTokenCount: 7, totalTokenCount: 27 }
  return { content: { role: 'model', parts: [part] }, usageMetadata }
}
