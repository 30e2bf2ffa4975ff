import { createServer } from 'node:http'
import { NodeSDK } from '@opentelemetry/sdk-node'
import { AuditSpanProcessor } from 'spanledger'
import { recordCustom, withRun } from 'spanledger/record'

// All workers name the same location. Each of them writes a log of its own in it.
const audit = new AuditSpanProcessor({ location: process.env.AUDIT_LOG ?? './audit' })
const sdk = new NodeSDK({ spanProcessors: [audit], instrumentations: [] })
sdk.start()

const server = createServer((request, response) => {
  const id = request.headers['x-request-id']
  withRun({ agentName: 'answerer', runId: String(id) }, async () => {
    recordCustom('request_answered', { id: String(id), pid: process.pid })
    // From here on the event outlives this process, so that the request can be answered.
    response.setHeader('x-pid', process.pid)
    if (request.url === '/hang') {
      response.flushHeaders()
      await new Promise(() => {})
    }
    response.end()
  }).catch((problem) => response.destroy(problem))
})
server.listen(0)

process.once('SIGTERM', async () => {
  await new Promise((resolve) => {
    server.close(resolve)
    server.closeIdleConnections()
  })
  await sdk.shutdown() // everything is durable, and the log is closed
  process.exit(0)
})
