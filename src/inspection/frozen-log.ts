import { join, resolve } from 'node:path'
import { AuditLogError } from '../events/errors.js'
import { contentPath } from '../store/leveldb/content/database.js'
import { takeContentFiles } from '../store/leveldb/content/snapshot.js'
import { ENTRIES, refuseFormer } from '../store/leveldb/database.js'
import { codeOf, corrupt, isDamage, openError } from '../store/leveldb/errors.js'
import { indexPath } from '../store/leveldb/indexes/database.js'
import { type Database, newDatabase } from '../store/leveldb/load-level.js'
import { type SnapshotFiles, takeFiles } from '../store/leveldb/snapshot-files.js'
import { createTemporaryDirectory, removeTemporaryDirectory } from '../store/leveldb/temporary-directory.js'
import { isAbsent } from '../verify/read-failure.js'
import { findDamagedTable } from './table-damage.js'

/** Larger than any log that a writer leaves, so that it becomes a single table. */
const WRITE_BUFFER_BYTES = 64 * 2 ** 20

/**
 * The databases of a log as they are at one moment, laid out in a temporary directory, from which several threads can open
 * them, each with files of its own. The log's directory is only read.
 */
export class FrozenLog {
  /** Directory of the log, as an absolute path. */
  readonly location: string
  /** The reason why there is no index to look at; `undefined` when there is one. */
  readonly indexProblem: string | undefined
  /** The content of the log, as far as it could be laid out. */
  readonly content: FrozenContent
  readonly #temporary: string
  readonly #files: readonly SnapshotFiles[]

  /**
   * Takes the index first: it never knows more than the entries then.
   *
   * @param entriesOnly - leaves the index out
   * @throws AuditLogError `AUDIT_LOG_CORRUPT`, `AUDIT_OPEN_FAILED`, `AUDIT_FORMAT_UNSUPPORTED`
   */
  static async take(directory: string, entriesOnly = false): Promise<FrozenLog> {
    const location = resolve(directory)
    const temporary = await createTemporaryDirectory('spanledger-verify')
    const files: SnapshotFiles[] = []
    try {
      await refuseFormer(location)
      const { index, problem } = entriesOnly
        ? { index: undefined, problem: 'it was not asked for' }
        : await takeIndex(location, temporary)
      if (index) files.push(index)
      const paths = { source: join(location, ENTRIES), target: join(temporary, ENTRIES), location }
      files.push(await takeReadable(paths, 'structure'))
      // Behind the entries: it is written before they are, so that none of it is missing.
      const { taken, ...content } = entriesOnly ? NOT_ASKED : await takeContent(location, temporary)
      if (taken) files.push(taken)
      return new FrozenLog({ location, indexProblem: problem, content }, temporary, files)
    } catch (error) {
      for (const taken of files) await taken.remove()
      await removeTemporaryDirectory(temporary)
      throw openError(error, location)
    }
  }

  private constructor(
    { location, indexProblem, content }: Pick<FrozenLog, 'location' | 'indexProblem' | 'content'>,
    temporary: string,
    files: readonly SnapshotFiles[],
  ) {
    this.location = location
    this.indexProblem = indexProblem
    this.content = content
    this.#temporary = temporary
    this.#files = files
  }

  /** Returns the files of the log for a thread, which {@link openFrozen} opens. */
  place(thread: number): FrozenDirectory {
    return {
      location: this.location,
      source: this.#temporary,
      target: join(this.#temporary, String(thread)),
      hasIndex: this.indexProblem === undefined,
    }
  }

  /** Opens the content; `undefined` where there is none. @throws AuditLogError `AUDIT_LOG_CORRUPT`, `AUDIT_OPEN_FAILED` */
  async openContent(): Promise<Database | undefined> {
    if (this.content.state !== 'taken') return undefined
    try {
      return await opened(contentPath(this.#temporary))
    } catch (error) {
      throw openError(error, this.location)
    }
  }

  async remove(): Promise<void> {
    for (const taken of this.#files) await taken.remove()
    await removeTemporaryDirectory(this.#temporary)
  }
}

/** The content of a frozen log. */
export interface FrozenContent {
  /** `unseen`: it was not asked for, or may not be read. */
  readonly state: 'taken' | 'absent' | 'damaged' | 'unseen'
  /** A sentence that says what is wrong with it. */
  readonly problem?: string
}

export interface FrozenDirectory {
  readonly location: string
  readonly source: string
  /** The names of the directories that are made for the thread begin with it. */
  readonly target: string
  readonly hasIndex: boolean
}

/** The databases of a frozen log, open. */
export interface FrozenDatabases {
  readonly entries: Database
  /** `undefined` when there is none to look at. */
  readonly index: Database | undefined
}

/** @throws AuditLogError `AUDIT_LOG_CORRUPT`, `AUDIT_OPEN_FAILED` */
export async function openFrozen({ location, source, target, hasIndex }: FrozenDirectory): Promise<FrozenDatabases> {
  let entries: Database | undefined
  try {
    const open = async (path: string, copy: string) => {
      await takeFiles({ source: path, target: copy, location, isOwn: true })
      return await opened(copy)
    }
    entries = await open(join(source, ENTRIES), `${target}-${ENTRIES}`)
    return { entries, index: hasIndex ? await open(indexPath(source), `${target}-index`) : undefined }
  } catch (error) {
    await entries?.close()
    throw openError(error, location)
  }
}

export async function closeFrozen({ entries, index }: FrozenDatabases): Promise<void> {
  await entries.close()
  await index?.close()
}

/** A damaged index is no reason to refuse a log: readers derive another one. */
async function takeIndex(
  location: string,
  temporary: string,
): Promise<{ readonly index: SnapshotFiles | undefined; readonly problem: string | undefined }> {
  const paths = { source: indexPath(location), target: indexPath(temporary), location }
  try {
    return { index: await takeReadable(paths, 'blocks'), problem: undefined }
  } catch (error) {
    if (isAbsent(error)) return { index: undefined, problem: 'there is none' }
    const problem = openError(error, location)
    if (problem.code !== 'AUDIT_LOG_CORRUPT') throw error
    return { index: undefined, problem: `it is damaged (${problem.message})` }
  }
}

const NOT_ASKED: FrozenContent & { readonly taken?: SnapshotFiles } = { state: 'unseen' }

/** Content is a log's own affair: whatever is wrong with it says nothing of the entries. */
async function takeContent(
  location: string,
  temporary: string,
): Promise<FrozenContent & { readonly taken?: SnapshotFiles }> {
  try {
    const taken = await takeContentFiles(location, temporary)
    return taken ? { state: 'taken', taken } : { state: 'absent' }
  } catch (error) {
    if (['EACCES', 'EPERM'].includes(codeOf(error) ?? ''))
      return { state: 'unseen', problem: 'the content was not looked at: it may not be read' }
    const problem = openError(error, location)
    if (!isDamage(problem) && codeOf(error) !== 'ENOTDIR') throw error
    return { state: 'damaged', problem: problem.message }
  }
}

/**
 * Lays a database out so that LevelDB can open it without harm, and lets LevelDB turn its logs into tables: once for all
 * threads, which link them.
 */
async function takeReadable(
  paths: { readonly source: string; readonly target: string; readonly location: string },
  depth: 'structure' | 'blocks',
): Promise<SnapshotFiles> {
  const files = await takeFiles(paths)
  try {
    const damage = findDamagedTable(files.directory, depth)
    if (damage !== undefined) throw corrupt(paths.location, damage)
    await (await opened(files.directory)).close()
    return files
  } catch (error) {
    await files.remove()
    throw error instanceof AuditLogError ? error : openError(error, paths.location)
  }
}

async function opened(files: string): Promise<Database> {
  const db: Database = newDatabase(files, { createIfMissing: false, writeBufferSize: WRITE_BUFFER_BYTES })
  await db.open()
  return db
}
