import { chmod, mkdir, readdir, realpath } from 'node:fs/promises'
import { join } from 'node:path'
import { Level } from 'level'
import { corrupt, openError } from './errors.js'

export type Database = Level<Buffer, Uint8Array>

const TUNING = {}

/**
 * Opens `<directory>/db`, creating what is missing.
 *
 * Directories are made 0700. LevelDB makes its files by the process's umask, also later while it is open, so that it is
 * the directory's mode that keeps others out; the files found at open are set to 0600 besides.
 *
 * @throws AuditLogError `AUDIT_LOG_LOCKED`, `AUDIT_LOG_CORRUPT`, `AUDIT_LOG_OPEN_FAILED`
 */
export async function openDatabase(directory: string): Promise<Database> {
  let db: Database | undefined
  try {
    const made = join(directory, 'db')
    await mkdir(made, { recursive: true, mode: 0o700 })
    // LevelDB knows its own locks by path: by another path this process could open the same database twice.
    const path = await realpath(made)
    await refuseLostCurrent(path, directory)
    db = new Level<Buffer, Uint8Array>(path, { keyEncoding: 'buffer', valueEncoding: 'view', ...TUNING })
    await db.open()
    await restrictModes(path)
    return db
  } catch (error) {
    await db?.close()
    throw openError(error, directory)
  }
}

/** LevelDB takes a directory without CURRENT for a new one, and deletes the files it then finds. */
async function refuseLostCurrent(path: string, directory: string): Promise<void> {
  const names = await readdir(path)
  if (names.includes('CURRENT') || !names.some((name) => /\.(ldb|sst|log)$/.test(name))) return
  throw corrupt(directory, 'db/CURRENT is missing beside the data')
}

/** Does what the owner and the file system allow. */
async function restrictModes(path: string): Promise<void> {
  const names = await readdir(path)
  await Promise.allSettled([chmod(path, 0o700), ...names.map((name) => chmod(join(path, name), 0o600))])
}
