import { createServer } from 'node:http'
import * as Sentry from '@sentry/node'
import { withScope } from 'spanledger/record'
import { refund } from './agent.mjs'
import { stopTelemetry } from './telemetry.mjs'

const server = createServer(async (request, response) => {
  const orderId = String(request.url).slice(1)
  try {
    response.end(await withScope({ sessionId: orderId }, () => refund(orderId)))
  } catch (problem) {
    Sentry.captureException(problem)
    response.writeHead(502).end()
  }
})
server.listen(0, () => console.log(`listening on http://localhost:${server.address().port}`))

process.once('SIGTERM', () => {
  server.close(async () => {
    await stopTelemetry()
    process.exit(0)
  })
  server.closeIdleConnections()
})
