import { chmodSync, closeSync, fsyncSync, mkdirSync, openSync, statSync } from 'node:fs'
import { chmod, mkdir, open, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { directoryMode, NOBODY, type Readers } from '../files/readers.js'
import { syncFile } from '../files/sync-file.js'

/**
 * Makes a directory, with those above it that are missing, so that loss of power keeps them. Those that are there keep their
 * mode; new ones are for their owner and the readers, whatever the umask.
 *
 * One by one: asked for all at once, Node.js never returns where a file system refuses with ENOENT, as /proc does.
 */
export async function createDirectory(path: string, readers: Readers = NOBODY): Promise<void> {
  const missing: string[] = []
  for (let above = resolve(path); !(await isDirectory(above)); above = dirname(above)) {
    missing.push(above)
    if (dirname(above) === above) break
  }
  for (const directory of missing.reverse()) {
    try {
      await mkdir(directory, { mode: directoryMode(readers) })
      await widen(directory, directoryMode(readers))
    } catch (problem) {
      // Another process may have made it meanwhile.
      if ((problem as NodeJS.ErrnoException).code !== 'EEXIST' || !(await isDirectory(directory))) throw problem
    }
    await syncDirectory(dirname(directory))
  }
}

/** {@link createDirectory}, at once, and without a promise for loss of power. @returns those that were missing, the outermost first */
export function createDirectorySync(path: string, readers: Readers = NOBODY): readonly string[] {
  const missing: string[] = []
  for (let above = resolve(path); !isDirectorySync(above); above = dirname(above)) {
    missing.push(above)
    if (dirname(above) === above) break
  }
  for (const directory of missing.reverse()) {
    try {
      mkdirSync(directory, { mode: directoryMode(readers) })
      widenSync(directory, directoryMode(readers))
    } catch (problem) {
      if ((problem as NodeJS.ErrnoException).code !== 'EEXIST' || !isDirectorySync(directory)) throw problem
    }
  }
  return missing
}

function isDirectorySync(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
}

/** Adds to the mode of a directory what the umask took away. @throws what the file system throws */
export async function widen(directory: string, wanted: number): Promise<void> {
  const wider = widened((await stat(directory)).mode, wanted)
  if (wider !== undefined) await chmod(directory, wider)
}

/** {@link widen}, at once. */
export function widenSync(directory: string, wanted: number): void {
  const wider = widened(statSync(directory).mode, wanted)
  if (wider !== undefined) chmodSync(directory, wider)
}

/** Returns the mode that lacks nothing of another, where this one does; the bit by which files inherit the group stays. */
function widened(mode: number, wanted: number): number | undefined {
  return process.platform !== 'win32' && (mode & wanted) !== wanted ? (mode & 0o7777) | wanted : undefined
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

/** {@link syncDirectory}, at once. */
export function syncDirectorySync(path: string): void {
  if (process.platform === 'win32') return
  const directory = openSync(path, 'r')
  try {
    fsyncSync(directory)
  } finally {
    closeSync(directory)
  }
}
