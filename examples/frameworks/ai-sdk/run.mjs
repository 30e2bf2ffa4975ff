/*
 * The Vercel AI SDK 7 with its own OpenTelemetry integration: a support agent that calls a tool and another agent, and
 * one whose model is down.
 */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { OpenTelemetry } from '@ai-sdk/otel'
import { NodeSDK } from '@opentelemetry/sdk-node'
import { generateText, registerTelemetry, stepCountIs, tool } from 'ai'
import { MockLanguageModelV4 } from 'ai/test'
import { AuditSpanProcessor, openAuditLog } from 'spanledger'
import { z } from 'zod'
import { print, trailOf } from '../trail.mjs'

const directory = await mkdtemp(join(tmpdir(), 'spanledger-ai-sdk-'))
const audit = new AuditSpanProcessor()
const sdk = new NodeSDK({ spanProcessors: [audit], metricReaders: [] }) // the metrics of the AI SDK go nowhere
sdk.start()
const log = await openAuditLog(directory)
audit.attach(log)
registerTelemetry(new OpenTelemetry({ runtimeContext: true }))

const lookUpOrder = tool({
  description: 'Looks an order up',
  inputSchema: z.object({ orderId: z.string() }),
  execute: async ({ orderId }) => ({ orderId, status: 'late' }),
})
const refund = tool({
  description: 'Pays an order back',
  inputSchema: z.object({ orderId: z.string() }),
  execute: async () => {
    throw new Error('No such payment')
  },
})
const askResearcher = tool({
  description: 'Lets the researcher find something out',
  inputSchema: z.object({ topic: z.string() }),
  execute: async ({ topic }) => {
    const { text } = await generateText({ model: scripted(say('A full refund.')), prompt: topic, ...as('researcher') })
    return text
  },
})

const { text } = await generateText({
  model: scripted(
    call('look_up_order', { orderId: 'A-17' }),
    call('ask_researcher', { topic: 'late delivery' }),
    call('refund', { orderId: 'A-17' }),
    say('You will get a refund.'),
  ),
  prompt: 'Where is my order?',
  tools: { look_up_order: lookUpOrder, ask_researcher: askResearcher, refund },
  stopWhen: stepCountIs(5),
  ...as('support'),
})
assert.equal(text, 'You will get a refund.')

const failing = generateText({ model: overloaded(), prompt: 'And my other order?', maxRetries: 0, ...as('support') })
await assert.rejects(failing, /Overloaded/)

await sdk.shutdown()
const trail = await trailOf(log)
print(trail)
assert.deepEqual(trail, [
  {
    agent: 'support',
    status: 'completed',
    sessionId: 'ticket-4711',
    tokens: [400, 80],
    tools: ['look_up_order: completed', 'ask_researcher: completed', 'refund: failed'],
    subRuns: [{ agent: 'researcher', status: 'completed', sessionId: 'ticket-4711', tokens: [100, 20] }],
  },
  { agent: 'support', status: 'failed', sessionId: 'ticket-4711', tokens: [0, 0], error: 'Overloaded' },
])
await log.close()
await rm(directory, { recursive: true })

/** Telemetry names the agent and, because it is asked to, the session out of the runtime context. */
function as(functionId) {
  return {
    telemetry: { functionId, includeRuntimeContext: { sessionId: true } },
    runtimeContext: { sessionId: 'ticket-4711' },
  }
}

/** A model that gives these answers, one a step. */
function scripted(...answers) {
  return new MockLanguageModelV4({ modelId: 'mock-large', doGenerate: answers })
}

function overloaded() {
  return new MockLanguageModelV4({
    modelId: 'mock-large',
    doGenerate: async () => {
      throw new Error('Overloaded')
    },
  })
}

function call(toolName, input) {
  return answer(
    { type: 'tool-call', toolCallId: `call-${toolName}`, toolName, input: JSON.stringify(input) },
    'tool-calls',
  )
}

function say(text) {
  return answer({ type: 'text', text }, 'stop')
}

function answer(content, finishReason) {
  return {
    content: [content],
    finishReason: { unified: finishReason, raw: finishReason },
    usage: {
      inputTokens: { total: 100, noCache: 100, cacheRead: 0, cacheWrite: 0 },
      outputTokens: { total: 20, text: 20, reasoning: 0 },
    },
    warnings: [],
  }
}
