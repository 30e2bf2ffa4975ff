import { closeSync, fsyncSync, linkSync, openSync, renameSync, rmSync, unlinkSync, writeSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { randomId } from '../../events/random-id.js'
import { readRegularFileSync } from '../../files/regular-file.js'
import { syncFile } from '../../files/sync-file.js'
import { createDirectorySync, syncDirectory } from '../../store/directory.js'

/** A file is for its owner alone. */
const MODE = 0o600
/** On a volume where a file cannot have two names, a key is seen before it is written in full. */
const READ_ATTEMPTS = 50
const READ_PAUSE_MILLIS = 2
/** Codes of file systems on which a file cannot have two names. */
const NO_LINKS: ReadonlySet<string | undefined> = new Set([
  'EPERM',
  'ENOTSUP',
  'EOPNOTSUPP',
  'ENOSYS',
  'EXDEV',
  'EMLINK',
])

/**
 * Creates a file with its whole content, unless there is something of its name: of several who try, also in several processes,
 * exactly one does.
 *
 * @returns whether it was this one
 * @throws what the file system throws
 */
export function createKeyFile(path: string, content: string): boolean {
  createDirectorySync(dirname(path))
  const temporary = join(dirname(path), `.${randomId()}`)
  writeNew(temporary, content)
  try {
    return nameKeyFile(temporary, path)
  } finally {
    rmSync(temporary, { force: true })
  }
}

/** Gives a file a second name, unless that is taken. Where files cannot have two, it is a copy. @returns whether it was not taken */
export function nameKeyFile(path: string, name: string): boolean {
  try {
    createDirectorySync(dirname(name))
    linkSync(path, name)
    return true
  } catch (problem) {
    const { code } = problem as NodeJS.ErrnoException
    if (code === 'EEXIST') return false
    if (!NO_LINKS.has(code)) throw problem
    return copyNew(path, name)
  }
}

/** Puts a file in place of another one, at once: after loss of power it is one or the other, whole. @throws what the file system throws */
export function replaceKeyFile(path: string, content: string): void {
  const temporary = join(dirname(path), `.${randomId()}`)
  writeNew(temporary, content, fsyncSync)
  try {
    renameSync(temporary, path)
  } catch (problem) {
    rmSync(temporary, { force: true })
    throw problem
  }
}

/**
 * Reads a file that somebody else may be just creating.
 *
 * @param parse - `undefined` for what is not written in full
 * @returns `undefined` where there is none
 * @throws AuditLogError `AUDIT_FILE_REFUSED`; what the file system throws
 */
export function readKeyFile<T>(
  path: string,
  maxBytes: number,
  parse: (text: string) => T | undefined,
): T | 'malformed' | undefined {
  for (let attempt = 1; ; attempt++) {
    let text: string
    try {
      text = readRegularFileSync(path, maxBytes).toString('latin1')
    } catch (problem) {
      if (['ENOENT', 'ENOTDIR'].includes((problem as NodeJS.ErrnoException).code ?? '')) return undefined
      throw problem
    }
    const parsed = parse(text)
    if (parsed !== undefined) return parsed
    // Whoever writes it writes all of it at once.
    if (attempt === READ_ATTEMPTS || text.endsWith('\n')) return 'malformed'
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, READ_PAUSE_MILLIS)
  }
}

/** Makes a file, and the names in its directories up to `root`, outlive loss of power. @throws what the file system throws */
export async function syncKeyFile(path: string, root: string): Promise<void> {
  const file = await open(path, 'r')
  try {
    await syncFile(file)
  } finally {
    await file.close()
  }
  for (let directory = dirname(path); directory.length >= root.length; directory = dirname(directory)) {
    await syncDirectory(directory)
  }
}

/** @param sync - makes the content outlive loss of power. @defaultValue it is made so later */
function writeNew(path: string, content: string, sync: (descriptor: number) => void = () => {}): void {
  const descriptor = openSync(path, 'wx', MODE)
  try {
    writeSync(descriptor, content)
    sync(descriptor)
  } catch (problem) {
    unlinkSync(path)
    throw problem
  } finally {
    closeSync(descriptor)
  }
}

function copyNew(path: string, name: string): boolean {
  const content = readRegularFileSync(path, 64 * 1024).toString('latin1')
  try {
    writeNew(name, content)
    return true
  } catch (problem) {
    if ((problem as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw problem
  }
}
