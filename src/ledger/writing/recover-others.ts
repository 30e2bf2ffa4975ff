import { isLog } from '../../store/leveldb/database.js'
import { type LogPlace, logsAt } from '../places.js'
import { isSurelyTaken, readState } from './state-file.js'
import { isLocked } from './take-log.js'

export interface RecoverOthersParts {
  readonly location: string
  /** Number of the log that this process has. */
  readonly own: number
  /** Numbers of logs that cannot be opened: that was told already. */
  readonly unusable: ReadonlySet<number>
  /** Opens a log, recovers it and closes it again. @throws AuditLogError `AUDIT_LOG_LOCKED` where somebody has it */
  readonly recover: (place: LogPlace) => Promise<void>
  /** Told once of each log that cannot be recovered. */
  readonly onProblem: (problem: Error) => void
  readonly isStopped: () => boolean
}

/**
 * Recovers the logs of a ledger whose writers died, one after the other, so that what is in their journals is committed and
 * no dead run is left running. A log that somebody has is left to them. Never rejects.
 */
export async function recoverOthers({ onProblem, ...parts }: RecoverOthersParts): Promise<void> {
  try {
    for (const place of await logsAt(parts.location)) {
      if (parts.isStopped()) return
      if (place.number === parts.own || parts.unusable.has(place.number) || !(await isDead(place))) continue
      await parts.recover(place).catch((problem) => {
        if (!isLocked(problem)) onProblem(problem instanceof Error ? problem : new Error(String(problem)))
      })
    }
  } catch (problem) {
    onProblem(problem instanceof Error ? problem : new Error(String(problem)))
  }
}

/** Tells whether a log was perhaps not closed, and its writer has perhaps died. A directory that is still empty is no log. */
async function isDead({ directory }: LogPlace): Promise<boolean> {
  const state = await readState(directory)
  return state.use !== 'closed' && !isSurelyTaken(state) && (await isLog(directory))
}
