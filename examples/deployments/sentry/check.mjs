import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import { gunzipSync } from 'node:zlib'

/*
 * A service that reports to Sentry answers requests: one as usual, one whose caller has decided against sampling, one whose
 * model is down. Each run is on record once, and Sentry, a server of this script, gets its spans and its error as ever.
 */
const UNSAMPLED = {
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00',
  'sentry-trace': '0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0',
}
const location = await mkdtemp(join(tmpdir(), 'spanledger-sentry-'))
/** The envelopes that came to Sentry. */
const received = []
const sentry = createServer(async (request, response) => {
  const chunks = await request.toArray()
  const body = Buffer.concat(chunks)
  received.push(...itemsOf(request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body))
  response.end('{}')
})
sentry.listen(0, '127.0.0.1')
await once(sentry, 'listening')

const env = { ...process.env, AUDIT_LOG: location, SENTRY_DSN: `http://key@127.0.0.1:${sentry.address().port}/1` }
const service = spawn(process.execPath, ['--import', './telemetry.mjs', 'service.mjs'], {
  env,
  stdio: ['ignore', 'pipe', 'pipe'],
})
const complaints = text(service.stderr)
try {
  const url = await listening()
  assert.equal(await ask('order-1'), 'Refunded.')
  assert.equal(await ask('order-unsampled', UNSAMPLED), 'Refunded.')
  assert.equal(await ask('order-overloaded'), '')

  assert.deepEqual(await statuses(), ['audited'], 'the process says that it is audited')

  service.kill('SIGTERM')
  const [code] = await once(service, 'exit')
  assert.deepEqual({ code, complaints: await complaints }, { code: 0, complaints: '' })

  const runs = spanledger('runs', '--json').map(
    ({ sessionId, agent, status }) => `${sessionId}: ${agent.name} ${status}`,
  )
  assert.deepEqual(runs.sort(), [
    'order-1: refund-agent completed',
    'order-overloaded: refund-agent failed',
    'order-unsampled: refund-agent completed',
  ])
  assert.equal(spanledger('verify', '--json').status, 'verified')

  const spans = received.flatMap(({ type, payload }) => (type === 'span' ? payload.items : []))
  const count = (wanted) => spans.filter(({ name }) => name === wanted).length
  assert.deepEqual([count('ai.generateText'), count('ai.toolCall')], [2, 1], 'Sentry has the spans that it samples')
  const errors = received.filter(({ type }) => type === 'event').map(({ payload }) => payload.exception.values[0].value)
  assert.deepEqual(errors, ['Overloaded'], 'Sentry has the error')
  console.log('three runs are on record, and Sentry got its spans and its error')

  async function ask(orderId, headers = {}) {
    return await (await fetch(new URL(orderId, url), { headers })).text()
  }
} finally {
  if (service.exitCode === null) service.kill('SIGKILL')
  sentry.close()
  await rm(location, { recursive: true, force: true })
}

/** An envelope is lines of JSON: a header, and for each item its own header and its payload. */
function itemsOf(body) {
  const [, ...lines] = body
    .toString()
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  return lines.flatMap(({ type }, index) => (index % 2 === 0 ? [{ type, payload: lines[index + 1] }] : []))
}

/** Asks the command line, which must end with 0. */
function spanledger(command, ...args) {
  return JSON.parse(execFileSync('npx', ['spanledger', command, ...args, '--log', location], { encoding: 'utf8' }))
}

/** The status of the processes, which each writes every few seconds: one that has just seen its first run still waits. */
async function statuses() {
  for (let attempt = 1; ; attempt++) {
    const found = spanledger('doctor', '--json').processes.map(({ status }) => status)
    if (!found.includes('waiting') || attempt === 30) return found
    await delay(1_000)
  }
}

async function listening() {
  for await (const line of createInterface({ input: service.stdout })) {
    const url = /^listening on (\S+)$/.exec(line)?.[1]
    if (url) return url
  }
  throw new Error('the service ended before it listened')
}
