import { LangChainInstrumentation } from '@arizeai/openinference-instrumentation-langchain'
import * as callbackManager from '@langchain/core/callbacks/manager'
import { AIMessage } from '@langchain/core/messages'
import { fakeModel } from '@langchain/core/testing'
import { Command, interrupt, MemorySaver, MessagesAnnotation, StateGraph } from '@langchain/langgraph'
import { createAgent, tool } from 'langchain'
import { z } from 'zod'

new LangChainInstrumentation().manuallyInstrument(callbackManager)

export const scenarios = {
  'agent-tools': async () => {
    const tools = [returning('look_up', 'late'), throwing('refund', 'No such payment')]
    const model = scripted(call('look_up', { id: 'A-17' }), call('refund', { id: 'A-17' }), say('Done.'))
    await ignoring(createAgent({ name: 'support', model, tools }).invoke(ask('Where is it?'), thread('t-1')))
  },
  handoff: async () => {
    const transfer = tool(async () => new Command({ goto: 'billing', graph: Command.PARENT }), {
      name: 'transfer_to_billing',
      description: 'Hands over',
      schema: z.object({}),
    })
    const triage = createAgent({ name: 'triage', model: scripted(call('transfer_to_billing', {})), tools: [transfer] })
    const billing = createAgent({ name: 'billing', model: scripted(say('Paid.')), tools: [] })
    const desk = new StateGraph(MessagesAnnotation)
      .addNode('triage', triage.graph, { ends: ['billing'] })
      .addNode('billing', billing.graph)
      .addEdge('__start__', 'triage')
      .compile({ name: 'desk' })
    await desk.invoke(ask('My money'), thread('t-2'))
  },
  'interrupt-resume': async () => {
    const confirm = tool(async () => interrupt({ question: 'Sure?' }), {
      name: 'confirm',
      description: 'Asks a person',
      schema: z.object({}),
    })
    const model = scripted(call('confirm', {}), say('Done.'))
    const agent = createAgent({ name: 'support', model, tools: [confirm], checkpointer: new MemorySaver() })
    await agent.invoke(ask('Pay'), thread('t-3'))
    await agent.invoke(new Command({ resume: 'yes' }), thread('t-3'))
  },
  'model-error': async () => {
    const model = fakeModel().alwaysThrow(new Error('Overloaded'))
    await ignoring(createAgent({ name: 'support', model, tools: [] }).invoke(ask('Hello'), thread('t-4')))
  },
}

function thread(thread_id) {
  return { configurable: { thread_id } }
}

function ask(content) {
  return { messages: [{ role: 'user', content }] }
}

function scripted(...answers) {
  return answers.reduce((model, message) => model.respond(message), fakeModel())
}

function call(name, args) {
  return answer({ content: '', tool_calls: [{ id: `call-${name}`, name, args, type: 'tool_call' }] })
}

function say(content) {
  return answer({ content })
}

function answer(fields) {
  const usage_metadata = { input_tokens: 20, output_tokens: 7, total_tokens: 27 }
  return new AIMessage({ ...fields, usage_metadata, response_metadata: { model_name: 'mock-large' } })
}

function returning(name, value) {
  return tool(async () => value, { name, description: 'A tool', schema: z.object({ id: z.string() }) })
}

function throwing(name, message) {
  const run = async () => {
    throw new Error(message)
  }
  return tool(run, { name, description: 'A tool', schema: z.object({ id: z.string() }) })
}

async function ignoring(promise) {
  try {
    await promise
  } catch {
    // What is thrown is what the scenario is about.
  }
}
