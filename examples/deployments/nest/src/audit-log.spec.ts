import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type AuditLog, AuditLogError, AuditSpanProcessor, openAuditLog, openAuditLogReader } from 'spanledger'
import { exportLog } from 'spanledger/export'
import { withRun } from 'spanledger/record'

// A log on a disk, under Jest: modules are CommonJS, in a realm of their own.
describe('an audit log', () => {
  const directory = mkdtempSync(join(tmpdir(), 'spanledger-jest-'))
  let log: AuditLog

  beforeEach(async () => {
    log = await openAuditLog(join(directory, 'audit'))
  })
  afterEach(() => log.close())
  afterAll(() => rmSync(directory, { recursive: true }))

  it('records a run', async () => {
    const audit = new AuditSpanProcessor()
    audit.attach(log)
    await withRun({ agentName: 'planner' }, async () => {
      await new Promise((resolve) => setImmediate(resolve))
    })
    await audit.shutdown()
    const types: string[] = []
    for await (const event of log.events()) types.push(event.type)
    expect(types).toEqual(['audit_attached', 'run_started', 'run_completed', 'audit_detached'])
  })

  it('is opened again, read by another reader, verified and exported', async () => {
    const reader = await openAuditLogReader(join(directory, 'audit'))
    expect((await reader.verify()).status).toBe('verified')
    let bytes = 0
    for await (const part of exportLog(reader, { format: 'jsonl' })) bytes += part.length
    expect(bytes).toBeGreaterThan(100)
    await reader.close()
  })

  it('fails with codes', async () => {
    const locked: unknown = await openAuditLog(join(directory, 'audit')).catch((problem: unknown) => problem)
    expect(locked).toBeInstanceOf(AuditLogError)
    expect(locked).toMatchObject({ code: 'AUDIT_LOG_LOCKED' })
    writeFileSync(join(directory, 'file'), '')
    await expect(openAuditLog(join(directory, 'file'))).rejects.toMatchObject({ code: 'AUDIT_OPEN_FAILED' })
    await expect(openAuditLogReader(join(directory, 'nothing'))).rejects.toMatchObject({
      code: 'AUDIT_OPEN_FAILED',
    })
  })
})
