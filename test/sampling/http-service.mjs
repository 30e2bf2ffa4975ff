// A service of NodeSDK with the HTTP instrumentation: each request runs an agent with a tool. It asks itself over a raw
// socket, so that the headers are those of the caller, and ends.
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { connect } from 'node:net'
import { trace } from '@opentelemetry/api'
import { HttpInstrumentation } from '@opentelemetry/instrumentation-http'
import { NodeSDK } from '@opentelemetry/sdk-node'
import { InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace'

const [dist, location, requests, ...headers] = process.argv.slice(2)
const { AuditSpanProcessor } = await import(new URL('index.js', dist).href)

const audit = new AuditSpanProcessor({ location })
const exported = new InMemorySpanExporter()
const sdk = new NodeSDK({
  spanProcessors: [audit, new SimpleSpanProcessor({ exporter: exported })],
  instrumentations: [new HttpInstrumentation()],
  metricReaders: [],
  logRecordProcessors: [],
  autoDetectResources: false,
})
sdk.start()

// The instrumentation changes what `require` returns.
const http = createRequire(import.meta.url)('node:http')
const tracer = trace.getTracer('agents')
const serverSpanRecords = new Set()
const server = http.createServer(
  (/** @type {unknown} */ _request, /** @type {import('node:http').ServerResponse} */ response) => {
    serverSpanRecords.add(`${trace.getActiveSpan()?.isRecording()}`)
    tracer.startActiveSpan('invoke_agent', { attributes: { 'gen_ai.operation.name': 'invoke_agent' } }, async (run) => {
      await null
      const tool = tracer.startSpan('execute_tool')
      tool.setAttributes({
        'gen_ai.operation.name': 'execute_tool',
        'gen_ai.tool.name': 'refund',
        'gen_ai.tool.call.id': '1',
      })
      tool.end()
      run.end()
      response.end('ok')
    })
  },
)
server.listen(0, '127.0.0.1')
await once(server, 'listening')
const { port } = server.address()

for (let request = 0; request < Number(requests); request++) {
  const socket = connect(port, '127.0.0.1')
  socket.write(`${['GET /refund HTTP/1.1', 'Host: shop', 'Connection: close', ...headers].join('\r\n')}\r\n\r\n`)
  socket.resume()
  await once(socket, 'close')
}
server.close()
console.log(JSON.stringify({ exported: exported.getFinishedSpans().length, serverSpanRecords: [...serverSpanRecords] }))
await sdk.shutdown()
