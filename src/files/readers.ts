import { lstatSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'

/*
 * One directory says who besides its owner may read a log: `entries`. Where its group, or everybody, may list and
 * enter it, they may read the files that are made beside and below it as well, whatever the umask of the process says.
 * So an administrator opens a log to a group once, and it stays so. Keys are their owner's in any case.
 */

/** Bits of a mode by which others than the owner may list and enter a directory: 0o050, 0o005, both or none. */
export type Readers = number

/** The group may read. */
export const GROUP: Readers = 0o050
/** Nobody but the owner may. */
export const NOBODY: Readers = 0
const CLASSES = [0o050, 0o005]

/** Returns who may read a directory; nobody where there is none, and where a system has no such modes. */
export function readersIn(directory: string): Readers {
  if (process.platform === 'win32') return NOBODY
  let mode = 0
  try {
    const found = lstatSync(directory, { throwIfNoEntry: false })
    if (found?.isDirectory()) mode = found.mode
  } catch {
    // Whoever needs it says what is wrong with it.
  }
  return CLASSES.filter((bits) => (mode & bits) === bits).reduce((all, bits) => all | bits, NOBODY)
}

/** Returns who may read a log; a new one of a ledger is read by those who read log 0. */
export function readersOfLog(directory: string): Readers {
  const above = dirname(directory)
  const ofLedger = basename(above) === 'logs' ? readersIn(join(dirname(above), 'entries')) : NOBODY
  return readersIn(join(directory, 'entries')) | ofLedger
}

/** Returns the mode of a new directory. */
export function directoryMode(readers: Readers): number {
  return 0o700 | readers
}

/** Returns the mode of a new file. */
export function fileMode(readers: Readers): number {
  return 0o600 | (readers & 0o044)
}
