import { AuditLogError } from '../../events/errors.js'
import { fieldsOf, textIn } from '../../events/recorded-fields.js'
import { textOf } from '../../events/text.js'
import type { AuditEvent, AuditEventInput, StoredEvent } from '../../events/types.js'
import type { AuditStore, Walk } from '../../store/contract.js'
import { runChangeOf } from '../../store/open-runs.js'
import { OWN_SOURCE } from '../own-source.js'

/** Runs that are looked at together. */
const BATCH_LENGTH = 256

/**
 * Yields a statement for each run that has begun and not ended, now that the process which had it is gone.
 *
 * @param before - only runs that began at positions below this one
 * @param from - only runs that began at this position or behind it
 * @param only - only runs that began at one of these positions
 */
export async function* interruptedRuns(
  store: AuditStore,
  before: number,
  from = 0,
  only?: ReadonlySet<number>,
): AsyncGenerator<AuditEventInput<'run_interrupted'>[]> {
  const open = (await store.openRuns()).filter((seq) => seq >= from && seq < before && (only?.has(seq) ?? true))
  for (let at = 0; at < open.length; at += BATCH_LENGTH) {
    const begun = await eventsAt(store, open.slice(at, at + BATCH_LENGTH))
    const interrupted = await Promise.all(
      begun.map(async (beginning) =>
        (await wasOver(store, beginning)) ? [] : [interruption(beginning, await lastEventOf(store, beginning))],
      ),
    )
    yield interrupted.flat()
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

/** Tells whether a run was over when `run_identified` named its tenant: from there on it counts as open. */
async function wasOver(store: AuditStore, { type, seq, runId, data }: StoredEvent): Promise<boolean> {
  if (type !== 'run_identified' || runId === undefined) return false
  const tenantId = textIn(fieldsOf(fieldsOf(data).previous), 'tenantId')
  for await (const event of eventsOfRun(store, runId, { from: 0, to: seq, reverse: true })) {
    const change = event.tenantId === tenantId ? runChangeOf(event.type) : undefined
    if (change) return change === 'ends'
  }
  return false
}

/** The newest event of a run. Other tenants may have runs of the same id. */
async function lastEventOf(store: AuditStore, beginning: StoredEvent): Promise<StoredEvent> {
  const { runId, tenantId, seq } = beginning
  if (runId === undefined) return beginning
  for await (const event of eventsOfRun(store, runId, { from: seq, to: store.size, reverse: true })) {
    if (event.tenantId === tenantId) return event
  }
  return beginning
}

async function* eventsOfRun(store: AuditStore, runId: string, walk: Walk): AsyncGenerator<StoredEvent> {
  const cursor = store.postings('run', [runId], walk)
  try {
    for (let seqs = await cursor.next(); seqs; seqs = await cursor.next()) {
      for (const at of seqs) yield* await eventsAt(store, [at])
    }
  } finally {
    await cursor.close()
  }
}

/** Reads the events at these positions, without those that were removed. */
async function eventsAt(store: AuditStore, seqs: readonly number[]): Promise<StoredEvent[]> {
  const stored = await store.read(seqs)
  return stored.flatMap((bytes, at) => {
    const seq = seqs[at] as number
    if (!bytes && store.removedEntries) return []
    // Attacker-controlled: an entry to which the index leads; what is no JSON is a damaged log.
    try {
      return [{ ...(JSON.parse(textOf(bytes as Uint8Array)) as AuditEvent), seq } as StoredEvent]
    } catch (cause) {
      throw new AuditLogError('AUDIT_LOG_CORRUPT', `Entry ${seq} of the audit log ${store.location} is no event`, {
        cause,
      })
    }
  })
}
