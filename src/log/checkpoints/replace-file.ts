import { type FileHandle, lstat, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { fileMode, readersOfLog } from '../../files/readers.js'
import { syncFile } from '../../files/sync-file.js'
import { syncDirectory } from '../../store/directory.js'

/**
 * Gives a file a new content: whenever the process dies or power fails, it is the old one or the new one. It keeps its mode
 * and its group. A file that is new is for its owner, and for those who may read the log beside which it lies. Called one
 * at a time.
 */
export async function replaceFile(path: string, text: string): Promise<void> {
  const next = `${path}.next`
  // Made anew: what somebody else put there could be a link, or readable by others.
  await rm(next, { force: true })
  const before = await lstat(path).catch(() => undefined)
  const file = await open(next, 'wx', 0o600)
  try {
    await allow(file, before?.isFile() ? before : { mode: fileMode(readersOfLog(dirname(path))) })
    await file.writeFile(text)
    await syncFile(file)
  } finally {
    await file.close()
  }
  await rename(next, path)
  await syncDirectory(dirname(path))
}

/** Does what the owner and the file system allow: a file of fewer readers is no reason to go without it. */
async function allow(file: FileHandle, { mode, gid }: { readonly mode: number; readonly gid?: number }): Promise<void> {
  if (process.platform === 'win32') return
  const made = await file.stat()
  if (gid !== undefined && gid !== made.gid) await file.chown(made.uid, gid).catch(() => undefined)
  if ((made.mode & 0o777) !== (mode & 0o777)) await file.chmod(mode & 0o777).catch(() => undefined)
}
