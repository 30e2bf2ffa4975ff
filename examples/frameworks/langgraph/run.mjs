/*
 * LangChain and LangGraph with OpenInference's instrumentation: an agent that calls a tool and another agent, a graph whose
 * nodes hand over with a `Command`, and an agent whose model is down.
 */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LangChainInstrumentation } from '@arizeai/openinference-instrumentation-langchain'
import * as callbackManager from '@langchain/core/callbacks/manager'
import { AIMessage } from '@langchain/core/messages'
import { fakeModel } from '@langchain/core/testing'
import { Command, MessagesAnnotation, StateGraph } from '@langchain/langgraph'
import { NodeSDK } from '@opentelemetry/sdk-node'
import { createAgent, tool } from 'langchain'
import { AuditSpanProcessor, openAuditLog } from 'spanledger'
import { z } from 'zod'
import { print, trailOf } from '../trail.mjs'

const directory = await mkdtemp(join(tmpdir(), 'spanledger-langgraph-'))
const audit = new AuditSpanProcessor()
const sdk = new NodeSDK({ spanProcessors: [audit] })
sdk.start()
const log = await openAuditLog(directory)
audit.attach(log)
new LangChainInstrumentation().manuallyInstrument(callbackManager)

const lookUpOrder = tool(async ({ orderId }) => `${orderId} is late`, {
  name: 'look_up_order',
  description: 'Looks an order up',
  schema: z.object({ orderId: z.string() }),
})

// 1. An agent that calls a tool and, as another tool, a second agent.
const researcher = createAgent({ name: 'researcher', model: scripted(say('A full refund.')), tools: [] })
const askResearcher = tool(async ({ topic }) => (await researcher.invoke(ask(topic))).messages.at(-1).text, {
  name: 'ask_researcher',
  description: 'Lets the researcher find something out',
  schema: z.object({ topic: z.string() }),
})
const support = createAgent({
  name: 'support',
  model: scripted(
    call('look_up_order', { orderId: 'A-17' }),
    call('ask_researcher', { topic: 'late delivery' }),
    say('You get a refund.'),
  ),
  tools: [lookUpOrder, askResearcher],
})
const answered = await support.invoke(ask('Where is my order?'), thread('ticket-1'))
assert.equal(answered.messages.at(-1).text, 'You get a refund.')

// 2. A graph of agents: the first hands over to the second.
const toBilling = tool(async () => new Command({ goto: 'billing', graph: Command.PARENT }), {
  name: 'transfer_to_billing',
  description: 'Hands over to billing',
  schema: z.object({}),
})
const triage = createAgent({ name: 'triage', model: scripted(call('transfer_to_billing', {})), tools: [toBilling] })
const billing = createAgent({ name: 'billing', model: scripted(say('It is paid back.')), tools: [] })
const desk = new StateGraph(MessagesAnnotation)
  .addNode('triage', triage.graph, { ends: ['billing'] })
  .addNode('billing', billing.graph)
  .addEdge('__start__', 'triage')
  .compile({ name: 'desk' })
const handled = await desk.invoke(ask('I want my money back.'), thread('ticket-2'))
assert.equal(handled.messages.at(-1).text, 'It is paid back.')

// 3. An agent whose model is down.
const failing = createAgent({ name: 'support', model: fakeModel().alwaysThrow(new Error('Overloaded')), tools: [] })
await assert.rejects(failing.invoke(ask('And my other order?'), thread('ticket-3')), /Overloaded/)

await sdk.shutdown()
const trail = await trailOf(log)
print(trail)
assert.deepEqual(trail, [
  {
    agent: 'support',
    status: 'completed',
    sessionId: 'ticket-1',
    tokens: [300, 60],
    tools: ['look_up_order: completed', 'ask_researcher: completed'],
    subRuns: [{ agent: 'researcher', status: 'completed', sessionId: 'ticket-1', tokens: [100, 20] }],
  },
  {
    agent: 'desk',
    status: 'completed',
    sessionId: 'ticket-2',
    tokens: [0, 0],
    subRuns: [
      {
        agent: 'triage',
        status: 'completed',
        sessionId: 'ticket-2',
        tokens: [100, 20],
        handoffs: ['triage → billing'],
      },
      { agent: 'billing', status: 'completed', sessionId: 'ticket-2', tokens: [100, 20] },
    ],
  },
  { agent: 'support', status: 'failed', sessionId: 'ticket-3', tokens: [0, 0], error: 'Overloaded' },
])
await log.close()
await rm(directory, { recursive: true })

/** LangGraph's thread is the session. */
function thread(thread_id) {
  return { configurable: { thread_id } }
}

function ask(content) {
  return { messages: [{ role: 'user', content }] }
}

/** A model that gives these answers, one a turn. */
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
  return new AIMessage({ ...fields, usage_metadata: { input_tokens: 100, output_tokens: 20, total_tokens: 120 } })
}
