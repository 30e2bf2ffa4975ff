import { open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { syncFile } from '../../files/sync-file.js'
import { syncDirectory } from '../../store/directory.js'

/**
 * Gives a file a new content, for its owner alone: whenever the process dies or power fails, it is the old one or the new
 * one. Called one at a time.
 */
export async function replaceFile(path: string, text: string): Promise<void> {
  const next = `${path}.next`
  // Made anew: what somebody else put there could be a link, or readable by others.
  await rm(next, { force: true })
  const file = await open(next, 'wx', 0o600)
  try {
    await file.writeFile(text)
    await syncFile(file)
  } finally {
    await file.close()
  }
  await rename(next, path)
  await syncDirectory(dirname(path))
}
