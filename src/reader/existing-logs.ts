import { lstat } from 'node:fs/promises'
import { join } from 'node:path'
import { countStaged, type LogDirectory, logDirectories } from '../ledger/log-directories.js'
import { ENTRIES, FORMER_DATABASE } from '../store/leveldb/database.js'
import { isAbsent } from '../verify/read-failure.js'

/**
 * Lists the logs of a ledger that are there, or of which a checkpoint is.
 *
 * @throws AuditLogError `AUDIT_FILE_REFUSED`; what the file system throws
 */
export async function existingLogs(location: string): Promise<readonly LogDirectory[]> {
  const directories = await logDirectories(location)
  const found = await Promise.all(directories.map(({ path }) => hasLog(path)))
  return directories.filter((_, at) => found[at])
}

/** Tells whether processes have recorded in a directory, and none of them has opened a log there yet. */
export async function isStagedOnly(location: string): Promise<boolean> {
  return (await countStaged(location)) > 0 && (await existingLogs(location)).length === 0
}

async function hasLog(directory: string): Promise<boolean> {
  for (const name of [ENTRIES, FORMER_DATABASE, 'checkpoint']) {
    try {
      await lstat(join(directory, name))
      return true
    } catch (error) {
      if (!isAbsent(error)) throw error
    }
  }
  return false
}
