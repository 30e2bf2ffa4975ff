import { join } from 'node:path'
import { Level } from 'level'
import { type Database, hasRecoveredAll } from './database.js'
import { DatabaseReads } from './database-reads.js'
import { corrupt } from './errors.js'
import { type Head, readHead } from './head.js'
import { checkRecovered } from './recovered-entries.js'
import { type FilesState, type SnapshotFiles, takeFiles } from './snapshot-files.js'

/** Larger than any log that a writer leaves, so that it becomes a single table. */
const WRITE_BUFFER_BYTES = 64 * 2 ** 20

/** A log as it was at one moment. It stays while anything reads from it, also once a newer one has taken its place. */
export class Snapshot {
  readonly head: Head
  readonly reads: DatabaseReads
  readonly state: FilesState
  readonly #db: Database
  readonly #files: SnapshotFiles
  #readers = 0
  #isRetired = false
  #closed: Promise<void> | undefined

  /**
   * @param directory - of the log
   * @param target - where the snapshot's files are put
   * @throws AuditLogError `AUDIT_LOG_CORRUPT`, `AUDIT_FORMAT_UNSUPPORTED`; what else fails comes as it is
   */
  static async take(directory: string, target: string): Promise<Snapshot> {
    const files = await takeFiles({ source: join(directory, 'db'), target, location: directory })
    const options = { keyEncoding: 'buffer', valueEncoding: 'view', createIfMissing: false } as const
    const db: Database = new Level<Buffer, Uint8Array>(target, { ...options, writeBufferSize: WRITE_BUFFER_BYTES })
    try {
      await db.open()
      const head = await readHead(db, directory)
      const isDoubtful = files.hasGap || !(await hasRecoveredAll(target))
      if (isDoubtful) await checkRecovered(db, head.tree.size, files.logBytes, directory)
      return new Snapshot(db, files, head, directory)
    } catch (error) {
      await db.close()
      await files.remove()
      throw error
    }
  }

  private constructor(db: Database, files: SnapshotFiles, head: Head, location: string) {
    this.#db = db
    this.#files = files
    this.head = head
    this.state = files.state
    this.reads = new DatabaseReads(() => db, head.tree.size, location)
  }

  get isClosed(): boolean {
    return this.#closed !== undefined
  }

  /** Whoever reads says so, and {@link release}s it when done. */
  retain(): this {
    this.#readers++
    return this
  }

  async release(): Promise<void> {
    this.#readers--
    await this.#closeIfUnused()
  }

  /** A newer one has taken its place. */
  async retire(): Promise<void> {
    this.#isRetired = true
    await this.#closeIfUnused()
  }

  /** Closes it under whoever still reads. */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #closeIfUnused(): Promise<void> {
    if (this.#isRetired && this.#readers === 0) await this.close()
  }

  async #close(): Promise<void> {
    await this.#db.close()
    await this.#files.remove()
  }
}

/** A log only grows. @throws AuditLogError `AUDIT_LOG_CORRUPT` */
export function assertGrown(before: Snapshot, after: Snapshot, location: string): void {
  const [had, has] = [before.head.tree.size, after.head.tree.size]
  if (has < had) throw corrupt(location, `it had ${had} entries, and has ${has} now`)
}
