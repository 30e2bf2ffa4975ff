/*
 * Mastra with its bridge to OpenTelemetry: a support agent that calls a tool and, as a sub-agent, a researcher, and one
 * whose model is down.
 */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Agent } from '@mastra/core/agent'
import { Mastra } from '@mastra/core/mastra'
import { createTool } from '@mastra/core/tools'
import { Observability } from '@mastra/observability'
import { OtelBridge } from '@mastra/otel-bridge'
import { NodeSDK } from '@opentelemetry/sdk-node'
import { AuditSpanProcessor, openAuditLog } from 'spanledger'
import { z } from 'zod'
import { print, trailOf } from '../trail.mjs'

const directory = await mkdtemp(join(tmpdir(), 'spanledger-mastra-'))
const audit = new AuditSpanProcessor()
const sdk = new NodeSDK({ spanProcessors: [audit], logRecordProcessors: [] }) // Mastra's log goes nowhere
sdk.start()
const log = await openAuditLog(directory)
audit.attach(log)

const lookUpOrder = createTool({
  id: 'look_up_order',
  description: 'Looks an order up',
  inputSchema: z.object({ orderId: z.string() }),
  execute: async ({ orderId }) => ({ orderId, status: 'late' }),
})
const researcher = new Agent({
  id: 'researcher',
  name: 'researcher',
  description: 'Finds out what our policies say',
  instructions: 'You read policies.',
  model: scripted(say('A full refund.')),
})
const support = new Agent({
  id: 'support',
  name: 'support',
  instructions: 'You answer customers.',
  model: scripted(
    call('lookUpOrder', { orderId: 'A-17' }),
    call('agent-researcher', { prompt: 'late delivery' }),
    say('You get a refund.'),
  ),
  tools: { lookUpOrder },
  agents: { researcher },
})
const broken = new Agent({
  id: 'broken',
  name: 'broken',
  instructions: 'You answer customers.',
  model: overloaded(),
  maxRetries: 0,
})

const mastra = new Mastra({
  agents: { support, broken },
  logger: false,
  observability: new Observability({
    configs: { default: { serviceName: 'support-desk', bridge: new OtelBridge() } },
  }),
})

const { text } = await mastra.getAgent('support').generate('Where is my order?', ticket('ticket-1'))
assert.equal(text, 'You get a refund.')
await assert.rejects(mastra.getAgent('broken').generate('And my other order?', ticket('ticket-2')), /Overloaded/)

await mastra.shutdown()
await sdk.shutdown()
const trail = await trailOf(log)
print(trail)
assert.deepEqual(trail, [
  {
    agent: 'support',
    status: 'completed',
    sessionId: 'ticket-1',
    tokens: [300, 60],
    tools: ['lookUpOrder: completed', 'agent-researcher: completed'],
    subRuns: [{ agent: 'researcher', status: 'completed', sessionId: 'ticket-1', tokens: [100, 20] }],
  },
  { agent: 'broken', status: 'failed', sessionId: 'ticket-2', tokens: [0, 0], error: 'Overloaded' },
])
await log.close()
await rm(directory, { recursive: true })

function ticket(sessionId) {
  return { tracingOptions: { metadata: { sessionId } } }
}

/** A model that gives these answers, one a step. */
function scripted(...answers) {
  let step = 0
  return model(async () => answers[step++])
}

function overloaded() {
  return model(async () => {
    throw new Error('Overloaded')
  })
}

/** Mastra takes the models of the AI SDK. */
function model(doGenerate) {
  return {
    specificationVersion: 'v2',
    provider: 'mock',
    modelId: 'mock-large',
    supportedUrls: {},
    doGenerate,
  }
}

function call(toolName, input) {
  const toolCallId = `call-${toolName}`
  return answer({ type: 'tool-call', toolCallId, toolName, input: JSON.stringify(input) }, 'tool-calls')
}

function say(text) {
  return answer({ type: 'text', text }, 'stop')
}

function answer(content, finishReason) {
  return {
    content: [content],
    finishReason,
    usage: { inputTokens: 100, outputTokens: 20, totalTokens: 120 },
    warnings: [],
  }
}
