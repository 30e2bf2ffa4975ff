import { type FileHandle, link, mkdir, open, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { corrupt } from './errors.js'
import { hasNoGap } from './log-records.js'
import { type Manifest, parseManifest } from './manifest.js'

/*
 * A database that another process writes, as it is at one moment, in a directory of its own. The writer is not asked,
 * and nothing of its directory is written to:
 *
 *   CURRENT, MANIFEST   copied                 LevelDB goes on writing to the manifest of what it opens
 *   *.log               copied                 it turns them into tables, and deletes them
 *   *.ldb               hard links             a table never changes once it is written; its last link keeps it
 *   LOCK, LOG           left out
 */

/** How often a writer may change the set of its files under the reading, until it is given up. */
const MAX_ATTEMPTS = 50

/** The set of files changed under the reading: to be read again. */
class Changed extends Error {}

/** What tells one state of a database's files from another. */
export type FilesState = string

/** The files of one snapshot. */
export interface SnapshotFiles {
  readonly directory: string
  readonly state: FilesState
  /** Bytes of the logs that opening it turns into tables. */
  readonly logBytes: number
  /** Whether a log may have been read while a part of it was not written yet: LevelDB does not tell of every such gap. */
  readonly hasGap: boolean
  remove(): Promise<void>
}

/**
 * Lays the files of the database `source` out in `target`, which it creates.
 *
 * @throws AuditLogError `AUDIT_LOG_CORRUPT` when a file is missing for good
 * @throws Error of the file system; `ENOENT` when there is no database
 */
export async function takeFiles(source: string, target: string, location: string): Promise<SnapshotFiles> {
  for (let attempt = 1; ; attempt++) {
    const held: FileHandle[] = []
    const remove = async () => {
      await rm(target, { recursive: true, force: true })
      await Promise.all(held.splice(0).map((file) => file.close()))
    }
    try {
      await mkdir(target, { mode: 0o700 })
      return { directory: target, remove, ...(await layOut(source, target, held, location)) }
    } catch (error) {
      await remove()
      if (!(error instanceof Changed) || attempt === MAX_ATTEMPTS) throw error
    }
  }
}

/** The state of the database's files now: another one as soon as anything has been committed. */
export async function stateOfFiles(source: string): Promise<FilesState> {
  const names = (await readdir(source)).filter((name) => name.endsWith('.log') || name.startsWith('MANIFEST-'))
  const sizes = names.sort().map(async (name) => {
    // It may have gone since it was listed.
    const found = await stat(join(source, name)).catch(() => undefined)
    return `${name}:${found?.size}`
  })
  return (await Promise.all(sizes)).join(' ')
}

async function layOut(
  source: string,
  target: string,
  held: FileHandle[],
  location: string,
): Promise<Pick<SnapshotFiles, 'state' | 'logBytes' | 'hasGap'>> {
  const current = await readFile(join(source, 'CURRENT'), 'utf8')
  const name = current.trim()
  if (!/^MANIFEST-\d+$/.test(name)) throw corrupt(location, 'db/CURRENT names no manifest')
  const isCurrent = async () => (await readFile(join(source, 'CURRENT'), 'utf8')) === current
  const bytes = await unlessGone(readFile(join(source, name)), isCurrent, location)
  // LevelDB deletes a file only after its manifest has grown, or given way to another, by what makes it obsolete.
  const isUnchanged = async () =>
    (await isCurrent()) && (await unlessGone(stat(join(source, name)), isCurrent, location)).size === bytes.length
  const { tables, firstLog } = manifestOf(bytes, location)
  for (const table of tables) await unlessGone(linkTable(source, target, table, held), isUnchanged, location)
  // The state is taken before the copies: what is written from then on makes another state.
  const state = await stateOfFiles(source)
  let logBytes = 0
  let hasGap = false
  for (const log of await logsOf(source, firstLog)) {
    const content = await unlessGone(readFile(join(source, log)), isUnchanged, location)
    await writeFile(join(target, log), content)
    logBytes += content.length
    hasGap ||= !hasNoGap(content)
  }
  if (!(await isUnchanged())) throw new Changed(changing(location))
  await writeFile(join(target, name), bytes)
  await writeFile(join(target, 'CURRENT'), current)
  return { state, logBytes, hasGap }
}

function manifestOf(bytes: Buffer, location: string): Manifest {
  try {
    return parseManifest(bytes)
  } catch (error) {
    throw corrupt(location, String(error), error)
  }
}

/** A file that has gone is missing for good only while nothing else has changed. */
async function unlessGone<T>(step: Promise<T>, isUnchanged: () => Promise<boolean>, location: string): Promise<T> {
  try {
    return await step
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error
    if (await isUnchanged()) throw corrupt(location, `a file is missing (${String(error)})`, error)
    throw new Changed(changing(location))
  }
}

function changing(location: string): string {
  return `the files of ${location} keep changing while they are looked through`
}

/** Logs that hold what is in no table, the oldest first. */
async function logsOf(source: string, firstLog: number): Promise<readonly string[]> {
  const names = (await readdir(source)).filter((name) => /^\d+\.log$/.test(name))
  return names
    .filter((name) => Number.parseInt(name, 10) >= firstLog)
    .sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10))
}

/**
 * Where hard links are refused (another file system, a read-only mount, files of another user) symbolic ones do, and
 * on Linux they lead to an open descriptor, which keeps a table that the writer deletes. Elsewhere the table may go.
 */
async function linkTable(source: string, target: string, table: number, held: FileHandle[]): Promise<void> {
  const name = `${String(table).padStart(6, '0')}.ldb`
  const from = join(source, name)
  try {
    await link(from, join(target, name))
    return
  } catch (error) {
    if (!['EXDEV', 'EROFS', 'EPERM', 'EACCES', 'EMLINK', 'ENOTSUP'].includes(codeOf(error) ?? '')) throw error
  }
  const file = await open(from, 'r')
  held.push(file)
  await symlink(process.platform === 'linux' ? `/proc/self/fd/${file.fd}` : from, join(target, name))
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined
}
