import { lstat, readdir } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { requireDirectory } from '../files/regular-file.js'

/*
 * A ledger is a directory with several logs, one for each process that writes at the same time:
 *
 *   audit/            log 0, as it is where there is no other: entries/ index/ journal/ keys/ checkpoint
 *     logs/1/         log 1: a directory of the same shape
 *     logs/2/         …
 *     staging/        what processes record before they have a log
 *
 * So a directory with a single log is a ledger of one, and becomes one of several without moving a file.
 */

/** Directory in a ledger that has all of its logs but the first. */
const LOGS = 'logs'
/** No leading zeros, and few enough digits that the number is exact. */
const NUMBER = /^[1-9]\d{0,8}$/
/** The beginning of the name of a staging journal: its id. */
const STAGED = /^[\da-f]{8}-[\da-f-]{27}\./

/** The directory of a log in a ledger. */
export interface LogDirectory {
  /** Of the log: 0 for the one in the ledger's own directory. */
  readonly number: number
  /** Absolute, if the path of the ledger is. */
  readonly path: string
}

/** Returns the directory of a log, which need not exist. */
export function logDirectory(location: string, number: number): LogDirectory {
  return { number, path: number === 0 ? location : join(location, LOGS, String(number)) }
}

/** Returns the directory of the ledger that a log is of, by its path alone. */
export function ledgerOf(directory: string): string {
  const logs = dirname(directory)
  return basename(logs) === LOGS && NUMBER.test(basename(directory)) ? dirname(logs) : directory
}

/** Returns the directory in which a ledger keeps what processes record before they have a log. */
export function stagingAt(location: string): string {
  return join(location, 'staging')
}

/**
 * Counts what processes have recorded in a ledger before they had a log, by the names of the directories alone.
 *
 * @throws AuditLogError `AUDIT_FILE_REFUSED` for a link or a file in place of the directory that has them; what the file system
 * throws, unless it is missing
 */
export async function countStaged(location: string): Promise<number> {
  const staging = stagingAt(location)
  try {
    requireDirectory(await lstat(staging), staging)
    return (await readdir(staging)).filter((name) => STAGED.test(name)).length
  } catch (problem) {
    if (!ABSENT.has((problem as NodeJS.ErrnoException).code ?? '')) throw problem
    return 0
  }
}

/**
 * Lists the directories of a ledger's logs by number. That of log 0 is always among them, whether it exists or not.
 *
 * @param location - directory of the ledger, or of a single log
 * @throws AuditLogError `AUDIT_FILE_REFUSED` for a link or a device in place of a directory; what the file system throws,
 * except where there is no directory of further logs
 */
export async function logDirectories(location: string): Promise<readonly LogDirectory[]> {
  const found = [logDirectory(location, 0)]
  const logs = join(location, LOGS)
  try {
    requireDirectory(await lstat(logs), logs)
    // Attacker-controlled: names in a directory; a number has at most 9 digits.
    for (const entry of await readdir(logs, { withFileTypes: true })) {
      if (!NUMBER.test(entry.name)) continue
      requireDirectory(entry, join(logs, entry.name))
      found.push(logDirectory(location, Number(entry.name)))
    }
  } catch (problem) {
    if (!ABSENT.has((problem as NodeJS.ErrnoException).code ?? '')) throw problem
  }
  return found.sort((one, other) => one.number - other.number)
}

const ABSENT: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR'])
