'use strict'
const assert = require('node:assert/strict')
const { spawnSync } = require('node:child_process')
const { mkdtempSync, rmSync } = require('node:fs')
const { tmpdir } = require('node:os')
const { dirname, join } = require('node:path')

/** Enough entries for threads to share. */
const ENTRIES = 3000

/**
 * The usual work with the package: records a run, closes, is killed, opens again, reads, exports and verifies.
 *
 * @param {string} program - that was started; with a directory it records into it, and is killed, or exits
 * @param {typeof import('spanledger') & typeof import('spanledger/record') & typeof import('spanledger/export')} spanledger
 */
exports.flow = async function flow(program, spanledger) {
  const [, , killed, exits] = process.argv
  if (killed && exits) {
    const log = await spanledger.openAuditLog(killed, { durability: 'journal-behind', on: { problem: () => {} } })
    for (let n = 0; n < ENTRIES; n++) log.record({ type: 'custom', data: { name: 'flow', n } })
    process.stdout.write(log.counters().journalWindow?.writer ?? 'no thread')
    process.exit(0)
  }
  if (killed) {
    const log = await spanledger.openAuditLog(killed)
    for (let n = 0; n < ENTRIES; n++) log.record({ type: 'custom', data: { name: 'flow', n } })
    process.kill(process.pid, 'SIGKILL')
  }
  const { AuditLogError, AuditSpanProcessor, exportLog, openAuditLog, openAuditLogReader, withRun } = spanledger
  const { BasicTracerProvider } = require('@opentelemetry/sdk-trace-base')
  const { AsyncLocalStorageContextManager } = require('@opentelemetry/context-async-hooks')
  const { context, trace } = require('@opentelemetry/api')

  const directory = mkdtempSync(join(tmpdir(), 'spanledger-flow-'))
  try {
    const audit = new AuditSpanProcessor()
    trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [audit] }))
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
    let log = await openAuditLog(directory)
    audit.attach(log)
    await withRun({ agentName: 'planner' }, async () => {
      trace.getTracer('flow').startActiveSpan('execute_tool search', (span) => {
        span.setAttributes({ 'gen_ai.operation.name': 'execute_tool', 'gen_ai.tool.name': 'search' })
        span.end()
      })
    })
    await audit.forceFlush()
    await assert.rejects(openAuditLog(directory), { code: 'AUDIT_LOG_LOCKED' })
    await audit.shutdown()
    await log.close()

    const { signal } = run(program, directory)
    assert.equal(signal, 'SIGKILL')
    for (let opening = 0; opening < 2; opening++) {
      log = await openAuditLog(directory)
      assert.ok((await log.head()).size > ENTRIES)
      await log.append({ type: 'custom', data: { name: 'again' } })
      await log.close()
    }

    const reader = await openAuditLogReader(directory)
    const types = []
    for await (const { type } of reader.events({ limit: 5 })) types.push(type)
    assert.deepEqual(types, [
      'audit_attached',
      'run_started',
      'tool_call_started',
      'tool_call_completed',
      'run_completed',
    ])
    assert.equal((await reader.verify({ threads: 2 })).status, 'verified')
    let exported = 0
    for await (const bytes of exportLog(reader, { format: 'csv', threads: 2 })) exported += bytes.length
    assert.ok(exported > 100 * ENTRIES)
    await reader.close()
    await assert.rejects(log.append({ type: 'custom', data: { name: 'late' } }), (problem) => {
      return problem instanceof AuditLogError && problem.code === 'AUDIT_LOG_CLOSED'
    })
    verifyWithCli(directory)

    const behind = join(directory, 'behind')
    const { stdout, stderr } = run(program, behind, 'exits')
    // Its threads do not share open files.
    assert.equal(stdout, 'Deno' in globalThis ? 'no thread' : 'thread', stderr)
    log = await openAuditLog(behind)
    assert.equal(await log.events({ type: 'custom' }).count(), ENTRIES)
    await log.close()
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/** @param {string} directory */
function verifyWithCli(directory) {
  const cli = join(dirname(require.resolve('spanledger/package.json')), 'dist/cli/index.js')
  const { status, stdout, stderr } = run(cli, 'verify', directory)
  assert.equal(status, 0, `${stdout}${stderr}`)
}

/**
 * Starts a program on the runtime that this one runs on.
 *
 * @param {string[]} args
 */
function run(...args) {
  const before = 'Deno' in globalThis ? ['run', '-A', '--no-lock'] : []
  return spawnSync(process.execPath, [...before, ...args], { encoding: 'utf8' })
}
