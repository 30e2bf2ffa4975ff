import { join } from 'node:path'
import { isThere } from '../../../files/is-there.js'
import { requireRegularContent } from '../../../files/log-directory.js'
import type { SealedContent } from '../../contract.js'
import { type Database, newDatabase } from '../load-level.js'
import { isNewDatabase } from '../open-secured.js'
import { type SnapshotFiles, takeFiles } from '../snapshot-files.js'
import { contentPath } from './database.js'
import { contentOf } from './keys.js'

/** Larger than any log that a writer leaves, so that it becomes a single table. */
const WRITE_BUFFER_BYTES = 64 * 2 ** 20

/** The content of a log as it was at one moment. */
export interface TakenContent {
  read(seqs: readonly number[]): Promise<readonly (readonly SealedContent[])[]>
  close(): Promise<void>
}

/**
 * Takes the content of a log that another process may be writing.
 *
 * @param location - directory of the log
 * @param target - directory of the snapshot
 * @returns `undefined` for a log that has none
 * @throws AuditLogError `AUDIT_LOG_CORRUPT`, `AUDIT_FILE_REFUSED`; what else fails comes as it is
 */
export async function takenContent(location: string, target: string): Promise<TakenContent | undefined> {
  const files = await takeContentFiles(location, target)
  if (!files) return undefined
  let db: Database | undefined
  try {
    db = newDatabase(files.directory, { createIfMissing: false, writeBufferSize: WRITE_BUFFER_BYTES })
    await db.open()
  } catch (problem) {
    await db?.close()
    await files.remove()
    throw problem
  }
  return taken(db, files)
}

/**
 * Lays the files of a log's content out once more, see {@link takeFiles}.
 *
 * @returns `undefined` for a log that has none
 * @throws as {@link takeFiles}
 */
export async function takeContentFiles(location: string, target: string): Promise<SnapshotFiles | undefined> {
  const source = contentPath(location)
  if (!(await isThere(source))) return undefined
  await requireRegularContent(location)
  if (!(await isThere(join(source, 'CURRENT')))) {
    if (await isNewDatabase(source, location)) return undefined
  }
  return await takeFiles({ source, target: contentPath(target), location })
}

function taken(db: Database, files: SnapshotFiles): TakenContent {
  return {
    read: (seqs) => contentOf(db, seqs),
    close: async () => {
      await db.close()
      await files.remove()
    },
  }
}
