import { Test } from '@nestjs/testing'
import { NodeSDK } from '@opentelemetry/sdk-node'
import { AuditSpanProcessor } from 'spanledger'
import { openTestLog, type TestLog } from 'spanledger/testing'
import { AppModule, RefundAgent } from './app.js'

let log: TestLog
let sdk: NodeSDK

beforeAll(async () => {
  log = await openTestLog()
  sdk = new NodeSDK({ spanProcessors: [new AuditSpanProcessor({ log })], instrumentations: [] })
  sdk.start()
})

afterAll(async () => {
  await sdk.shutdown()
  await log.close()
})

afterEach(() => {
  jest.useRealTimers()
})

test.each([false, true])('a refund is on record (fake timers: %s)', async (areFake) => {
  if (areFake) jest.useFakeTimers()
  const module = await Test.createTestingModule({ imports: [AppModule] }).compile()
  const runId = await module.get(RefundAgent).refund('order-1')
  const events = await log.eventsOf(runId)
  expect(events.map(({ type }) => type)).toEqual(['run_started', 'custom', 'run_completed'])
  await module.close()
})
