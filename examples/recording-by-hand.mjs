// An agent library records through `spanledger/record`, which needs nothing but `@opentelemetry/api`. In an
// application without OpenTelemetry, as here, the events go straight to the attached logs.
import { AuditSpanProcessor, openAuditLog } from 'spanledger'
import { recordAgentHandoff, recordMemoryRecall, recordTokenUsageUpdated, withRun, withScope } from 'spanledger/record'

// In the library: no word of who listens.
function triage(question) {
  return withRun({ agentName: 'triage', model: 'small-1' }, () => {
    recordMemoryRecall({ tier: 'session', namespaceKey: 'faq', hits: 0 }) // a miss is worth knowing
    recordTokenUsageUpdated({ inputTokens: 80, outputTokens: 12, totalTokens: 92, model: 'small-1', costUsd: 0.0004 })
    recordAgentHandoff({ from: 'triage', to: 'billing' })
    return `billing takes over: ${question}`
  })
}

// In the application.
const log = await openAuditLog('./audit')
const audit = new AuditSpanProcessor({ log })

withScope({ tenantId: 'acme', sessionId: 'ticket-1', userId: 'ada' }, () => triage('Why was I charged twice?'))

await audit.forceFlush()
for await (const event of log.events({ tenantId: 'acme', sessionId: 'ticket-1' })) {
  console.log(event.type, event.actor?.id, event.data)
}
await audit.shutdown()
await log.close()
