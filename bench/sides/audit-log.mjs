/** Entry bytes that may wait: a producer faster than the disk waits then, as it would with every other side. */
const MAX_WAITING_BYTES = 8 * 2 ** 20

/** An open log, wherever it is stored and whichever version it is of. */
export function sideOf(log) {
  return {
    put(events) {
      for (const event of events) log.record(event)
      if (log.counters().queuedBytes > MAX_WAITING_BYTES) return log.flush()
    },
    append: (event) => log.append(event),
    durable: () => log.flush(),
    close: () => log.close(),
    notes() {
      const { committed, commits, dropped } = log.counters()
      return { eventsPerCommit: committed / commits, dropped: sum(dropped) }
    },
  }
}

function sum(byReason) {
  return Object.values(byReason).reduce((total, count) => total + count, 0)
}
