// Auditing while a service runs: attach a log, detach it, switch auditing off for one flow of calls.
import { NodeSDK } from '@opentelemetry/sdk-node'
import { AuditSpanProcessor, openAuditLog, withAuditing } from 'spanledger'
import { withRun } from 'spanledger/record'

const audit = new AuditSpanProcessor() // costs next to nothing while nothing is attached
const sdk = new NodeSDK({ spanProcessors: [audit] })
sdk.start()

const log = await openAuditLog('./audit')
const failuresOnly = await openAuditLog('./failures')

const attachment = audit.attach(log, { id: 'everything' })
audit.attach(failuresOnly, { filter: (event) => event.type === 'run_failed' })

withRun({ agentName: 'heard' }, () => {})
withAuditing(false, () => withRun({ agentName: 'unheard' }, () => {})) // this flow only; others go on being audited
try {
  withRun({ agentName: 'unlucky' }, () => {
    throw new RangeError('out of luck')
  })
} catch {}

await attachment.detach() // everything seen so far is durable now
withRun({ agentName: 'too late' }, () => {})

const names = async (reader) =>
  (await reader.events({ type: ['run_started', 'run_failed'] }).toArray()).map(
    (event) => `${event.type} ${event.agent.name}`,
  )
console.log('everything:', await names(log))
console.log('failures:  ', await names(failuresOnly))

await sdk.shutdown()
await Promise.all([log.close(), failuresOnly.close()])
