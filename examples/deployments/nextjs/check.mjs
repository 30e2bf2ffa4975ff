import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { openAuditLogReader } from 'spanledger/reader'

// A copy of the standalone build, away from node_modules, answers a route and a page. The runs of both are on record.
const directory = await mkdtemp(join(tmpdir(), 'spanledger-nextjs-'))
const location = join(directory, 'audit')
const copy = join(directory, 'app')
await cp(join(import.meta.dirname, '.next/standalone'), copy, { recursive: true, verbatimSymlinks: true })
const env = {
  ...process.env,
  AUDIT_LOG: location,
  HOSTNAME: '127.0.0.1',
  PORT: String(await freePort()), // server.js takes 0 for its default
  NEXT_MANUAL_SIG_HANDLE: 'true',
  NEXT_TELEMETRY_DISABLED: '1',
}
const app = spawn(process.execPath, ['server.js'], { cwd: copy, env, stdio: ['ignore', 'pipe', 'inherit'] })
try {
  const url = await listening()
  const answer = await fetch(new URL('/refunds', url), { method: 'POST', body: JSON.stringify({ orderId: 'order-1' }) })
  assert.equal(answer.status, 200, 'the route answers')
  const { runId: refund } = await answer.json()
  const page = await fetch(url)
  assert.equal(page.status, 200, 'the page answers')
  const greeting = /<p id="run">([^<]+)<\/p>/.exec(await page.text())?.[1]
  assert.ok(greeting, 'the page shows the id of its run')

  app.kill('SIGTERM')
  const [code] = await once(app, 'exit')
  assert.equal(code, 0, 'the application shut down in order')
  const log = await openAuditLogReader(location)
  for (const [runId, agent] of [
    [refund, 'refund-agent'],
    [greeting, 'greeter'],
  ]) {
    const run = await log.run(runId)
    assert.equal(run?.status, 'completed', `the run of ${agent} is on record`)
    assert.equal(run.agent?.name, agent)
  }
  await log.close()
  const verified = spawnSync('npx', ['spanledger', 'verify', location], { encoding: 'utf8' })
  assert.equal(verified.status, 0, verified.stdout + verified.stderr)
  console.log('the runs of a route and of a page are on record')
} finally {
  if (app.exitCode === null) app.kill('SIGKILL')
  await rm(directory, { recursive: true, force: true })
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  return port
}

async function listening() {
  for await (const line of createInterface({ input: app.stdout })) {
    const url = /Local:\s+(http:\S+)/.exec(line)?.[1]
    if (url) return url
  }
  throw new Error('the application ended before it listened')
}
