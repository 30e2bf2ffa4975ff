const assert = require('node:assert/strict')
const { spawn, spawnSync } = require('node:child_process')
const { once } = require('node:events')
const { mkdtemp, rm } = require('node:fs/promises')
const { tmpdir } = require('node:os')
const { join } = require('node:path')
const { createInterface } = require('node:readline')
const { openAuditLogReader } = require('spanledger/reader')

// The compiled application answers a request, and its run is on record when it has been stopped.
check()

async function check() {
  const location = await mkdtemp(join(tmpdir(), 'spanledger-nest-'))
  const env = { ...process.env, AUDIT_LOG: location, PORT: '0' }
  const app = spawn(process.execPath, ['dist/main.js'], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  try {
    const response = await fetch(new URL('/refunds/order-1', await listening(app)))
    const { runId } = await response.json()
    app.kill('SIGTERM')
    const [code] = await once(app, 'exit')
    assert.equal(code, 0)
    const log = await openAuditLogReader(location)
    assert.equal((await log.run(runId))?.status, 'completed')
    await log.close()
    const verified = spawnSync('npx', ['spanledger', 'verify', location], { encoding: 'utf8' })
    assert.equal(verified.status, 0, verified.stdout + verified.stderr)
    console.log('the run of a request is on record')
  } finally {
    if (app.exitCode === null) app.kill('SIGKILL')
    await rm(location, { recursive: true, force: true })
  }
}

async function listening(app) {
  for await (const line of createInterface({ input: app.stdout })) {
    const url = /^listening on (\S+)$/.exec(line)?.[1]
    if (url) return url.replace('[::1]', 'localhost')
  }
  throw new Error('the application ended before it listened')
}
