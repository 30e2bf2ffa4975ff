import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Makes a directory that goes with the process. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'spanledger-fuzz-'))
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }))
  return directory
}
