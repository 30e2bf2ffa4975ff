import { mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { AuditSpanProcessor } from './processor.js'

test('LevelDB is loaded in the turn in which a processor is made: test runners load nothing after a test file has ended', async () => {
  const require = createRequire(import.meta.url)
  const level = require.resolve('level')
  const directory = mkdtempSync(join(tmpdir(), 'spanledger-loads-level-'))
  onTestFinished(() => rmSync(directory, { recursive: true }))
  expect(require.cache[level]).toBeUndefined()
  const audit = new AuditSpanProcessor({ location: join(directory, 'audit') })
  // Nothing that waits for a file or a timer goes on before this does.
  await new Promise<void>((resolve) => process.nextTick(resolve))
  const isLoaded = require.cache[level] !== undefined
  await audit.shutdown()
  expect(isLoaded).toBe(true)
})
