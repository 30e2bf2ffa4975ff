import { closeSync, fstatSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { AuditLogError } from '../../events/errors.js'
import { openToWriteSync } from '../../files/regular-file.js'
import { delay } from '../../timers/real-timers.js'
import { isTransient } from '../transient.js'
import { codeOf } from './errors.js'

/*
 * LevelDB keeps others out by a POSIX lock on its file LOCK. A process loses such a lock when it closes any descriptor
 * of that file, and LevelDB opens and closes it when it refuses a second opening in the same process: from then on
 * another process could open the database as well. So that a second opening must not get as far as LevelDB.
 *
 * Threads share no memory of their own accord, but descriptors. Whoever has a database open therefore holds a descriptor
 * of its file WRITER, and looks whether there is another one: of two that open it before they look, at least one sees the
 * other. Node.js closes it when the thread ends, and unlike LevelDB's it is not inherited by child processes, which
 * would keep it, and not the lock, for as long as they live.
 */

const MARKER = 'WRITER'
/** Two threads that come at the same time see each other. Who has it for good is still there after the last attempt. */
const ATTEMPTS = 5
const MAX_PAUSE_MILLIS = 20

const HELD = Symbol.for('spanledger.leveldb.held')
const shared = globalThis as { [HELD]?: Set<string> }
shared[HELD] ??= new Set()
/** Databases open in this thread, by whichever copy of this package: where descriptors cannot be listed, all that is known. */
const held = shared[HELD]

/**
 * Takes a database for this process. @returns what gives it up
 *
 * @throws AuditLogError `AUDIT_LOG_LOCKED` when the process has it open already
 */
export async function lockInProcess(path: string, location: string): Promise<() => void> {
  for (let attempt = 1; ; attempt++) {
    const release = tryLock(join(path, MARKER))
    if (release) return release
    if (attempt === ATTEMPTS) break
    await delay(Math.random() * MAX_PAUSE_MILLIS)
  }
  throw new AuditLogError(
    'AUDIT_LOG_LOCKED',
    `The audit log ${location} is open in this process already: a log has one writer at a time`,
  )
}

function tryLock(marker: string): (() => void) | undefined {
  const descriptor = openToWriteSync(marker)
  const file = unlessFailed(() => fileOf(descriptor), descriptor)
  const isFree = unlessFailed(() => !held.has(file) && !isOpenBesides(descriptor, file), descriptor)
  if (!isFree) {
    closeSync(descriptor)
    return undefined
  }
  held.add(file)
  let isHeld = true
  return () => {
    if (!isHeld) return
    isHeld = false
    held.delete(file)
    closeSync(descriptor)
  }
}

function unlessFailed<T>(step: () => T, descriptor: number): T {
  try {
    return step()
  } catch (problem) {
    closeSync(descriptor)
    throw problem
  }
}

/** Tells whether the process has a further descriptor of the file. Windows cannot tell, and its locks are not lost. */
function isOpenBesides(descriptor: number, file: string): boolean {
  return openDescriptors().some((other) => {
    try {
      return other !== descriptor && fileOf(other) === file
    } catch (problem) {
      // Closed meanwhile: that of the listing itself always is.
      if (codeOf(problem) === 'EBADF') return false
      throw problem
    }
  })
}

function openDescriptors(): number[] {
  if (process.platform === 'win32') return []
  try {
    return readdirSync(process.platform === 'linux' ? '/proc/self/fd' : '/dev/fd').map(Number)
  } catch (problem) {
    if (isTransient(problem)) throw problem
    return []
  }
}

/** Tells a file from any other, by whatever path it was opened. */
function fileOf(descriptor: number): string {
  const { dev, ino } = fstatSync(descriptor, { bigint: true })
  return `${dev}:${ino}`
}
