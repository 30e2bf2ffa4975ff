import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type FileKind, requireDirectory, requireRegular } from './regular-file.js'

const LEVELDB = /^(CURRENT|LOCK|LOG|LOG\.old|WRITER|MANIFEST-\d+|\d+\.(log|ldb|sst|dbtmp))$/

/** The files of a log, by the directory that they are in. */
const FILES: Readonly<Record<string, RegExp>> = {
  '': /^(checkpoint|head|state)$/,
  entries: LEVELDB,
  index: LEVELDB,
  journal: /\.journal$/,
  keys: /^signing\.v?key$/,
}

/**
 * Looks at all names of a log's directory before any of its files is opened: also LevelDB opens by name, and would follow
 * a link. What is missing, a file in place of a
 * directory, and what the caller may not list, is left to whoever needs it.
 *
 * @param location - directory of the log; the path to it may lead through symbolic links
 * @throws AuditLogError `AUDIT_FILE_REFUSED` naming what is no regular file in place of one
 */
export async function requireRegularFiles(location: string): Promise<void> {
  for (const [name, isOfLog] of Object.entries(FILES)) await requireRegularIn(location, name, isOfLog)
}

/** {@link requireRegularFiles} for the content of a log, which is no reason to refuse its entries. */
export async function requireRegularContent(location: string): Promise<void> {
  await requireRegularIn(location, 'content', LEVELDB)
}

async function requireRegularIn(location: string, name: string, isOfLog: RegExp): Promise<void> {
  const directory = join(location, name)
  try {
    const found = name === '' ? undefined : await lstat(directory)
    if (found?.isFile()) return
    if (found) requireDirectory(found, directory)
    for (const entry of await readdir(directory, { withFileTypes: true })) {
      if (isOfLog.test(entry.name)) requireRegular(entry, join(directory, entry.name))
    }
  } catch (error) {
    if (!UNSEEN.has((error as NodeJS.ErrnoException).code ?? '')) throw error
  }
}

const UNSEEN: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM'])

/**
 * Lists the files below a directory, and follows no link. @returns their paths, from the directory on
 *
 * @param onOther - called with what is neither a file nor a directory
 */
export async function* filesBelow(
  directory: string,
  onOther: (found: FileKind, path: string) => void = () => {},
): AsyncGenerator<string> {
  for (const waiting = ['']; waiting.length > 0; ) {
    const below = waiting.pop() as string
    for (const entry of await readdir(join(directory, below), { withFileTypes: true })) {
      const path = join(below, entry.name)
      if (entry.isDirectory()) waiting.push(path)
      else if (entry.isFile()) yield path
      else onOther(entry, join(directory, path))
    }
  }
}
