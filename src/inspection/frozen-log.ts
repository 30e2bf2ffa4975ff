import { join, resolve } from 'node:path'
import { Level } from 'level'
import type { Database } from '../store/leveldb/database.js'
import { openError } from '../store/leveldb/errors.js'
import { type SnapshotFiles, takeFiles } from '../store/leveldb/snapshot-files.js'
import { makeTemporaryDirectory, removeTemporaryDirectory } from '../store/leveldb/temporary-directory.js'

/** Larger than any log that a writer leaves, so that it becomes a single table. */
const WRITE_BUFFER_BYTES = 64 * 2 ** 20

/**
 * The database of a log as it is at one moment, laid out in a temporary directory, from which several threads can open
 * it, each with files of its own. The log's directory is only read.
 */
export class FrozenLog {
  /** Directory of the log, as an absolute path. */
  readonly location: string
  readonly #temporary: string
  readonly #files: SnapshotFiles

  /** @throws AuditLogError `AUDIT_LOG_CORRUPT`, `AUDIT_LOG_OPEN_FAILED` */
  static async take(directory: string): Promise<FrozenLog> {
    const location = resolve(directory)
    const temporary = await makeTemporaryDirectory('spanledger-verify')
    let files: SnapshotFiles | undefined
    try {
      files = await takeFiles({ source: join(location, 'db'), target: filesIn(temporary), location })
      // Once for all threads: LevelDB turns the logs into tables, which are linked then.
      await (await opened(files.directory)).close()
      return new FrozenLog(location, temporary, files)
    } catch (error) {
      await files?.remove()
      await removeTemporaryDirectory(temporary)
      throw openError(error, location)
    }
  }

  private constructor(location: string, temporary: string, files: SnapshotFiles) {
    this.location = location
    this.#temporary = temporary
    this.#files = files
  }

  /** What a thread needs to {@link openFrozen} it. */
  place(thread: number): FrozenPlace {
    return { location: this.location, files: filesIn(this.#temporary), target: join(this.#temporary, String(thread)) }
  }

  async remove(): Promise<void> {
    await this.#files.remove()
    await removeTemporaryDirectory(this.#temporary)
  }
}

export interface FrozenPlace {
  readonly location: string
  readonly files: string
  readonly target: string
}

/** @throws AuditLogError `AUDIT_LOG_CORRUPT`, `AUDIT_LOG_OPEN_FAILED` */
export async function openFrozen({ location, files, target }: FrozenPlace): Promise<Database> {
  try {
    await takeFiles({ source: files, target, location, isOwn: true })
    return await opened(target)
  } catch (error) {
    throw openError(error, location)
  }
}

async function opened(files: string): Promise<Database> {
  const options = { keyEncoding: 'buffer', valueEncoding: 'view', createIfMissing: false } as const
  const db: Database = new Level<Buffer, Uint8Array>(files, { ...options, writeBufferSize: WRITE_BUFFER_BYTES })
  await db.open()
  return db
}

function filesIn(temporary: string): string {
  return join(temporary, 'files')
}
