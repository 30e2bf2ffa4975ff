import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach } from 'vitest'

/** Folder of the files of a test. */
export let base: string
/** Directory in it for a log. */
export let directory: string

/** Gives each test of a file a directory of its own, which is removed at its end. */
export function useTestDirectory(): void {
  beforeEach(async () => {
    base = await mkdtemp(join(tmpdir(), 'spanledger-'))
    directory = join(base, 'audit')
  })
  afterEach(async () => {
    await rm(base, { recursive: true, force: true })
  })
}
