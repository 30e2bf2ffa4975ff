import { lstatSync } from 'node:fs'
import { type FileHandle, link, lstat, mkdir, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openRegularFile, readRegularFile, requireRegular } from '../../files/regular-file.js'
import { delay } from '../../timers/real-timers.js'
import { readCurrent, readManifest } from './current-manifest.js'
import { fileName } from './database-files.js'
import { codeOf, corrupt } from './errors.js'
import { countGaps } from './log-records.js'
import { encodeManifest, LEVELS, MAX_FILE_NUMBER, type Manifest, type TableFile } from './manifest.js'
import { requireReadable } from './table-file.js'

/*
 * A database that another process writes, or that comes from elsewhere, as it is at one moment, in a directory of its
 * own. The writer is not asked, and nothing of its directory is written to, followed or believed:
 *
 *   *.ldb, those that the manifest names    hard links     a table never changes once it is written; its last link keeps it
 *   *.log                                   copied         LevelDB turns them into tables, and deletes them
 *   CURRENT, MANIFEST                       written here   LevelDB does what they say
 *   all others                              left out
 *
 * LevelDB creates files of the numbers that follow `nextFile`, and opens no other file for writing. The directory is new,
 * and `nextFile` is above each number in it: so that nothing that LevelDB creates can be a file that was linked.
 */

/** The number of times that a writer may change the set of its files under the reading, until it is given up. */
const MAX_ATTEMPTS = 50
/** Tables that are linked at a time. */
const LINKED_AT_ONCE = 32
/** The most bytes of all logs together. A writer leaves twice a write buffer of 8 MiB and a group at most. */
export const MAX_LOG_BYTES = 40 * 2 ** 20
/** Places in a log at which LevelDB writes a line of its own: damage has few. */
const MAX_GAPS = 1000
/** Error codes when a hard link is refused: another file system, a read-only mount, files of another user. */
const NO_LINKS = new Set(['EXDEV', 'EROFS', 'EPERM', 'EACCES', 'EMLINK', 'ENOTSUP'])

/** Linux links to a symbolic link itself; elsewhere `link` may follow it. */
const LINK_FOLLOWS = process.platform !== 'linux'

/** The set of files changed under the reading: to be read again. */
class Changed extends Error {}
/** A file that the writer has just made may not have its mode yet, see `file-modes`: times to look again, and the pause. */
const [MAX_DENIED, DENIED_PAUSE_MILLIS] = [25, 20]

/** A text that differs between two states of a database's files. */
export type FilesState = string

/** The files of one snapshot. */
export interface SnapshotFiles {
  readonly directory: string
  readonly state: FilesState
  /** Bytes of the logs that opening it turns into tables. */
  readonly logBytes: number
  /** A log may have been read while a part of it was not written yet: LevelDB does not report every such gap. */
  readonly hasGap: boolean
  remove(): Promise<void>
}

/** The database to lay out, and the directory for it. */
export interface Layout {
  /** Directory of the database. */
  readonly source: string
  /** A directory that is created for it. */
  readonly target: string
  /** The path of the log, for messages. */
  readonly location: string
  /** The source was laid out here: its tables may be symbolic links of ours. @defaultValue false */
  readonly isOwn?: boolean
}

/**
 * Lays the files of a database out once more.
 *
 * @throws AuditLogError `AUDIT_LOG_CORRUPT` when a file is missing for good, or the manifest is none; `AUDIT_FILE_REFUSED`
 * @throws Error of the file system; `ENOENT` when there is no database
 */
export async function takeFiles(layout: Layout): Promise<SnapshotFiles> {
  const { target } = layout
  for (let attempt = 1, denied = 0; ; attempt++) {
    const held: FileHandle[] = []
    const remove = async () => {
      await rm(target, { recursive: true, force: true })
      await Promise.all(held.splice(0).map((file) => file.close()))
    }
    try {
      await mkdir(target, { mode: 0o700 })
      return { directory: target, remove, ...(await layOut(layout, held)) }
    } catch (error) {
      await remove()
      if (error instanceof Changed && attempt < MAX_ATTEMPTS) continue
      if (codeOf(error) !== 'EACCES' || ++denied === MAX_DENIED) throw error
      await delay(DENIED_PAUSE_MILLIS)
    }
  }
}

/** The state of the database's files now: another one as soon as anything has been committed. */
export async function stateOfFiles(source: string): Promise<FilesState> {
  const names = (await readdir(source)).filter((name) => name.endsWith('.log') || name.startsWith('MANIFEST-'))
  const sizes = names.sort().map(async (name) => {
    // It may have gone since it was listed.
    const found = await lstat(join(source, name)).catch(() => undefined)
    return `${name}:${found?.size}`
  })
  return (await Promise.all(sizes)).join(' ')
}

async function layOut(
  layout: Layout,
  held: FileHandle[],
): Promise<Pick<SnapshotFiles, 'state' | 'logBytes' | 'hasGap'>> {
  const { source, target, location } = layout
  const name = await readCurrent(source, location)
  const isCurrent = async () => (await readCurrent(source, location)) === name
  const path = join(source, name)
  const { manifest, bytes } = await unlessGone(readManifest(path, location), isCurrent, location)
  // LevelDB deletes a file only after its manifest has grown, or given way to another, by what makes it obsolete.
  const isUnchanged = async () =>
    (await isCurrent()) && (await unlessGone(lstat(path), isCurrent, location)).size === bytes
  const tables = await unlessGone(linkTables(layout, manifest.tables, held), isUnchanged, location)
  // The state is taken before the copies: what is written from then on makes another state.
  const state = await stateOfFiles(source)
  const logs = await logsOf(source, manifest)
  let logBytes = 0
  let gaps = 0
  for (const log of logs) {
    const content = await unlessGone(
      readRegularFile(join(source, fileName(log, 'log')), MAX_LOG_BYTES - logBytes),
      isUnchanged,
      location,
    )
    logBytes += content.length
    gaps += countGaps(content)
    if (gaps > MAX_GAPS) throw corrupt(location, `its file ${fileName(log, 'log')} is damaged throughout`)
    await writeFile(join(target, fileName(log, 'log')), content, { flag: 'wx', mode: 0o600 })
  }
  if (!(await isUnchanged())) throw new Changed(changing(location))
  await writeManifest(target, { ...manifest, tables }, logs)
  return { state, logBytes, hasGap: gaps > 0 }
}

/** Numbers all that LevelDB creates from above what is there. */
async function writeManifest(target: string, manifest: Manifest, logs: readonly number[]): Promise<void> {
  const { tables, firstLog, previousLog } = manifest
  let highest = Math.max(firstLog, previousLog)
  for (const { number } of tables) highest = Math.max(highest, number)
  for (const number of logs) highest = Math.max(highest, number)
  const name = `MANIFEST-${String(highest + 1).padStart(6, '0')}`
  const written = encodeManifest({ ...manifest, tables: lowered(tables), nextFile: highest + 2 })
  await writeFile(join(target, name), written, { flag: 'wx', mode: 0o600 })
  await writeFile(join(target, 'CURRENT'), `${name}\n`, { flag: 'wx', mode: 0o600 })
}

/**
 * Puts the levels above 0 as deep as they go, in their order: a level is merged into the next when it is full, and the
 * deeper it is the more it holds, so that reading does not write tables anew.
 */
function lowered(tables: readonly TableFile[]): readonly TableFile[] {
  const deepest = tables.reduce((deep, { level }) => Math.max(deep, level), 0)
  const by = LEVELS - 1 - deepest
  return tables.map((table) => (table.level === 0 ? table : { ...table, level: table.level + by }))
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

/** Numbers of the logs that hold what is in no table, the oldest first. */
async function logsOf(source: string, { firstLog, previousLog }: Manifest): Promise<readonly number[]> {
  const logs: number[] = []
  for (const name of await readdir(source)) {
    const number = Number.parseInt(name, 10)
    // Other spellings of a number are none of LevelDB's, and it opens none.
    if (name !== fileName(number, 'log') || number === 0 || number > MAX_FILE_NUMBER) continue
    if (number >= firstLog || number === previousLog) logs.push(number)
  }
  return logs.sort((a, b) => a - b)
}

/** @returns the tables, no larger than their files are */
async function linkTables(
  layout: Layout,
  tables: readonly TableFile[],
  held: FileHandle[],
): Promise<readonly TableFile[]> {
  const linked: TableFile[] = []
  for (let at = 0; at < tables.length; at += LINKED_AT_ONCE) {
    const linking = tables.slice(at, at + LINKED_AT_ONCE).map(async (table) => {
      const bytes = await linkTable(layout, table, held)
      return { ...table, bytes: Math.min(table.bytes, bytes) }
    })
    // All of them have ended when one has failed, and the directory is removed.
    const settled = await Promise.allSettled(linking)
    for (const each of settled) {
      if (each.status === 'rejected') throw each.reason
      linked.push(each.value)
    }
  }
  return linked
}

/**
 * Links a table into the target. Uses a symbolic link when hard links are refused. On Linux it leads to an open
 * descriptor, which keeps a table that the writer deletes; on other systems the table may disappear.
 *
 * @returns the bytes of the file
 */
async function linkTable(layout: Layout, table: TableFile, held: FileHandle[]): Promise<number> {
  const { source, target, location, isOwn } = layout
  const name = fileName(table.number, 'ldb')
  const [from, to] = [join(source, name), join(target, name)]
  if (isOwn) {
    await link(from, to)
    return table.bytes
  }
  const found = LINK_FOLLOWS ? await lstat(from) : undefined
  if (found) requireRegular(found, from)
  requireReadable(from, location)
  try {
    await link(from, to)
  } catch (error) {
    if (!NO_LINKS.has(codeOf(error) ?? '')) throw error
    const file = await openRegularFile(from)
    held.push(file)
    await symlink(process.platform === 'linux' ? `/proc/self/fd/${file.fd}` : from, to)
    return (await file.stat()).size
  }
  // The file that was linked, even if the name is another file's by now: nobody else can change the target directory.
  const linked = lstatSync(to)
  requireRegular(linked, from)
  if (found && (linked.ino !== found.ino || linked.dev !== found.dev)) throw new Changed(changing(source))
  return linked.size
}
