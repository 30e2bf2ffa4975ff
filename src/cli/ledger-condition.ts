import { AuditLogError } from '../events/errors.js'
import type { LogDirectory } from '../ledger/log-directories.js'
import { stagedEvents } from '../ledger/staged-events.js'
import { isStagedOnly } from '../reader/existing-logs.js'
import { SnapshotStore } from '../store/leveldb/snapshot-store.js'
import { type LogLocation, SYNCHRONOUS } from './command.js'
import { type Condition, conditionOf, type DiskUse, diskUse } from './condition.js'
import { countPending } from './pending.js'
import { openableLogs } from './store.js'

/** The condition of the logs of a ledger, as far as can be told at a glance. Plain JSON. */
export interface LedgerCondition extends DiskUse {
  readonly directory: string
  /** One for each log that is there, by number. */
  readonly logs: readonly LogCondition[]
  /** Events that processes recorded before they had a log, and that no log has taken over yet. */
  readonly staging: Staging
}

/** The condition of one log, or the reason why it cannot be opened. */
export type LogCondition =
  | ({ readonly log: number } & Condition)
  | { readonly log: number; readonly directory: string; readonly problem: string }

interface Staging {
  /** Directories with journals of processes. */
  readonly journals: number
  /** Events in them, as far as they can be read. */
  readonly events: number
  readonly bytes: number
}

/**
 * Looks at a ledger of several logs, or at what processes recorded where there is no log yet.
 *
 * @returns `undefined` where there is a single log, or nothing, or a database
 */
export async function ledgerConditionAt(location: LogLocation): Promise<LedgerCondition | undefined> {
  if (!('directory' in location)) return undefined
  const { directory } = location
  const directories = await openableLogs(directory)
  if (directories.length === 1 && directories[0]?.number === 0) return undefined
  const staging = stagingOf(directory)
  if (directories.length === 0 && (staging.journals === 0 || !(await isStagedOnly(directory)))) return undefined
  const logs: LogCondition[] = []
  for (const each of directories) logs.push(await conditionAt(each))
  return { directory, logs, staging, ...(await diskUse(directory)) }
}

/** A log that is damaged does not hide how the others are. */
async function conditionAt({ number: log, path: directory }: LogDirectory): Promise<LogCondition> {
  let store: SnapshotStore | undefined
  try {
    store = await SnapshotStore.open(directory, SYNCHRONOUS)
    return { log, ...(await conditionOf({ store, directory }, true)) }
  } catch (error) {
    if (!(error instanceof AuditLogError)) throw error
    return { log, directory, problem: `${error.code}: ${error.message}` }
  } finally {
    await store?.close()
  }
}

function stagingOf(directory: string): Staging {
  const found = stagedEvents(directory)
  return {
    journals: found.length,
    events: found.reduce((sum, staged) => sum + countPending(staged).count, 0),
    bytes: found.reduce((sum, { bytes }) => sum + bytes, 0),
  }
}
