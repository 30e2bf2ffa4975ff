import { AuditLogError } from '../../events/errors.js'
import type { AuditEvent, AuditEventInput, StoredEvent } from '../../events/types.js'
import type { AuditStore } from '../../store/contract.js'
import { OWN_SOURCE } from '../own-source.js'

/** Runs that are looked at together. */
const BATCH_LENGTH = 256

/**
 * For each run that has begun and not ended, what there is to say when the process that had it is gone.
 *
 * @param before - only runs that began at positions below this one
 */
export async function* interruptedRuns(
  store: AuditStore,
  before: number,
): AsyncGenerator<AuditEventInput<'run_interrupted'>[]> {
  const open = (await store.openRuns()).filter((seq) => seq < before)
  for (let at = 0; at < open.length; at += BATCH_LENGTH) {
    const begun = await eventsAt(store, open.slice(at, at + BATCH_LENGTH))
    yield await Promise.all(
      begun.map(async (beginning) => interruption(beginning, await lastEventOf(store, beginning))),
    )
  }
}

function interruption(beginning: StoredEvent, last: StoredEvent): AuditEventInput<'run_interrupted'> {
  const { type, time, tenantId, sessionId, runId, parentRunId, agent } = beginning
  return {
    type: 'run_interrupted',
    tenantId,
    sessionId,
    ...(runId === undefined ? {} : { runId }),
    ...(parentRunId === undefined ? {} : { parentRunId }),
    ...(agent === undefined ? {} : { agent }),
    source: OWN_SOURCE,
    data: {
      ...(type === 'run_started' ? { startedAt: time } : {}),
      reason: 'process_died',
      lastEvent: { type: last.type, time: last.time, seq: last.seq },
    },
  }
}

/** The newest event of a run. Other tenants may have runs of the same id. */
async function lastEventOf(store: AuditStore, beginning: StoredEvent): Promise<StoredEvent> {
  const { runId, tenantId, seq } = beginning
  if (runId === undefined) return beginning
  const newest = store.postings('run', [runId], { from: seq, to: store.size, reverse: true })
  try {
    for (let seqs = await newest.next(); seqs; seqs = await newest.next()) {
      for (const at of seqs) {
        const [event] = await eventsAt(store, [at])
        if (event?.tenantId === tenantId) return event
      }
    }
  } finally {
    await newest.close()
  }
  return beginning
}

/** Reads the events at these positions, without those that were removed. */
async function eventsAt(store: AuditStore, seqs: readonly number[]): Promise<StoredEvent[]> {
  const stored = await store.read(seqs)
  return stored.flatMap((bytes, at) => {
    const seq = seqs[at] as number
    if (!bytes && store.removedEntries) return []
    try {
      return [{ ...(JSON.parse(Buffer.from(bytes as Uint8Array).toString()) as AuditEvent), seq } as StoredEvent]
    } catch (cause) {
      throw new AuditLogError('AUDIT_LOG_CORRUPT', `Entry ${seq} of the audit log ${store.location} is no event`, {
        cause,
      })
    }
  })
}
