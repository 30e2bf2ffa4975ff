import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

// Runs every example as it is, each in an empty directory of its own, against the built package.
const examples = join(import.meta.dirname, '../examples')
const files = readdirSync(examples).filter((name) => /\.[cm]?[jt]s$/.test(name))
if (files.length === 0) throw new Error('no example found')

for (const file of files) {
  console.log(`\n--- examples/${file}`)
  const directory = mkdtempSync(join(tmpdir(), 'spanledger-example-'))
  const { status, signal } = spawnSync(process.execPath, [join(examples, file)], {
    cwd: directory,
    stdio: ['ignore', 'inherit', 'inherit'],
    timeout: 60_000,
  })
  rmSync(directory, { recursive: true, force: true })
  if (status !== 0) throw new Error(`examples/${file} failed: ${signal ?? `exit code ${status}`}`)
}
console.log(`\n${files.length} examples ran`)
