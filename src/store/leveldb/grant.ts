import { chmod, lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileMode, type Readers } from '../../files/readers.js'

/** Directories of a log that are not opened to others: keys, and logs of the ledger that have writers of their own. */
const CLOSED: ReadonlySet<string> = new Set(['keys', 'logs'])

/**
 * Opens a log that is there to further readers: its directories and files, but no key. Does what the owner and the file
 * system allow, and follows no link.
 */
export async function grantTo(readers: Readers, directory: string): Promise<void> {
  await addMode(directory, readers)
  for (const entry of await readdir(directory, { withFileTypes: true }).catch(() => [])) {
    const path = join(directory, entry.name)
    if (entry.isFile()) await addMode(path, fileMode(readers))
    else if (entry.isDirectory() && entry.name === 'logs') await addMode(path, readers)
    else if (entry.isDirectory() && !CLOSED.has(entry.name)) await grantTo(readers, path)
  }
}

async function addMode(path: string, bits: number): Promise<void> {
  try {
    const { mode } = await lstat(path)
    if ((mode & bits) !== bits) await chmod(path, (mode & 0o7777) | bits)
  } catch {
    // A file that has gone, or is another's.
  }
}
