import { textOf } from '../../events/text.js'
import type { AuditStore } from '../../store/contract.js'

/** The most entries that are looked through. */
const MAX_ENTRIES = 64

/**
 * Yields the `data` of the statements that a log made of itself, the latest first. It waits for the index.
 *
 * @param origin - name of the log: statements of other logs in it do not count
 */
export async function* ownStatements(store: AuditStore, type: string, origin: string): AsyncGenerator<unknown> {
  await store.indexReady?.()
  const cursor = store.postings('type', [type], { from: 0, to: store.size, reverse: true })
  let looked = 0
  try {
    for (let seqs = await cursor.next(); seqs; seqs = await cursor.next()) {
      for (const seq of seqs) {
        if (looked++ === MAX_ENTRIES) return
        const [bytes] = await store.read([seq])
        // Attacker-controlled: an entry of this log; only what its own origin states is used.
        const event = bytes && (JSON.parse(textOf(bytes)) as StatedEvent)
        if (event?.type === type && event.statementOf === origin) yield event.data
      }
    }
  } finally {
    await cursor.close()
  }
}

interface StatedEvent {
  readonly type?: unknown
  readonly statementOf?: unknown
  readonly data?: unknown
}
