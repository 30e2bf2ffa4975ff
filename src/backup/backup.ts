import { randomBytes } from 'node:crypto'
import { mkdir, readdir, realpath, rename, rm } from 'node:fs/promises'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { AuditLogError } from '../events/errors.js'
import { rejectUnknownOptions } from '../events/options.js'
import { isThere } from '../files/is-there.js'
import { type LogDirectory, logDirectories, logDirectory } from '../ledger/log-directories.js'
import { syncDirectory } from '../store/directory.js'
import { ENTRIES, refuseFormer } from '../store/leveldb/database.js'
import { copyLog, JournalGone } from './copy-log.js'
import { freeze } from './frozen-ledger.js'

/** Options of {@link backupAuditLog}. */
export interface BackupOptions {
  /**
   * Copies the private keys as well. Whoever has the copy can sign as the log then; without them a copy that is opened to
   * write gets no checkpoints until the key is given.
   *
   * @defaultValue `false`
   */
  readonly withKeys?: boolean
}

/** One log that was copied. */
export interface BackedUpLog {
  /** Its number in the ledger; 0 for a single log. */
  readonly log: number
  /** Entries in the copy. What the writer had only in its journal then is in that of the copy. */
  readonly size: number
}

/** The logs that a backup copied. Plain JSON. */
export interface Backup {
  /** Directory of the copy, as an absolute path. */
  readonly destination: string
  readonly logs: readonly BackedUpLog[]
}

/** Number of attempts, in case the writer deletes what is to be copied. */
const MAX_ATTEMPTS = 5

/**
 * Copies a log, or all logs of a ledger, as of one moment, also while processes write them. The copy is durable and
 * complete when it appears under its name; it can be read, verified, and opened to go on with.
 *
 * Content items are copied as they are, encrypted; the keys of content never are, so that what is erased later does not come back with
 * the copy. Give the keys of the ledger to read the content of a copy: `openAuditLogReader(copy, { contentKeys: { directory } })`.
 *
 * Writers are neither asked nor held up. What processes record before they have a log (`staging`) is left out.
 *
 * @param location - directory of the log or the ledger
 * @param destination - a directory that does not exist, or is empty; outside of the log's
 * @throws AuditLogError `AUDIT_OPEN_FAILED` when there is no log; `AUDIT_WRITE_FAILED` when the destination cannot be
 * used; `AUDIT_LOG_CORRUPT`, `AUDIT_FILE_REFUSED`, `AUDIT_FORMAT_UNSUPPORTED`, `AUDIT_READ_FAILED`
 * @throws TypeError naming an unknown option
 *
 * @example
 * ```ts
 * const { logs } = await backupAuditLog('./audit', `/backups/audit-${Date.now()}`)
 * ```
 */
export async function backupAuditLog(
  location: string,
  destination: string,
  options: BackupOptions = {},
): Promise<Backup> {
  rejectUnknownOptions('backupAuditLog', options, ['withKeys'])
  const { withKeys = false } = options
  if (typeof withKeys !== 'boolean') throw new TypeError('backupAuditLog: withKeys must be a boolean')
  const [source, target] = [resolve(location), resolve(destination)]
  const sources = await logsIn(source)
  await requireFree(source, target)
  const partial = join(dirname(target), `.${basename(target)}.${randomBytes(6).toString('hex')}.partial`)
  try {
    await mkdir(partial, { mode: 0o700 })
    const logs = await copyAll(sources, partial, withKeys)
    await syncDirectory(partial)
    await rename(partial, target)
    await syncDirectory(dirname(target))
    return { destination: target, logs }
  } catch (error) {
    await rm(partial, { recursive: true, force: true })
    throw writeFailure(error, target)
  }
}

async function copyAll(
  sources: readonly LogDirectory[],
  target: string,
  withKeys: boolean,
): Promise<readonly BackedUpLog[]> {
  for (let attempt = 1; ; attempt++) {
    const { parts, remove } = await freeze(sources)
    try {
      for (const part of parts) await copyLog(part, logDirectory(target, part.source.number).path, withKeys)
      return parts.map(({ source, size }) => ({ log: source.number, size }))
    } catch (error) {
      if (!(error instanceof JournalGone)) throw error
      if (attempt === MAX_ATTEMPTS) {
        throw new AuditLogError('AUDIT_READ_FAILED', 'The journal goes on faster than it can be copied: try again')
      }
      for (const name of await readdir(target)) await rm(join(target, name), { recursive: true })
    } finally {
      await remove()
    }
  }
}

/** @throws AuditLogError `AUDIT_OPEN_FAILED`, `AUDIT_FORMAT_UNSUPPORTED`, `AUDIT_FILE_REFUSED` */
async function logsIn(location: string): Promise<readonly LogDirectory[]> {
  await refuseFormer(location)
  const sources: LogDirectory[] = []
  for (const source of await logDirectories(location))
    if (await isThere(join(source.path, ENTRIES))) sources.push(source)
  if (sources.length > 0) return sources
  throw new AuditLogError('AUDIT_OPEN_FAILED', `There is no audit log in ${location}`)
}

async function requireFree(source: string, target: string): Promise<void> {
  const names = await readdir(target).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw writeFailure(error, target)
  })
  if (names.length > 0) throw unusable(target, 'is not empty')
  const above = await realpath(dirname(target)).catch((error) => {
    throw writeFailure(error, target)
  })
  const way = relative(await realpath(source), join(above, basename(target)))
  if (way === '' || !way.startsWith('..')) throw unusable(target, 'lies in the log that is to be copied')
}

function unusable(target: string, why: string): AuditLogError {
  const cause = Object.assign(new Error(why), { code: 'EEXIST' })
  return new AuditLogError(
    'AUDIT_WRITE_FAILED',
    `The destination ${target} ${why}: name a directory that does not exist`,
    {
      cause,
    },
  )
}

function writeFailure(error: unknown, target: string): unknown {
  if (error instanceof AuditLogError || !(error instanceof Error && 'code' in error)) return error
  return new AuditLogError('AUDIT_WRITE_FAILED', `Cannot write the copy ${target}: ${error.message}`, { cause: error })
}
