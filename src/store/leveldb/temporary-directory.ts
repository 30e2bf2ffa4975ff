import { rmSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Those in use, to be removed when the process ends in good order. */
const inUse = new Set<string>()
let isListening = false

/** A directory for this process alone, below the system's (`TMPDIR`); it goes with the process at the latest. */
export async function makeTemporaryDirectory(prefix: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), prefix))
  if (!isListening) process.once('exit', removeAll)
  isListening = true
  inUse.add(directory)
  return directory
}

export async function removeTemporaryDirectory(directory: string): Promise<void> {
  await rm(directory, { recursive: true, force: true })
  inUse.delete(directory)
}

function removeAll(): void {
  for (const directory of inUse) rmSync(directory, { recursive: true, force: true })
}
