import { mkdir, open, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { syncFile } from '../files/sync-file.js'

/**
 * Makes a directory for its owner alone, with those above it that are missing, so that loss of power keeps them.
 *
 * One by one: asked for all at once, Node.js never returns where a file system refuses with ENOENT, as /proc does.
 */
export async function makeDirectory(path: string): Promise<void> {
  const missing: string[] = []
  for (let above = resolve(path); !(await isDirectory(above)); above = dirname(above)) {
    missing.push(above)
    if (dirname(above) === above) break
  }
  for (const directory of missing.reverse()) {
    try {
      await mkdir(directory, { mode: 0o700 })
    } catch (problem) {
      // Another process may have made it meanwhile.
      if ((problem as NodeJS.ErrnoException).code !== 'EEXIST' || !(await isDirectory(directory))) throw problem
    }
    await syncDirectory(dirname(directory))
  }
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory()
  } catch (problem) {
    if ((problem as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw problem
  }
}

/** Makes durable which files a directory has. Where directories cannot be opened (Windows), the system sees to it. */
export async function syncDirectory(path: string): Promise<void> {
  if (process.platform === 'win32') return
  const directory = await open(path, 'r')
  try {
    await syncFile(directory)
  } finally {
    await directory.close()
  }
}
