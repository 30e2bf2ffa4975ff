import { createRequire } from 'node:module'
import { trace } from '@opentelemetry/api'
import { NodeSDK } from '@opentelemetry/sdk-node'
import { InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace'
import { expect, test } from 'vitest'

// `npm run test:sdk3` sets it; without it the tests run on SDK 2.x.
const major = process.env.SPANLEDGER_TEST_SDK ?? '2'
const require = createRequire(import.meta.url)

test(`the spans under test are made by OpenTelemetry SDK ${major}.x`, async () => {
  const exporter = new InMemorySpanExporter()
  const sdk = new NodeSDK({
    spanProcessors: [new SimpleSpanProcessor({ exporter })],
    autoDetectResources: false,
    logRecordProcessors: [],
    metricReaders: [],
  })
  sdk.start()
  trace.getTracer('test').startSpan('operation').end()
  const [span] = exporter.getFinishedSpans()
  await sdk.shutdown()

  expect(span?.resource.attributes['telemetry.sdk.version']).toMatch(new RegExp(`^${major}\\.`))
  if (major === '3') expect(process.versions.node).toMatch(/^24\./)
})

test('the SDK, the AI SDK and the project share one copy of @opentelemetry/api', () => {
  const api = require.resolve('@opentelemetry/api')
  for (const name of ['@opentelemetry/sdk-node', '@opentelemetry/sdk-trace', '@opentelemetry/sdk-logs', 'ai']) {
    expect(createRequire(require.resolve(name)).resolve('@opentelemetry/api'), name).toBe(api)
  }
})
