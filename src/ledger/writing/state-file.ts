import { closeSync, fsync, writeSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { readersOfLog } from '../../files/readers.js'
import { openToRewriteSync, readRegularFile } from '../../files/regular-file.js'
import { hasEnded, ownIdentity, type ProcessIdentity } from '../../store/process-identity.js'

/*
 * The file `state` in the directory of a log names the process that has the log open, so that a process that looks for a free one need not
 * try them all. Only the locks decide: the file is written by whoever has them, and it can be out of date.
 *
 *   writing 1b4e28ba2fa111d2883f0016d3cca427 4026531836 4711 123456
 *   recovering …      it is opened for its recovery alone, and closed at once
 *   closed            it was closed in order: there is nothing to recover
 */

/** @see readState */
export interface LogState {
  /** `unknown` for a log of a former version, one that is new, and a file with other contents. */
  readonly use: 'writing' | 'recovering' | 'closed' | 'unknown'
  /** The process that has it, or had it. */
  readonly process: ProcessIdentity | undefined
}

const FILE = 'state'
const MAX_BYTES = 1024
const TEXT = /^(?:(closed)|(writing|recovering)(?: ([\da-f]+) (\d+) (\d+) (\d+))?)\n$/
const UNKNOWN: LogState = Object.freeze({ use: 'unknown', process: undefined })
const sync = promisify(fsync)

/** Reads the state file of a log. Never rejects: a file that cannot be read gives `unknown`. */
export async function readState(directory: string): Promise<LogState> {
  try {
    const text = (await readRegularFile(join(directory, FILE), MAX_BYTES)).toString('latin1')
    // Attacker-controlled: the file `state`; one anchored pattern, and nothing but the choice of a log goes by it.
    const [, closed, use, bootId, namespace, pid, startTicks] = TEXT.exec(text) ?? []
    if (closed) return { use: 'closed', process: undefined }
    if (use === undefined) return UNKNOWN
    const process =
      bootId === undefined
        ? undefined
        : { bootId, namespace: namespace ?? '', pid: Number(pid), startTicks: Number(startTicks) }
    return { use: use as 'writing' | 'recovering', process }
  } catch {
    return UNKNOWN
  }
}

/**
 * Writes who has a log open, durably: after loss of power, a log that was open must not be taken for one that was closed.
 * To be called by whoever has the locks of the log alone.
 *
 * @throws AuditLogError `AUDIT_FILE_REFUSED`; what the file system throws
 */
export async function writeState(directory: string, use: 'writing' | 'recovering' | 'closed'): Promise<void> {
  const descriptor = openToRewriteSync(join(directory, FILE), true, readersOfLog(directory))
  try {
    writeSync(descriptor, `${[use, ...(use === 'closed' ? [] : ownWords())].join(' ')}\n`)
    await sync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

/** Leaves it open who has a log, and how it was closed. @throws what the file system throws */
export async function removeState(directory: string): Promise<void> {
  await rm(join(directory, FILE), { force: true })
}

/** Tells whether a process other than this one has the log for certain. */
export function isSurelyTaken({ process: owner }: LogState): boolean {
  const own = owner && ownIdentity()
  if (!owner || !own || own.bootId === '' || owner.bootId !== own.bootId || owner.namespace !== own.namespace)
    return false
  return owner.pid !== own.pid && !hasEnded(owner, own)
}

/**
 * Tells whether somebody who has a log locked, and has not said so, is about to give it up, or to say it: the log may be free
 * in a moment.
 */
export function isInTransit({ use, process: owner }: LogState): boolean {
  if (use !== 'writing') return true
  const own = owner && ownIdentity()
  return own !== undefined && owner !== undefined && hasEnded(owner, own)
}

function ownWords(): (string | number)[] {
  const own = ownIdentity()
  if (!own || own.bootId === '') return []
  return [own.bootId, own.namespace, own.pid, own.startTicks]
}
