import { context, trace } from '@opentelemetry/api'
import { given, say } from './say.mjs'

// Writes to a ledger that others write to as well, until it is killed, or until SIGTERM, which it answers by closing in
// order. Says each event whose recording call has returned. Its clock is set again and again, if it is asked to.

const { directory, life, by, steps = false, count = Number.POSITIVE_INFINITY } = given()[0]
const HOUR_MILLIS = 3_600_000
/** Events from one setting of the clock to the next. */
const STEP_EVERY = 150

const systemNow = Date.now
let offsetMillis = 0
Date.now = () => systemNow() + offsetMillis

const { AuditSpanProcessor, openAuditLog } = await import('spanledger')
const { TracerProvider } = await import('@opentelemetry/sdk-trace')
let isOver = false
process.once('SIGTERM', () => {
  isOver = true
})

const { record, opened, close } = by === 'processor' ? throughProcessor() : await throughLog()
opened.then(() => say('opened'))
for (let n = 0; n < count && !isOver; n++) {
  if (steps && n % STEP_EVERY === STEP_EVERY - 1)
    offsetMillis += n % (2 * STEP_EVERY) < STEP_EVERY ? HOUR_MILLIS : -HOUR_MILLIS
  await record(n)
  say(`${life}:${n}`)
  if (n % 7 === 6) await new Promise((resolve) => setImmediate(resolve))
}
await opened
await close()
say('closed')

/** The first events come before there is a log. */
function throughProcessor() {
  const audit = new AuditSpanProcessor({ location: directory })
  const provider = new TracerProvider({ spanProcessors: [audit] })
  const tracer = provider.getTracer('faults')
  /** @param {string} name */
  const start = (name) => {
    const attributes = { 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': name }
    return tracer.startSpan('invoke_agent', { attributes }, trace.deleteSpan(context.active()))
  }
  // Its process ends before it does.
  start(`${life}-unended:0`)
  return {
    /** @param {number} n */
    record: (n) => start(`${life}:${n}`).end(),
    opened: audit.ready,
    close: () => provider.shutdown(),
  }
}

async function throughLog() {
  const log = await openAuditLog(directory, {
    shared: true,
    on: { problem: ({ message }) => say(`problem ${message}`) },
  })
  log.record({ type: 'run_started', runId: life, data: { agent: { name: `${life}-unended:0` } } })
  return {
    /** @param {number} n */
    async record(n) {
      const event = { type: /** @type {const} */ ('custom'), runId: life, data: { name: `${life}:${n}` } }
      if (n % 50 === 49) await log.append({ ...event, id: `${life}:${n}` })
      else log.record(event)
    },
    opened: Promise.resolve(),
    async close() {
      log.record({ type: 'run_completed', runId: life, data: { durationMs: 1 } })
      await log.close()
    },
  }
}
