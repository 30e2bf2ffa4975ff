import { MockLanguageModelV3, simulateReadableStream } from 'ai/test'
import { z } from 'zod'

// Elsewhere than in production it asks the network for a list of models.
process.env.NODE_ENV = 'production'
const { Agent, createTool, createWorkflowChain, VoltAgent } = await import('@voltagent/core')

const CONVERSATION = { userId: 'user-1', conversationId: 'ticket-4711' }

export const scenarios = {
  'agent-tools': async () => {
    const tools = [tool('look_up', async () => 'late'), tool('refund', throwing('No such payment'))]
    const model = scripted(call('look_up', { id: 'A-17' }), call('refund', { id: 'A-17' }), say('Done.'))
    await agent('support', model, { tools }).generateText('Where is it?', CONVERSATION)
  },
  'sub-agent': async () => {
    const researcher = agent('researcher', scripted(say('Yes.')))
    const model = scripted(call('delegate_task', { task: 'Is it?', targetAgents: ['researcher'] }), say('Done.'))
    await agent('support', model, { subAgents: [researcher] }).generateText('Is it?', CONVERSATION)
  },
  approval: async () => {
    const tools = [tool('refund', async () => 'paid', { needsApproval: true })]
    await agent('support', scripted(call('refund', { id: 'A-17' })), { tools }).generateText('Pay', CONVERSATION)
  },
  'suspend-resume': async () => {
    const workflow = createWorkflowChain({ id: 'refunds', name: 'refunds', input: z.object({}), result: z.any() })
      .andThen({
        id: 'confirm',
        execute: async ({ data, suspend, resumeData }) => (resumeData ? { ...data, ...resumeData } : suspend('Sure?')),
      })
      .andThen({ id: 'pay', execute: async ({ data }) => data })
      .toWorkflow()
    new VoltAgent({ agents: {}, workflows: { refunds: workflow } })
    const asked = await workflow.run({}, CONVERSATION)
    await asked.resume({ confirmed: true })
  },
  'model-error': async () => {
    const model = new MockLanguageModelV3({ modelId: 'mock-large', doGenerate: throwing('Overloaded') })
    await agent('support', model, { maxRetries: 0 })
      .generateText('Hello', CONVERSATION)
      .catch(() => undefined)
  },
}

function agent(name, model, options = {}) {
  return new Agent({ id: name, name, instructions: 'Be helpful.', model, ...options })
}

function scripted(...answers) {
  let count = 0
  return new MockLanguageModelV3({
    modelId: 'mock-large',
    doGenerate: async () => answers[count++],
    doStream: async () => ({ stream: simulateReadableStream({ chunks: chunksOf(answers[count++]) }) }),
  })
}

/** Sub-agents are streamed. */
function chunksOf({ content: [{ text: delta }], finishReason, usage }) {
  return [
    { type: 'stream-start', warnings: [] },
    { type: 'text-start', id: '1' },
    { type: 'text-delta', id: '1', delta },
    { type: 'text-end', id: '1' },
    { type: 'finish', finishReason, usage },
  ]
}

function tool(name, execute, options = {}) {
  return createTool({ name, description: 'A tool', parameters: z.object({ id: z.string() }), execute, ...options })
}

function throwing(message) {
  return async () => {
    throw new Error(message)
  }
}

function call(toolName, input) {
  const content = { type: 'tool-call', toolCallId: `call-${toolName}`, toolName, input: JSON.stringify(input) }
  return answer(content, 'tool-calls')
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
