import { NodeSDK } from '@opentelemetry/sdk-node'
import { AuditSpanProcessor } from 'spanledger'

// Nobody shuts these processors down: their logs are still being opened when Jest tears the environment of this file down.
const spanProcessors = [
  new AuditSpanProcessor({ location: './audit' }),
  new AuditSpanProcessor({ location: './audit-behind', durability: 'journal-behind' }),
]
new NodeSDK({ spanProcessors, instrumentations: [] }).start()

test('a processor that is left open fails no test', () => {
  expect(spanProcessors).toHaveLength(2)
})
