import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { NodeSDK } from '@opentelemetry/sdk-node'
import { AuditSpanProcessor, openAuditLog } from 'spanledger'
import { answerCustomer, answerWhileModelIsDown, summariseTickets } from './agents.mjs'
import { eventRow, runTree } from './trail.mjs'

const directory = await mkdtemp(join(tmpdir(), 'spanledger-demo-'))
const location = join(directory, 'audit')

// An OpenTelemetry SDK as in any service, with the audit span processor beside whatever else it has.
const audit = new AuditSpanProcessor()
const sdk = new NodeSDK({ serviceName: 'support-desk', spanProcessors: [audit] })
sdk.start()

// 1. A log is attached while the service runs, detached, and attached again.
const log = await openAuditLog(location)
const first = audit.attach(log, { id: 'first-shift' })
await answerCustomer({ sessionId: 'ticket-4711', userId: 'ada', question: 'Where is my order?' })
await answerWhileModelIsDown({ sessionId: 'ticket-4711', userId: 'ada' }).catch(() => {})
await first.detach()

await answerCustomer({ sessionId: 'not-audited', userId: 'bob', question: 'Nobody listens to this one.' })

audit.attach(log, { id: 'second-shift' })
await summariseTickets({ sessionId: 'weekly-report', userId: 'carol' })
await sdk.shutdown()
await log.close()

// 2. Another day: the log is opened again, and asked.
const reopened = await openAuditLog(location)
console.log(`\n${(await reopened.head()).size} events in ${location}\n`)

console.log('Runs')
for await (const { runId, parentRunId } of reopened.runs()) {
  if (parentRunId) continue // shown inside its parent
  const run = await reopened.run(runId)
  for (const line of runTree(run, '  ')) console.log(line)
}

console.log(
  '\nWhat failed in ticket-4711?   events({ sessionId: "ticket-4711", type: ["run_failed", "error_occurred"] })',
)
await show(reopened.events({ sessionId: 'ticket-4711', type: ['run_failed', 'error_occurred'] }))

console.log('\nWhat did the policy researcher do?   events({ agent: "policy-researcher" })')
await show(reopened.events({ agent: 'policy-researcher' }))

console.log('\nWhen was nobody listening?   events({ type: ["audit_attached", "audit_detached"] })')
await show(reopened.events({ type: ['audit_attached', 'audit_detached'] }))

await reopened.close()
await rm(directory, { recursive: true })

async function show(events) {
  for await (const event of events) console.log(eventRow(event))
}
