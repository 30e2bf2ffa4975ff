// An application in CommonJS, without a tracer provider: an agent with one tool. With the variable FAMILY a child process and a
// thread do the same.
const { fork } = require('node:child_process')
const { isMainThread, Worker } = require('node:worker_threads')
const { trace } = require('@opentelemetry/api')

const [, , role = isMainThread ? 'main' : 'thread'] = process.argv
const tracer = trace.getTracer('app')
/**
 * @param {'invoke_agent' | 'execute_tool'} operation
 * @param {import('@opentelemetry/api').Attributes} attributes
 */
const as = (operation, attributes) => ({ attributes: { 'gen_ai.operation.name': operation, ...attributes } })
tracer.startActiveSpan('agent', as('invoke_agent', { 'gen_ai.agent.name': role }), async (run) => {
  await null
  tracer.startSpan('tool', as('execute_tool', { 'gen_ai.tool.name': 'refund', 'gen_ai.tool.call.id': 'call-1' })).end()
  run.end()
})
if (role === 'main' && process.env.FAMILY) {
  fork(__filename, ['child'])
  new Worker(__filename)
}
