// An application that knows nothing of the audit: what it sets up is named by its arguments. One run of an agent with one
// tool by the AI SDK, whose telemetry is switched on.
import { context, createContextKey, ROOT_CONTEXT } from '@opentelemetry/api'
import { NodeSDK } from '@opentelemetry/sdk-node'
import { AlwaysOffSampler, AlwaysOnSampler, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace'
import { z } from 'zod'

/**
 * The declarations of `ai` need other settings of the compiler.
 *
 * @param {string} name
 */
const untyped = (name) => import(name)
const { generateText, stepCountIs, tool } = await untyped('ai')
const { MockLanguageModelV3 } = await untyped('ai/test')
const dist = String(process.env.SPANLEDGER_DIST)

const setUp = new Set(process.argv.slice(2))
const exporter = new InMemorySpanExporter()
if (setUp.has('sdk')) {
  const sampler = setUp.has('off') ? new AlwaysOffSampler() : new AlwaysOnSampler()
  const spanProcessors = [new SimpleSpanProcessor({ exporter })]
  if (setUp.has('own processor')) {
    const { AuditSpanProcessor } = await import(new URL('index.js', dist).href)
    spanProcessors.push(new AuditSpanProcessor({ location: process.env.SPANLEDGER_LOG }))
  }
  new NodeSDK({
    sampler,
    spanProcessors,
    metricReaders: [],
    logRecordProcessors: [],
    autoDetectResources: false,
  }).start()
}
if (setUp.has('listens')) {
  const stay = setInterval(() => {}, 60_000)
  process.on('SIGTERM', () => {
    console.log('leaving')
    clearInterval(stay)
  })
} else if (setUp.has('stays')) setInterval(() => {}, 60_000)

const key = createContextKey('app')
const kept = await context.with(ROOT_CONTEXT.setValue(key, 'kept'), async () => {
  await null
  return context.active().getValue(key)
})

const usage = { inputTokens: { total: 3, noCache: 3 }, outputTokens: { total: 4, text: 4 } }
const answers = [
  {
    content: [{ type: 'tool-call', toolCallId: 'call-1', toolName: 'refund', input: '{"order":"7"}' }],
    finishReason: { unified: 'tool-calls' },
  },
  { content: [{ type: 'text', text: 'done' }], finishReason: { unified: 'stop' } },
]
const model = new MockLanguageModelV3({ doGenerate: async () => ({ ...answers.shift(), usage, warnings: [] }) })
await generateText({
  model,
  prompt: 'refund order 7',
  stopWhen: stepCountIs(3),
  tools: { refund: tool({ inputSchema: z.object({ order: z.string() }), execute: async () => 'refunded' }) },
  experimental_telemetry: { isEnabled: true, functionId: 'support' },
})
if (setUp.has('stays')) {
  const { audit } = await import(new URL('register/index.js', dist).href)
  await audit.ready
}
console.log(JSON.stringify({ kept: kept ?? null, exported: exporter.getFinishedSpans().length }))
