import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AuditSpanProcessor, openAuditLog, openAuditLogReader, withRun } from 'spanledger'

// Bundled, the package included: LevelDB is loaded from node_modules.
async function main() {
  const directory = mkdtempSync(join(tmpdir(), 'spanledger-bundle-'))
  const log = await openAuditLog(directory)
  const audit = new AuditSpanProcessor({ log })
  await withRun({ agentName: 'planner' }, async () => {})
  await audit.shutdown()
  await log.close()
  const reader = await openAuditLogReader(directory)
  const types = []
  for await (const { type } of reader.events()) types.push(type)
  assert.deepEqual(types, ['audit_attached', 'run_started', 'run_completed', 'audit_detached'])
  assert.equal((await reader.verify()).status, 'verified')
  await reader.close()
  rmSync(directory, { recursive: true })
}
main()
