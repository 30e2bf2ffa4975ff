/*
 * The OpenAI Agents SDK, once through `spanledger/openai-agents`, which listens to the SDK's own traces, and once through
 * OpenInference's bridge to OpenTelemetry: a triage agent that hands over to billing, and one whose model is down.
 */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setSession } from '@arizeai/openinference-core'
import { OpenAIAgentsInstrumentation } from '@arizeai/openinference-instrumentation-openai-agents'
import * as agents from '@openai/agents'
import { context } from '@opentelemetry/api'
import { NodeSDK } from '@opentelemetry/sdk-node'
import { AuditSpanProcessor, openAuditLog } from 'spanledger'
import { AuditTracingProcessor } from 'spanledger/openai-agents'
import { z } from 'zod'
import { print, trailOf } from '../trail.mjs'

const { Agent, OpenAIResponsesModel, Runner, setTraceProcessors, tool } = agents
const directory = await mkdtemp(join(tmpdir(), 'spanledger-openai-agents-'))

const audit = new AuditSpanProcessor()
const sdk = new NodeSDK({ spanProcessors: [audit] })
sdk.start()

console.log('spanledger/openai-agents')
setTraceProcessors([new AuditTracingProcessor(audit)])
await audited('native', () => answerCustomers({ groupId: 'ticket-4711' }))

console.log('OpenInference')
new OpenAIAgentsInstrumentation().manuallyInstrument(agents) // takes the place of all other trace processors
await audited('openinference', () =>
  context.with(setSession(context.active(), { sessionId: 'ticket-4711' }), () => answerCustomers()),
)

await sdk.shutdown()
await rm(directory, { recursive: true })

/** Runs what is given, with a log of its own attached, which must tell the same in both ways. */
async function audited(name, run) {
  const log = await openAuditLog(join(directory, name))
  const attachment = audit.attach(log)
  await run()
  await attachment.detach()
  const trail = await trailOf(log)
  print(trail, '  ')
  assert.deepEqual(trail, [
    {
      agent: 'support',
      status: 'completed',
      sessionId: 'ticket-4711',
      tokens: [0, 0],
      subRuns: [
        {
          agent: 'triage',
          status: 'completed',
          sessionId: 'ticket-4711',
          tokens: [200, 40],
          tools: ['look_up_order: completed'],
          handoffs: ['triage → billing'],
        },
        { agent: 'billing', status: 'completed', sessionId: 'ticket-4711', tokens: [100, 20] },
      ],
    },
    {
      agent: 'support',
      status: 'failed',
      sessionId: 'ticket-4711',
      tokens: [0, 0],
      error: 'Error: Overloaded',
      subRuns: [
        {
          agent: 'triage',
          status: 'failed',
          sessionId: 'ticket-4711',
          tokens: [0, 0],
          error: 'Error: Overloaded',
        },
      ],
    },
  ])
  await log.close()
}

async function answerCustomers(tracing) {
  const lookUpOrder = tool({
    name: 'look_up_order',
    description: 'Looks an order up',
    parameters: z.object({ orderId: z.string() }),
    execute: async ({ orderId }) => `${orderId} is late`,
  })
  const billing = new Agent({ name: 'billing', model: scripted(say('You get a refund.')) })
  const triage = new Agent({
    name: 'triage',
    model: scripted(call('look_up_order', { orderId: 'A-17' }), call('transfer_to_billing', {})),
    tools: [lookUpOrder],
    handoffs: [billing],
  })
  const runner = new Runner({ workflowName: 'support', ...tracing })
  const { finalOutput } = await runner.run(triage, 'Where is my order?')
  assert.equal(finalOutput, 'You get a refund.')

  const failing = runner.run(new Agent({ name: 'triage', model: overloaded() }), 'And my other order?')
  await assert.rejects(failing, /Overloaded/)
}

/** OpenAI's model, on a client that gives these answers, one a turn. */
function scripted(...outputs) {
  let turn = 0
  return modelOn(async () => ({
    id: randomUUID(), // a response is counted once, by its id
    output: [outputs[turn++]],
    usage: { input_tokens: 100, output_tokens: 20, total_tokens: 120 },
  }))
}

function overloaded() {
  return modelOn(async () => {
    throw new Error('Overloaded')
  })
}

function modelOn(create) {
  return new OpenAIResponsesModel({ responses: { create } }, 'mock-large')
}

function call(name, input) {
  return { type: 'function_call', call_id: `call-${name}`, name, arguments: JSON.stringify(input), status: 'completed' }
}

function say(text) {
  const content = [{ type: 'output_text', text, annotations: [] }]
  return { type: 'message', id: 'message', role: 'assistant', status: 'completed', content }
}
