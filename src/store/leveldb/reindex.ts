import { rm } from 'node:fs/promises'
import { resolve } from 'node:path'
import { AuditLogError } from '../../events/errors.js'
import { isLog, openDatabase } from './database.js'
import { BlockCache } from './entries/block-cache.js'
import { readHead } from './entries/head.js'
import { openError } from './errors.js'
import { followedLog } from './followed-log.js'
import { NameHashes } from './hash-key.js'
import { indexPath } from './indexes/database.js'
import { LogIndex } from './indexes/log-index.js'

/** The progress of a rebuild. */
export interface ReindexProgress {
  /** Entries that are in the index. */
  readonly entries: number
  readonly size: number
}

/** Options of {@link reindex}. */
export interface ReindexOptions {
  readonly onProgress?: (progress: ReindexProgress) => void
}

/**
 * Throws the index of a log away and derives another one from the entries. Nobody else may have the log open meanwhile.
 *
 * @param directory - of the log
 * @returns the number of entries
 * @throws AuditLogError `AUDIT_LOG_LOCKED`, `AUDIT_LOG_CORRUPT`, `AUDIT_OPEN_FAILED`, `AUDIT_FORMAT_UNSUPPORTED`,
 * `AUDIT_FILE_REFUSED`
 */
export async function reindex(directory: string, { onProgress }: ReindexOptions = {}): Promise<number> {
  const location = resolve(directory)
  if (!(await isLog(location))) {
    throw new AuditLogError('AUDIT_OPEN_FAILED', `There is no audit log in ${location}`)
  }
  const { db, close } = await openDatabase(location)
  try {
    const head = await readHead(db, location)
    const { size } = head.tree
    const hashes = new NameHashes(head.hashKey)
    const followed = followedLog({ db, head, hashes, cache: new BlockCache(), location })
    await rm(indexPath(location), { recursive: true, force: true })
    const index = new LogIndex(indexPath(location), () => followed, {
      onTakenIn: (entries) => onProgress?.({ entries, size }),
    })
    try {
      await index.open()
      await index.view()
    } finally {
      await index.close()
    }
    return size
  } catch (error) {
    throw openError(error, location)
  } finally {
    await close()
  }
}
