// The three lines: a span processor, a log, and the runs of your agents are on the record.
import { trace } from '@opentelemetry/api'
import { NodeSDK } from '@opentelemetry/sdk-node'
import { AuditSpanProcessor, openAuditLog } from 'spanledger'

const audit = new AuditSpanProcessor()
const sdk = new NodeSDK({ spanProcessors: [audit] })
sdk.start()
const log = await openAuditLog('./audit')
audit.attach(log)

// Any instrumented agent framework does what follows by itself.
const tracer = trace.getTracer('my-agent')
tracer.startActiveSpan('invoke_agent planner', (span) => {
  span.setAttributes({ 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': 'planner' })
  tracer.startActiveSpan('chat gpt-5', (chat) => {
    chat.setAttributes({ 'gen_ai.operation.name': 'chat', 'gen_ai.request.model': 'gpt-5' })
    chat.setAttributes({ 'gen_ai.usage.input_tokens': 120, 'gen_ai.usage.output_tokens': 18 })
    chat.end()
  })
  span.end()
})

await audit.forceFlush()
for await (const event of log.events()) console.log(event.seq, event.time, event.type, event.data)

await sdk.shutdown()
await log.close()
