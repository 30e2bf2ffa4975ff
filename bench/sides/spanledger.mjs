import { openAuditLog } from '../../dist/index.js'

/** Entry bytes that may wait: a producer faster than the disk waits then, as it would with every other side. */
const MAX_WAITING_BYTES = 8 * 2 ** 20

/** As a user has it: journal, indexes, tree, signed checkpoints. */
export function open(directory) {
  return openSpanledger(directory, {})
}

export async function openSpanledger(directory, options) {
  return sideOf(await openAuditLog(directory, options))
}

/** An open log, wherever it is stored. */
export function sideOf(log) {
  return {
    put(events) {
      for (const event of events) log.record(event)
      if (log.stats().queuedBytes > MAX_WAITING_BYTES) return log.flush()
    },
    append: (event) => log.append(event),
    durable: () => log.flush(),
    close: () => log.close(),
    notes() {
      const { committed, commits } = log.stats()
      return { eventsPerCommit: committed / commits }
    },
  }
}
