import { readdirSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { AuditLogError } from '../../events/errors.js'

/*
 * LevelDB keeps others out by a POSIX lock on its file LOCK. A process loses such a lock when it closes any descriptor
 * of that file, and LevelDB opens and closes it when it refuses a second opening in the same process: from then on
 * another process could open the database as well. So that a second opening must not get as far as LevelDB.
 */

const OPEN_PATHS = Symbol.for('spanledger.leveldb.openPaths')
const shared = globalThis as { [OPEN_PATHS]?: Set<string> }
shared[OPEN_PATHS] ??= new Set()
/** Real paths of the databases that are open in this thread, by whichever copy of this package. */
const openPaths = shared[OPEN_PATHS]

/**
 * Takes a database for this process. @returns what gives it up
 *
 * @throws AuditLogError `AUDIT_LOG_LOCKED` when the process has it open already
 */
export function lockInProcess(path: string, location: string): () => void {
  if (openPaths.has(path) || isOpenInOtherThread(join(path, 'LOCK'))) {
    throw new AuditLogError('AUDIT_LOG_LOCKED', `The audit log ${location} is open in this process already`)
  }
  openPaths.add(path)
  let isHeld = true
  return () => {
    if (isHeld) openPaths.delete(path)
    isHeld = false
  }
}

/** Threads share descriptors, nothing else. Only Linux tells of them. */
function isOpenInOtherThread(path: string): boolean {
  if (process.platform !== 'linux') return false
  try {
    return readdirSync('/proc/self/fd').some((descriptor) => target(`/proc/self/fd/${descriptor}`) === path)
  } catch {
    return false
  }
}

/** The descriptor of the listing itself is closed by the time it is looked at. */
function target(link: string): string | undefined {
  try {
    return readlinkSync(link)
  } catch {
    return undefined
  }
}
