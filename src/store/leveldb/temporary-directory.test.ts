import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { openAuditLog } from '../../audit-log/index.js'
import { openAuditLogReader } from '../../reader/index.js'

test('a reader that has no room for its snapshot names TMPDIR', async () => {
  const base = mkdtempSync(join(tmpdir(), 'spanledger-'))
  onTestFinished(() => rmSync(base, { recursive: true, force: true }))
  const location = join(base, 'audit')
  await (await openAuditLog(location)).close()
  vi.stubEnv('TMPDIR', join(base, 'missing'))
  onTestFinished(() => void vi.unstubAllEnvs())
  await expect(openAuditLogReader(location)).rejects.toMatchObject({
    code: 'AUDIT_OPEN_FAILED',
    message: expect.stringMatching(/Set TMPDIR to a directory/),
  })
})
