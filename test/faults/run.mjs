import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

// Runs the suite against a copy of the built package, which no build can change meanwhile.
// The arguments are names of scenarios; all of them without any. SPANLEDGER_FAULTS=full runs each to its end.

const root = join(import.meta.dirname, '../..')
const copy = mkdtempSync(join(tmpdir(), 'spanledger-faults-'))
try {
  // Some of it runs as another user.
  chmodSync(copy, 0o755)
  for (const part of ['dist', 'package.json', 'test/faults']) {
    cpSync(join(root, part), join(copy, part), { recursive: true })
  }
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
  const { status } = spawnSync(process.execPath, [join(copy, 'test/faults/suite.mjs'), ...process.argv.slice(2)], {
    stdio: 'inherit',
  })
  process.exitCode = status ?? 1
} finally {
  rmSync(copy, { recursive: true, force: true })
}
