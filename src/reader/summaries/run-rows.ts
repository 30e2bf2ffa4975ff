import type { StoredEvent } from '../../events/types.js'
import { filedEvent } from '../../store/filed-event.js'
import type { ReadableStore } from '../../store/readable.js'
import { RunRowFold } from '../../store/runs/row-fold.js'
import type { RunKey, RunRow } from '../../store/runs/run-overview.js'
import type { Identities } from '../query/identities.js'
import { readRunEvents } from './read-run.js'

/** A part of a log: its first entries, and whose the runs are that they tell of. */
export interface LogPart {
  readonly size: number
  readonly identities: Identities
}

/**
 * Returns the rows that a store keeps of these runs as of its first `size` entries; `undefined` for any other, and for a run
 * of which the tenant or the session was told late: the store has one row for what was filed before, and one for the rest.
 */
export async function keptRows(
  store: ReadableStore,
  { size, identities }: LogPart,
  keys: readonly RunKey[],
): Promise<readonly (RunRow | undefined)[]> {
  if (!store.runRows || keys.length === 0) return keys.map(() => undefined)
  const rows = await store.runRows(keys, size)
  return identities.isEmpty
    ? rows
    : rows.map((row, at) => (identities.has((keys[at] as RunKey).runId) ? undefined : row))
}

/** Derives the row of a run from its events; `undefined` when it has none. */
export async function derivedRow(
  store: ReadableStore,
  { size, identities }: LogPart,
  { tenantId, runId }: RunKey,
): Promise<RunRow | undefined> {
  let fold: RunRowFold | undefined
  // Hardly ever two tenants share a run id, so the index of tenants would not narrow this down.
  for await (const events of readRunEvents(store, runId, { from: 0, to: size, reverse: false })) {
    for (const event of events) {
      const owner = identities.ownerOf(event)
      if (owner.tenantId !== tenantId) continue
      fold ??= RunRowFold.of({ runId }, event.seq, { ...owner, time: event.time })
      fold.add(event.seq, ownedEvent(event, identities))
    }
  }
  if (!fold) return undefined
  const { overview, firstSeqs } = fold.row()
  return { overview: { ...overview, ...identifiedSession(identities, { tenantId, runId }) }, firstSeqs }
}

/** Returns an event as rows of runs are made of it, as one of the tenant and the session that it counts for. */
export function ownedEvent(event: StoredEvent, identities: Identities): ReturnType<typeof filedEvent> {
  const { tenantId, sessionId } = identities.ownerOf(event)
  return Object.assign(filedEvent(event), { tenantId, sessionId })
}

/** Returns the session of a run, where it was told late: that of all of it. */
export function identifiedSession(
  identities: Identities,
  { tenantId, runId }: RunKey,
): { readonly sessionId?: string } {
  const sessionId = identities.sessionOf(tenantId, runId)
  return sessionId === undefined ? {} : { sessionId }
}
