import { filedEvent } from '../../store/filed-event.js'
import type { ReadableStore } from '../../store/readable.js'
import { RunRowFold } from '../../store/runs/row-fold.js'
import type { RunKey, RunRow } from '../../store/runs/run-overview.js'
import { readRunEvents } from './read-run.js'

/** Returns the rows that a store keeps of these runs as of its first `size` entries; `undefined` for any other. */
export async function keptRows(
  store: ReadableStore,
  size: number,
  keys: readonly RunKey[],
): Promise<readonly (RunRow | undefined)[]> {
  if (!store.runRows || keys.length === 0) return keys.map(() => undefined)
  return await store.runRows(keys, size)
}

/** Derives the row of a run from its events among the first `size`; `undefined` when it has none. */
export async function derivedRow(
  store: ReadableStore,
  size: number,
  { tenantId, runId }: RunKey,
): Promise<RunRow | undefined> {
  let fold: RunRowFold | undefined
  // Hardly ever two tenants share a run id, so the index of tenants would not narrow this down.
  for await (const events of readRunEvents(store, runId, { from: 0, to: size, reverse: false })) {
    for (const event of events) {
      if (event.tenantId !== tenantId) continue
      fold ??= RunRowFold.of({ runId }, event.seq, event)
      fold.add(event.seq, filedEvent(event))
    }
  }
  return fold?.row()
}
