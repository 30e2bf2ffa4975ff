import { lstatSync } from 'node:fs'
import { realpath, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { AuditLogError } from '../../events/errors.js'
import { requireRegularFiles } from '../../files/log-directory.js'
import { NOBODY, type Readers, readersOfLog } from '../../files/readers.js'
import { createDirectory } from '../directory.js'
import { openError } from './errors.js'
import { type KeptModes, keepModes } from './file-modes.js'
import { grantTo } from './grant.js'
import type { Database } from './load-level.js'
import { isNewDatabase, openSecured, type SecuredDatabase, statusIfThere } from './open-secured.js'
import { lockInProcess } from './process-lock.js'
import { requireSafeToWrite } from './safe-to-write.js'

/*
 * Measured with 2 million entries of 500 B in groups of 1,024 on 2 cores, CPU time of all threads, while each entry was a
 * value of its own, beside the indexes:
 * - a write buffer of 8 MiB in place of 4 takes 10 % less, as fewer small tables are merged. 16 MiB takes a further
 *   10 %, but the log to be replayed at open grows with it: 30, 50 and 100 ms for 4, 8 and 16 MiB.
 * - tables of 4 MiB in place of 2: ten million entries are some 700 files, fewer than the 1,000 kept open. A merge maps
 *   25 tables and more at once: with 8 MiB the process peaks at 240 MB, with 4 MiB at 180.
 * - blocks of 8 KiB in place of 4: a tenth less on disk, single reads as fast. With 16 KiB single reads take 3 x as long.
 * - Snappy stays on: it costs as much CPU as it saves in writing, and halves what is on disk.
 */
const TUNING = { writeBufferSize: 8 * 2 ** 20, maxFileSize: 4 * 2 ** 20, blockSize: 8 * 2 ** 10 }

/** The directory of the entries, in the directory of a log. */
export const ENTRIES = 'entries'
/** The directory of entries and indexes in the formats before version 3. */
export const FORMER_DATABASE = 'db'

export interface OpenDatabase extends SecuredDatabase {
  close(): Promise<void>
}

/**
 * Opens `<directory>/entries`, creating what is missing.
 *
 * A directory that is there keeps its mode, its group, and the bit by which files inherit the group. New ones are made 0700,
 * and open to the readers. LevelDB makes its files by the process's umask, also later while it is open, so that it is the
 * directory's mode that keeps others out; see `file-modes` for how those that may read can.
 *
 * @param asked - readers that the log is opened to, besides those that it has
 * @throws AuditLogError `AUDIT_LOG_LOCKED`, `AUDIT_LOG_CORRUPT`, `AUDIT_OPEN_FAILED`, `AUDIT_FILE_REFUSED`,
 * `AUDIT_FORMAT_UNSUPPORTED`
 */
export async function openDatabase(directory: string, asked: Readers = NOBODY): Promise<OpenDatabase> {
  let unlock = () => {}
  let db: Database | undefined
  let modes: KeptModes | undefined
  const close = async () => {
    try {
      modes?.close()
      await db?.close()
    } finally {
      unlock()
    }
  }
  try {
    const made = join(directory, ENTRIES)
    await requireRegularFiles(directory)
    await refuseFormer(directory)
    await createDirectory(made, asked | readersOfLog(directory))
    const path = await realpath(made)
    unlock = await lockInProcess(path, directory)
    if (asked !== NOBODY) await grantTo(asked, directory)
    const isNew = await isNewDatabase(path, directory)
    await requireSafeToWrite(path, directory)
    const opened = await openSecured(path, { createIfMissing: isNew, ...TUNING })
    db = opened.db
    modes = await keepModes(path)
    return { ...opened, close }
  } catch (error) {
    await close()
    throw openError(error, directory)
  }
}

/** Tells whether a directory holds a log of the format that this version writes. */
export async function isLog(directory: string): Promise<boolean> {
  return (await statusIfThere(join(directory, ENTRIES, 'CURRENT')).catch(() => undefined)) !== undefined
}

/**
 * Refuses a log of an earlier format, also one beside which somebody has put a log of this format.
 *
 * @throws AuditLogError `AUDIT_FORMAT_UNSUPPORTED`; what the file system throws
 */
export async function refuseFormer(directory: string): Promise<void> {
  if (!(await statusIfThere(join(directory, FORMER_DATABASE, 'CURRENT')))) return
  const isMixed = (await statusIfThere(join(directory, ENTRIES))) !== undefined
  const what = isMixed
    ? 'holds logs of two formats: version 3 in entries/, and version 2 or older in db/'
    : 'has format version 2 or older, in db/'
  throw new AuditLogError(
    'AUDIT_FORMAT_UNSUPPORTED',
    `The audit log ${directory} ${what}. Spanledger 0.1.0 reads the older one: export it with \`npx spanledger@0.1.0 export --log ${directory}\`, and begin a new log in another directory`,
  )
}

/**
 * Rejects where the disk has no room for a recovery, which turns the log of a write buffer into a table. To be asked
 * before an open database is given up, since on a full disk it can still be read, but not opened again.
 */
export async function requireRoom(directory: string): Promise<void> {
  const probe = join(directory, ENTRIES, 'room.probe')
  try {
    // Made anew: what somebody else put there could be a link.
    await rm(probe, { force: true })
    await writeFile(probe, Buffer.alloc(2 * TUNING.writeBufferSize), { flag: 'wx', mode: 0o600 })
  } catch (problem) {
    // A limit for files, not for the disk: what LevelDB has written is within it.
    if ((problem as NodeJS.ErrnoException).code !== 'EFBIG') throw problem
  } finally {
    await rm(probe, { force: true })
  }
}

/** Tells the directory of a database from any other that takes its place; `undefined` when there is none. */
export function directoryId(directory: string): string | undefined {
  const stats = lstatSync(join(directory, ENTRIES), { throwIfNoEntry: false })
  return stats && `${stats.dev}:${stats.ino}`
}
