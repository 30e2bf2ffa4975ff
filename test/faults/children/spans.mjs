import { context, trace } from '@opentelemetry/api'
import { TracerProvider } from '@opentelemetry/sdk-trace'
import { AuditSpanProcessor, openAuditLog } from 'spanledger'
import { given, say } from './say.mjs'

// Ends spans of agents in one tick, and then itself, in one of many ways.

const [directory, count, ending] = given()
const audit = new AuditSpanProcessor()
const provider = new TracerProvider({ spanProcessors: [audit] })
const log = await openAuditLog(directory)
audit.attach(log)

const tracer = provider.getTracer('faults')
for (let n = 0; n < count; n++) {
  const attributes = { 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': `agent:${n}` }
  const span = tracer.startSpan('invoke_agent', { attributes }, context.active())
  trace.setSpan(context.active(), span)
  span.end()
  say(`agent:${n}`)
}

switch (ending) {
  case 'forceFlush':
    await provider.forceFlush()
    process.kill(process.pid, 'SIGKILL')
    break
  case 'natural exit':
    break
  case 'process.exit':
    process.exit(1)
    break
  case 'uncaught exception':
    throw new Error('uncaught')
  case 'unhandled rejection':
    Promise.reject(new Error('unhandled'))
    break
  case 'abort':
    process.abort()
    break
  case 'out of memory': {
    /** @type {unknown[]} */
    const all = []
    for (;;) all.push(new Array(10_000).fill(all.length))
  }
  case 'SIGTERM':
    process.on('SIGTERM', async () => {
      await provider.shutdown()
      await log.close()
      process.exit(0)
    })
    setInterval(() => {}, 1000)
    say('ready')
}
