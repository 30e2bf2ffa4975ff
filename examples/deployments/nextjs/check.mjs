import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { openAuditLogReader } from 'spanledger/reader'

// The production build, which nobody has told of Spanledger, answers a route and a page. The runs of both are on record.
const location = await mkdtemp(join(tmpdir(), 'spanledger-nextjs-'))
const env = { ...process.env, AUDIT_LOG: location, NEXT_MANUAL_SIG_HANDLE: 'true', NEXT_TELEMETRY_DISABLED: '1' }
const next = join(import.meta.dirname, 'node_modules/next/dist/bin/next')
const app = spawn(process.execPath, [next, 'start', '--port', '0'], { env, stdio: ['ignore', 'pipe', 'inherit'] })
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
  await rm(location, { recursive: true, force: true })
}

async function listening() {
  for await (const line of createInterface({ input: app.stdout })) {
    const url = /Local:\s+(http:\S+)/.exec(line)?.[1]
    if (url) return url
  }
  throw new Error('the application ended before it listened')
}
