import { AuditLogError } from '../../events/errors.js'
import { isLog, openDatabase } from '../../store/leveldb/database.js'
import { isOnNetworkFileSystem } from '../../store/network-file-system.js'
import { ownIdentity } from '../../store/process-identity.js'
import type { StagingName } from './staging-directory.js'

/*
 * Numbers of processes count in one PID namespace: from another container nobody sees whether the owner of a staging journal
 * lives. So an owner that is not in the first namespace of its machine also holds the lock of a database in its journal's
 * directory, the same kind that a log has. The kernel drops it with the process. A database that is there was locked by the
 * owner before it was made, and stays so: whoever can open it knows that the owner has ended.
 */

/** The first PID namespace of a machine (PROC_PID_INIT_INO): its processes are those that all numbers are counted for. */
const FIRST_NAMESPACE = '4026531836'

/** The lock of the owner of a staging journal. */
export class OwnerLock {
  readonly #opening: Promise<() => Promise<void>>

  /** Takes it in the background. Where that fails the owner is one that others cannot tell from one that lives. */
  constructor(directory: string) {
    this.#opening = openDatabase(directory).then(
      ({ close }) => close,
      () => async () => {},
    )
  }

  /** Resolves when the lock is taken, or will not be. */
  async settled(): Promise<void> {
    await this.#opening
  }

  /** Gives it up. Never rejects. */
  async release(): Promise<void> {
    const close = await this.#opening
    await close().catch(() => undefined)
  }
}

/** Tells whether this process needs a lock for others to see that it lives. */
export function needsLock(owner: StagingName['owner']): boolean {
  if (process.platform !== 'linux') return false
  return typeof owner === 'string' ? owner === 'unknown' : owner.namespace !== FIRST_NAMESPACE
}

/**
 * Tells whether the owner of a staging journal, of whom the system does not say whether it lives, has certainly ended. On a
 * file system that other machines use, this holds for owners of the same boot alone.
 *
 * @throws what opening the lock throws, unless somebody has it
 */
export async function hasLeft(owner: StagingName['owner'], directory: string): Promise<boolean> {
  if (!isOfThisMachine(owner, directory) || !(await isLog(directory))) return false
  try {
    const { close } = await openDatabase(directory)
    await close()
    return true
  } catch (problem) {
    if (problem instanceof AuditLogError && problem.code === 'AUDIT_LOG_LOCKED') return false
    throw problem
  }
}

function isOfThisMachine(owner: StagingName['owner'], directory: string): boolean {
  const own = ownIdentity()
  if (own && typeof owner !== 'string' && owner.bootId === own.bootId) return true
  return !isOnNetworkFileSystem(directory)
}
