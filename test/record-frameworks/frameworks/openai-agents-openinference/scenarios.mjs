import { OpenAIAgentsInstrumentation } from '@arizeai/openinference-instrumentation-openai-agents'
import * as agents from '@openai/agents'
import OpenAI from 'openai'
import { z } from 'zod'
import { mockChatServer, say, toolCall } from '../../mock-server.mjs'

const { Agent, run, tool } = agents

export const scenarios = {
  'agent-tools': (providers) => {
    const lookUp = returning('look_up', 'late')
    const refund = throwing('refund', 'No such payment')
    const answers = [toolCall('look_up', { id: 'A-17' }), toolCall('refund', { id: 'A-17' }), say('Done.')]
    return asking(providers, new Agent({ name: 'support', tools: [lookUp, refund] }), answers)
  },
  handoff: (providers) => {
    const billing = new Agent({ name: 'billing' })
    const triage = new Agent({ name: 'triage', handoffs: [billing] })
    return asking(providers, triage, [toolCall('transfer_to_billing', {}), say('Paid.')])
  },
  'max-turns': (providers) => {
    const agent = new Agent({ name: 'support', tools: [returning('look_up', 'late')] })
    return asking(providers, agent, [toolCall('look_up', { id: 'A-17' })])
  },
  'model-error': (providers) => asking(providers, new Agent({ name: 'support' }), [500]),
}

async function asking({ provider: tracerProvider }, agent, answers) {
  const instrumentation = new OpenAIAgentsInstrumentation({ tracerProvider })
  instrumentation.manuallyInstrument(agents)
  const server = await mockChatServer(answers)
  agents.setOpenAIAPI('chat_completions')
  agents.setDefaultOpenAIClient(new OpenAI({ apiKey: 'none', baseURL: server.url, maxRetries: 0 }))
  await run(agent, 'Where is it?', { maxTurns: 3 }).catch(() => undefined)
  server.close()
}

function returning(name, value) {
  return tool({ name, description: 'A tool', parameters: z.object({ id: z.string() }), execute: async () => value })
}

function throwing(name, message) {
  const execute = async () => {
    throw new Error(message)
  }
  return tool({ name, description: 'A tool', parameters: z.object({ id: z.string() }), execute, errorFunction: null })
}
