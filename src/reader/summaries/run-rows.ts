import { isToolType, toolNameOf } from '../../events/tool-name.js'
import type { ReadableStore } from '../../store/readable.js'
import { joinedState } from '../../store/runs/joined-rows.js'
import { type RowEvent, RunRowFold } from '../../store/runs/row-fold.js'
import { runFactsOf } from '../../store/runs/run-facts.js'
import type { RunKey, RunRow } from '../../store/runs/run-row.js'
import type { Identities } from '../query/identities.js'
import { readRunEvents } from './read-run.js'
import type { RunEvent } from './skimmed-event.js'

/** A part of a log: its first entries, and whose the runs are that they tell of. */
export interface LogPart {
  readonly size: number
  readonly identities: Identities
}

/**
 * Returns the rows that a store keeps of these runs as of its first `size` entries; `undefined` for any other, which is to be
 * derived.
 */
export async function keptRows(
  store: ReadableStore,
  part: LogPart,
  keys: readonly RunKey[],
): Promise<readonly (RunRow | undefined)[]> {
  const { size, identities } = part
  if (!store.runRows || keys.length === 0) return keys.map(() => undefined)
  const rows = await store.runRows(keys, size)
  if (identities.isEmpty) return rows
  return await Promise.all(
    keys.map((key, at) => (identities.has(key.runId) ? joinedRow(store, part, key, rows[at]) : rows[at])),
  )
}

/**
 * Returns the row of a run that was told late whose it is. The store has one of what was filed before, and one of the rest.
 *
 * @param rest - that one
 */
async function joinedRow(
  store: ReadableStore,
  { size, identities }: LogPart,
  { tenantId, runId }: RunKey,
  rest: RunRow | undefined,
): Promise<RunRow | undefined> {
  const [before, ...more] = identities.tenantsBefore(tenantId, runId)
  if (!rest || more.length > 0) return undefined
  if (before === undefined) return identifiedRow(rest, identities)
  const [first] = (await store.runRows?.([{ tenantId: before, runId }], size)) ?? []
  const state = first && joinedState(first.state, rest.state)
  return state && identifiedRow(new RunRowFold(state).row(), identities)
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
  return fold && identifiedRow(fold.row(), identities)
}

function identifiedRow(row: RunRow, identities: Identities): RunRow {
  return { ...row, overview: { ...row.overview, ...identifiedSession(identities, row.overview) } }
}

/** Returns an event as rows of runs are made of it, as one of the tenant and the session that it counts for. */
export function ownedEvent(event: RunEvent, identities: Identities): RowEvent {
  const { type, time, parentRunId, agent, actor } = event
  const { tenantId, sessionId } = identities.ownerOf(event)
  return {
    type,
    time,
    tenantId,
    sessionId,
    parentRunId,
    agent: agent && { ...agent },
    // What is read is not trusted.
    actorId: typeof actor?.id === 'string' ? actor.id : undefined,
    toolName: isToolType(type) ? toolNameOf(type, event.data) : undefined,
    run: runFactsOf(event),
  }
}

/** Returns the session of a run, where it was told late: that of all of it. */
export function identifiedSession(
  identities: Identities,
  { tenantId, runId }: RunKey,
): { readonly sessionId?: string } {
  const sessionId = identities.sessionOf(tenantId, runId)
  return sessionId === undefined ? {} : { sessionId }
}
