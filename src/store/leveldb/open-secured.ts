import type { Stats } from 'node:fs'
import { lstat, readdir } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { readCurrent } from './current-manifest.js'
import { corrupt, isLocked } from './errors.js'
import { type Database, newDatabase } from './load-level.js'
import { type Recovered, SecuredLogs } from './secured-logs.js'

/** The number of attempts to open the database, in case LevelDB fails or does not recover all of its log. */
const OPEN_ATTEMPTS = 2

/** A database that is open, and whose log was recovered. */
export interface SecuredDatabase {
  readonly db: Database
  /** Bytes of LevelDB's log of which a part may not have been recovered; 0 when all of it was. */
  readonly doubtfulBytes: number
}

type Tuning = Omit<Parameters<typeof newDatabase>[1], 'createIfMissing'> & { readonly createIfMissing: boolean }

/**
 * Opens the database so that nothing of its log is lost, see `secured-logs`. What LevelDB could not read for a moment, it
 * mostly can when it is asked again.
 */
export async function openSecured(path: string, options: Tuning): Promise<SecuredDatabase> {
  const { createIfMissing } = options
  for (let attempt = 1; ; attempt++) {
    const secured = createIfMissing ? undefined : await SecuredLogs.take(path)
    // LevelDB takes a database whose CURRENT it cannot read for a new one.
    const db = newDatabase(path, options)
    let recovered: Recovered | undefined
    try {
      await db.open()
      // Until the comparison says otherwise, also by failing.
      recovered = 'incomplete'
      recovered = (await secured?.compareWith(db)) ?? 'whole'
      if (recovered === 'superseded') throw new Error('another process has opened and closed it meanwhile')
      if (recovered === 'incomplete') throw new Error('LevelDB did not read all of its own log, which is kept')
      await secured?.letGo(recovered)
      return { db, doubtfulBytes: recovered === 'damaged' ? (secured?.bytes ?? 0) : 0 }
    } catch (problem) {
      await db.close()
      const isOwn = recovered !== 'superseded' && !isLocked(problem)
      if (isOwn && (recovered !== undefined || (await secured?.areOverwritten()))) await secured?.putBack()
      else await secured?.discard()
      if (isLocked(problem) || attempt === OPEN_ATTEMPTS) throw problem
    }
  }
}

/**
 * Tells whether there is no database yet. LevelDB takes a directory without CURRENT for a new one, and deletes the
 * tables and logs that it finds there.
 *
 * @throws AuditLogError `AUDIT_LOG_CORRUPT` when there is data, but no manifest to it
 */
export async function isNewDatabase(path: string, directory: string): Promise<boolean> {
  const names = await readdir(path)
  if (names.includes('CURRENT')) {
    const manifest = await readCurrent(path, directory)
    if (await statusIfThere(join(path, manifest))) return false
    // Opening it, another process goes on to the next manifest.
    if ((await readCurrent(path, directory)) === manifest) {
      throw corrupt(directory, `${basename(path)}/CURRENT names '${manifest}', which is missing`)
    }
    return false
  }
  if (names.some((name) => /\.(ldb|sst|log)$|^(secured|returning)-\d+$/.test(name))) {
    throw corrupt(directory, `${basename(path)}/CURRENT is missing beside the data`)
  }
  return true
}

/** Returns `undefined` for a file that is not there: they come and go while another process has the database open. */
export async function statusIfThere(path: string): Promise<Stats | undefined> {
  return await lstat(path).catch((problem: NodeJS.ErrnoException) => {
    if (problem.code === 'ENOENT' || problem.code === 'ENOTDIR') return undefined
    throw problem
  })
}
