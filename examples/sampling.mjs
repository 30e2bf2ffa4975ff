// A trace sampler keeps 1 % of the traces, and the audit trail keeps every run.
import { NodeSDK } from '@opentelemetry/sdk-node'
import { InMemorySpanExporter, SimpleSpanProcessor, TraceIdRatioBasedSampler } from '@opentelemetry/sdk-trace'
import { AuditSpanProcessor, openAuditLog } from 'spanledger'
import { withRun } from 'spanledger/record'

const log = await openAuditLog('./audit')
const audit = new AuditSpanProcessor({ log })
const exported = new InMemorySpanExporter()
const sdk = new NodeSDK({
  sampler: new TraceIdRatioBasedSampler(0.01),
  spanProcessors: [audit, new SimpleSpanProcessor({ exporter: exported })],
})
sdk.start()

for (let n = 0; n < 1000; n++) withRun({ agentName: 'planner' }, () => {})

await audit.forceFlush()
const recorded = await log.events({ type: 'run_completed' }).count()
console.log(`${exported.getFinishedSpans().length} of 1000 spans exported, ${recorded} of 1000 runs recorded`)
if (recorded !== 1000) throw new Error('the audit trail was sampled')

await sdk.shutdown()
await log.close()
