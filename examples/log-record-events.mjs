// Events emitted as OpenTelemetry log records, where span events are moving to.
import { logs } from '@opentelemetry/api-logs'
import { NodeSDK } from '@opentelemetry/sdk-node'
import { AuditLogRecordProcessor, AuditSpanProcessor, openAuditLog } from 'spanledger'
import { withRun } from 'spanledger/record'

const log = await openAuditLog('./audit')
const audit = new AuditSpanProcessor({ log })
const sdk = new NodeSDK({ spanProcessors: [audit], logRecordProcessors: [new AuditLogRecordProcessor(audit)] })
sdk.start()

withRun({ agentName: 'planner' }, () => {
  logs.getLogger('my-agent').emit({
    eventName: 'spanledger.context_compacted',
    attributes: { 'spanledger.dropped_tokens': 48_000, 'spanledger.retained_tokens': 9_000 },
  })
})

await audit.forceFlush()
const [event] = await log.events({ type: 'context_compacted' }).toArray()
console.log(event.type, event.data, 'in the run of', event.agent?.name)

await sdk.shutdown()
await log.close()
