import type { AuditLogCounters } from '../log/contract.js'
import type { StagedQueue } from '../log/staging/staged-queue.js'

/** Returns the statistics of a log that is not open: what is staged waits for it. */
export function stagedCounters({ events, spilledEvents, bytes, journal }: StagedQueue): AuditLogCounters {
  return {
    recorded: events,
    committed: 0,
    dropped: {},
    queuedEvents: events,
    spilledEvents,
    queuedBytes: bytes,
    journalBytes: journal?.bytes ?? 0,
    commits: 0,
  }
}
