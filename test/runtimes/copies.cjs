'use strict'
const assert = require('node:assert/strict')
const { mkdtempSync, rmSync } = require('node:fs')
const { tmpdir } = require('node:os')
const { join } = require('node:path')
const required = require('spanledger')
const { recordErrorOccurred } = require('spanledger/record')

// The package as CommonJS and as ES modules in one process: they know each other's errors, runs and open logs.
const main = async () => {
  const imported = await import('spanledger')
  const { withRun } = await import('spanledger/record')
  if (!('Deno' in globalThis)) assert.notEqual(imported.AuditLogError, required.AuditLogError)
  const directory = mkdtempSync(join(tmpdir(), 'spanledger-copies-'))
  const log = await imported.openAuditLog(directory)
  await assert.rejects(required.openAuditLog(directory), (problem) => {
    return problem instanceof imported.AuditLogError && problem.code === 'AUDIT_LOG_LOCKED'
  })
  const audit = new required.AuditSpanProcessor()
  audit.attach(log)
  await withRun({ agentName: 'planner' }, async () =>
    recordErrorOccurred(new Error('no answer'), { operation: 'search' }),
  )
  await audit.shutdown()
  const types = []
  for await (const { type } of log.events()) types.push(type)
  assert.deepEqual(types, ['audit_attached', 'run_started', 'error_occurred', 'run_completed', 'audit_detached'])
  await log.close()
  rmSync(directory, { recursive: true })
}
main()
