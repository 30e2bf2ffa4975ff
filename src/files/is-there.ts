import { lstat } from 'node:fs/promises'

/** Tells whether something is at a path, be it a link that leads nowhere. @throws what the file system throws, but for what is not there */
export async function isThere(path: string): Promise<boolean> {
  try {
    await lstat(path)
    return true
  } catch (problem) {
    if (['ENOENT', 'ENOTDIR'].includes((problem as NodeJS.ErrnoException).code ?? '')) return false
    throw problem
  }
}
