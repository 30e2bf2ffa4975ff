import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { openAuditLogReader } from 'spanledger/reader'

/*
 * Starts an application that has no line about its audit, in each of the ways of docs/deployment.md. It answers a request,
 * and one whose caller has decided against sampling. Both runs are on record, and OpenTelemetry's zero-code start exports
 * what it exports without the audit.
 */
const OTEL = '@opentelemetry/auto-instrumentations-node/register'
const STARTS = [
  { args: ['--import', 'spanledger/register', 'app.mjs'], exports: false },
  { args: ['--import', 'spanledger/register', 'app.cjs'], exports: false },
  { args: ['--require', 'spanledger/register', 'app.cjs'], exports: false },
  { options: '--import spanledger/register', args: ['app.mjs'], exports: false },
  { args: ['--import', 'spanledger/register', '--import', OTEL, 'app.mjs'], exports: true },
  { args: ['--require', OTEL, '--import', 'spanledger/register', 'app.cjs'], exports: true },
]

await Promise.all(STARTS.map(check))

async function check({ options = '', args, exports }) {
  const location = await mkdtemp(join(tmpdir(), 'spanledger-register-'))
  const env = {
    ...process.env,
    SPANLEDGER_LOG: location,
    NODE_OPTIONS: options,
    OTEL_TRACES_EXPORTER: 'console',
    OTEL_METRICS_EXPORTER: 'none',
    OTEL_LOGS_EXPORTER: 'none',
    OTEL_NODE_RESOURCE_DETECTORS: 'none', // those of clouds ask the network
  }
  const app = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const complaints = text(app.stderr)
  try {
    const lines = createInterface({ input: app.stdout })
    const printed = []
    lines.on('line', (line) => printed.push(line))
    const url = await listening(app, lines)
    assert.equal(await (await fetch(url)).text(), 'Hello.')
    const headers = { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00' }
    assert.equal(await (await fetch(url, { headers })).text(), 'Hello.')
    app.kill('SIGTERM')
    const [code] = await once(app, 'close')
    assert.deepEqual({ code, complaints: await complaints }, { code: 0, complaints: '' })
    assert.equal(
      printed.some((line) => line.includes('ai.generateText')),
      exports,
      'what OpenTelemetry exports',
    )

    const log = await openAuditLogReader(location)
    const runs = await log.runs().toArray()
    assert.deepEqual(
      runs.map(({ agent, status }) => `${agent?.name} ${status}`),
      ['greeter completed', 'greeter completed'],
    )
    assert.equal((await log.verify()).status, 'verified')
    await log.close()
    console.log(`two runs are on record: ${options && `NODE_OPTIONS='${options}' `}node ${args.join(' ')}`)
  } finally {
    if (app.exitCode === null) app.kill('SIGKILL')
    await rm(location, { recursive: true, force: true })
  }
}

function listening(app, lines) {
  return new Promise((resolve, reject) => {
    app.once('exit', () => reject(new Error('the application ended before it listened')))
    lines.on('line', (line) => {
      const url = /^listening on (\S+)$/.exec(line)?.[1]
      if (url) resolve(url)
    })
  })
}
