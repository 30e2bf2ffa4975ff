import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { requireRegular } from '../../files/regular-file.js'
import { codeOf } from './errors.js'

/* The files in the directory of a LevelDB database, by their names. */

const LOG = /^\d{6,15}\.log$/
/** Names of LevelDB's files, with their numbers. */
const NUMBERED = /^(?:MANIFEST-(\d{1,15})|(\d{1,15})\.\w+)$/
/** A log of LevelDB. */
export interface LogFile {
  readonly number: number
  readonly path: string
  readonly bytes: number
}

/** Returns the paths of the directories in a database whose name fits. */
export async function directoriesIn(database: string, name: RegExp): Promise<readonly string[]> {
  const entries = await readdir(database, { withFileTypes: true })
  return entries
    .filter((entry) => entry.isDirectory() && name.test(entry.name))
    .map((each) => join(database, each.name))
}

/** Returns the logs in a directory, the oldest first. @throws AuditLogError `AUDIT_FILE_REFUSED` where one is no regular file */
export async function logsIn(directory: string): Promise<readonly LogFile[]> {
  // Attacker-controlled: names of files; a log's name has at most 15 digits.
  const numbers = (await readdir(directory)).filter(isLogName).map((name) => Number.parseInt(name, 10))
  const logs = numbers.map(async (number) => {
    const path = join(directory, fileName(number, 'log'))
    const stats = await lstat(path)
    // LevelDB would follow a link to whatever it leads to.
    requireRegular(stats, path)
    return { number, path, bytes: stats.size }
  })
  return (await Promise.all(logs)).sort((a, b) => a.number - b.number)
}

/** Returns the highest number that a file in the directory has. */
export async function highestNumberIn(database: string): Promise<number> {
  let highest = 0
  for (const name of await readdir(database)) {
    const [, manifest, other] = NUMBERED.exec(name) ?? []
    highest = Math.max(highest, Number(manifest ?? other ?? 0))
  }
  return highest
}

/** Returns the size of a file; `undefined` where there is none. */
export async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await lstat(path)).size
  } catch (problem) {
    if (codeOf(problem) === 'ENOENT') return undefined
    throw problem
  }
}

function isLogName(name: string): boolean {
  return LOG.test(name) && fileName(Number.parseInt(name, 10), 'log') === name
}

/** Returns the name of a file of a number, as LevelDB spells it. */
export function fileName(number: number, suffix: 'ldb' | 'log'): string {
  return `${fileDigits(number)}.${suffix}`
}

/** Returns a file's number as it stands in a name. */
export function fileDigits(number: number): string {
  return String(number).padStart(6, '0')
}
