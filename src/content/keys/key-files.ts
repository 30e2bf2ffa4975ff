import {
  closeSync,
  fsyncSync,
  linkSync,
  lstatSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { randomId } from '../../events/random-id.js'
import { openRegularFile, readRegularFileSync } from '../../files/regular-file.js'
import { syncFile } from '../../files/sync-file.js'
import { createDirectorySync, syncDirectory, syncDirectorySync } from '../../store/directory.js'

/** A file is for its owner alone. */
const MODE = 0o600
/** On a volume where a file cannot have two names, a key is seen before it is written in full. */
const READ_ATTEMPTS = 10
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

/** Codes of what is not there any more, or not for this process. */
const OUT_OF_REACH: ReadonlySet<string | undefined> = new Set([
  'ENOENT',
  'ENOTDIR',
  'EACCES',
  'EPERM',
  'ELOOP',
  'ENXIO',
  'ESTALE',
])
/** Puts what was written on the disk, or leaves that to somebody else. */
type Sync = (descriptor: number) => void

/** The states of a file that holds no key. */
export type KeyDamage = 'malformed' | 'cut_short'

/** Beginning of the name of a file that is being written, and has no name of its own yet. */
const UNNAMED = '.spanledger-key-'
/** A process that is writing such a file is done long before. */
const UNNAMED_FOR_MILLIS = 60 * 60 * 1000

/**
 * Creates a file, unless there is something of its name: of several who try, also in several processes, exactly one does. It is
 * whole before it has its name. {@link syncKeyFiles} puts it on the disk, since recording does not wait for that.
 *
 * @param unnamedIn - an existing directory of the same volume, in which it is written
 * @returns whether it was this one
 * @throws what the file system throws
 */
export function createKeyFile(path: string, content: string, unnamedIn: string): boolean {
  return createNamed(
    path,
    writeUnnamed(unnamedIn, content, () => {}),
  )
}

/** {@link createKeyFile}, with its directories, and on the disk before it has its name. Loss of power keeps all of it. */
export function createLastingKeyFile(path: string, content: string): boolean {
  const directory = dirname(path)
  for (const made of createDirectorySync(directory)) syncDirectorySync(dirname(made))
  const isCreated = createNamed(path, writeUnnamed(directory, content, fsyncSync))
  syncDirectorySync(directory)
  return isCreated
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

/** Removes what processes that died have left behind while they wrote. Never throws. */
export function removeTemporaryKeyFiles(directory: string): void {
  try {
    for (const name of readdirSync(directory)) {
      const path = join(directory, name)
      if (!name.startsWith(UNNAMED) || Date.now() - lstatSync(path).mtimeMs < UNNAMED_FOR_MILLIS) continue
      rmSync(path, { force: true })
    }
  } catch {
    // They are of no harm: somebody else removes them.
  }
}

/** Puts a file in place of another one, at once: after loss of power it is one or the other, whole. @throws what the file system throws */
export function replaceKeyFile(path: string, content: string): void {
  const temporary = writeUnnamed(dirname(path), content, fsyncSync)
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
 * @returns `undefined` where there is none; `cut_short` for one without its end, as loss of power leaves a file that was never put on the disk
 * @throws AuditLogError `AUDIT_FILE_REFUSED`; what the file system throws
 */
export function readKeyFile<T>(
  path: string,
  maxBytes: number,
  parse: (text: string) => T | undefined,
): T | KeyDamage | undefined {
  for (let attempt = 1; ; attempt++) {
    let text: string
    try {
      text = readRegularFileSync(path, maxBytes).toString('utf8')
    } catch (problem) {
      if (['ENOENT', 'ENOTDIR'].includes((problem as NodeJS.ErrnoException).code ?? '')) return undefined
      throw problem
    }
    const parsed = parse(text)
    if (parsed !== undefined) return parsed
    // Whoever writes it writes all of it at once.
    if (text.endsWith('\n')) return 'malformed'
    if (attempt === READ_ATTEMPTS) return 'cut_short'
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, READ_PAUSE_MILLIS)
  }
}

/**
 * Makes files, and their names in their directories up to `root`, outlive loss of power. What is gone meanwhile, or cannot be opened any
 * more, keeps nobody waiting: its content is lost, and nothing else.
 *
 * @throws what the file system throws
 */
export async function syncKeyFiles(paths: readonly string[], root: string): Promise<void> {
  const directories = new Set<string>()
  for (const path of paths) {
    await syncFileAt(path).catch(ignoreOutOfReach)
    for (let each = dirname(path); each.length >= root.length; each = dirname(each)) directories.add(each)
  }
  for (const directory of directories) await syncDirectory(directory).catch(ignoreOutOfReach)
}

async function syncFileAt(path: string): Promise<void> {
  const file = await openRegularFile(path)
  try {
    await syncFile(file)
  } finally {
    await file.close()
  }
}

function ignoreOutOfReach(problem: NodeJS.ErrnoException): void {
  if (problem.code === 'AUDIT_FILE_REFUSED' || OUT_OF_REACH.has(problem.code)) return
  throw problem
}

function createNamed(path: string, temporary: string): boolean {
  try {
    return nameKeyFile(temporary, path)
  } finally {
    rmSync(temporary, { force: true })
  }
}

/** Writes a file that has no name of its own yet. @returns its path */
function writeUnnamed(directory: string, content: string, sync: Sync): string {
  const path = join(directory, `${UNNAMED}${randomId()}`)
  writeNew(path, content, sync)
  return path
}

function writeNew(path: string, content: string, sync: Sync): void {
  const descriptor = openSync(path, 'wx', MODE)
  try {
    writeFileSync(descriptor, content)
    sync(descriptor)
  } catch (problem) {
    unlinkSync(path)
    throw problem
  } finally {
    closeSync(descriptor)
  }
}

function copyNew(path: string, name: string): boolean {
  const content = readRegularFileSync(path, 64 * 1024).toString('utf8')
  try {
    writeNew(name, content, fsyncSync)
    return true
  } catch (problem) {
    if ((problem as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw problem
  }
}
