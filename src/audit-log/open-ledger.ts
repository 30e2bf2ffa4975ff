import type { LogDirectory } from '../ledger/log-directories.js'
import { requireFileLocks } from '../ledger/writing/file-locks.js'
import { chosenName } from '../ledger/writing/ledger-key.js'
import { OtherLogs } from '../ledger/writing/other-logs.js'
import { takeLog } from '../ledger/writing/take-log.js'
import type { ResolvedAuditLogOptions } from '../log/options.js'
import { levelStore } from '../store/leveldb/index.js'
import { delay } from '../timers/real-timers.js'
import type { AuditLog } from './audit-log.js'
import { requireExternalCheckpointFile } from './external-checkpoint-file.js'
import { type LedgerPart, openLog } from './open-log.js'
import { readersFor } from './readers-for.js'

/** The longest time that closing a log waits for a recovery of another one, which it has stopped. */
const STOPPING_MILLIS = 2_000
/** The shortest time from one look at the other logs to the next. */
const MIN_INTERVAL_MILLIS = 1_000

/**
 * Takes a free log of a ledger, and recovers the others whose writers died in the background, at once and for as long as it is
 * open.
 *
 * @param location - absolute
 * @throws AuditLogError, as `openAuditLog`
 */
export async function openLedger(location: string, options: ResolvedAuditLogOptions): Promise<AuditLog> {
  requireExternalCheckpointFile(options, location)
  await requireFileLocks(location)
  const { emitter, checkpointIntervalMillis } = options
  const report = (problem: Error) => emitter.report(problem)
  const readers = readersFor(options)
  const openAt = openerOf(location, options)
  const taken = await takeLog({ location, report, readers, open: (directory) => openAt(directory, 'writing') })
  const { log, member } = taken.log
  const stopping = new AbortController()
  const { signal } = stopping
  const stopped = new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
  const others = new OtherLogs({
    location,
    own: taken.directory.number,
    unusable: taken.unusable,
    report,
    intervalMillis: Math.max(MIN_INTERVAL_MILLIS, checkpointIntervalMillis),
    recover: async (directory) => {
      const dead = await openAt(directory, 'recovering', signal)
      await Promise.race([dead.settled, stopped])
      await dead.log.close()
    },
  })
  member?.start()
  others.start()
  log.enterLedger({
    membership: Object.freeze({ location, log: taken.directory.number }),
    stop: () => {
      member?.stop()
      others.stop()
      stopping.abort()
    },
    // One that takes longer goes on, or dies with the process: its log is recovered by whoever comes next.
    stopped: () => atMost(STOPPING_MILLIS, others.settled),
  })
  return log
}

function openerOf(location: string, options: ResolvedAuditLogOptions) {
  const namedAfter = chosenName(options)
  return (directory: LogDirectory, use: LedgerPart['use'], signal?: AbortSignal) =>
    openLog(levelStore(directory.path, readersFor(options)), directory.path, optionsAt(directory, use, options), {
      location,
      directory,
      use,
      namedAfter,
      signal,
    })
}

async function atMost(millis: number, work: Promise<void>): Promise<void> {
  const done = new AbortController()
  await Promise.race([work, delay(millis, done.signal)])
  done.abort()
}

function optionsAt(
  { number }: LogDirectory,
  use: LedgerPart['use'],
  options: ResolvedAuditLogOptions,
): ResolvedAuditLogOptions {
  const { externalCheckpointFile, meter } = options
  return {
    ...options,
    meter: use === 'writing' ? meter : undefined,
    externalCheckpointFile:
      externalCheckpointFile === undefined || number === 0
        ? externalCheckpointFile
        : `${externalCheckpointFile}.${number}`,
  }
}
