import { LIFECYCLE_TYPES, statusAfter } from '../../events/run-status.js'
import type { StoredEvent } from '../../events/types.js'
import type { ReadableStore } from '../../store/readable.js'
import { RunRowFold } from '../../store/runs/row-fold.js'
import { MAX_BATCH, readEvents } from '../query/read-events.js'
import { readEventsAt } from '../query/read-stored.js'
import { type LogPart, ownedEvent } from './run-rows.js'

/**
 * Returns the positions of the ends of runs that later ones supersede: they are no ends any more. It reads the starts and ends of
 * the runs that have such events, which are few: mostly there is none.
 */
export async function supersededEnds(store: ReadableStore, part: LogPart): Promise<ReadonlySet<number>> {
  const superseded = new Set<number>()
  for (const runId of await runsWithSuperseding(store, part.size)) {
    await addSupersededEnds(superseded, store, part, runId)
  }
  return superseded
}

/** Adds the positions of the ends that later ones supersede, of the runs with one id. */
export async function addSupersededEnds(
  superseded: Set<number>,
  store: ReadableStore,
  part: LogPart,
  runId: string,
): Promise<void> {
  const filter = { runId, types: LIFECYCLE_TYPES }
  const ends = new RunEnds(part, superseded)
  for await (const events of readEvents(store, part.size, filter)) for (const event of events) ends.add(runId, event)
}

/** Returns the ids of the runs that have an event which supersedes another one. */
export async function runsWithSuperseding(store: ReadableStore, size: number): Promise<ReadonlySet<string>> {
  const firsts: number[] = []
  for await (const seq of store.firstOfEach('superseding')) if (seq < size) firsts.push(seq)
  const runIds = new Set<string>()
  for (let at = 0; at < firsts.length; at += MAX_BATCH) {
    for (const { runId } of await readEventsAt(store, firsts.slice(at, at + MAX_BATCH))) {
      if (runId !== undefined) runIds.add(runId)
    }
  }
  return runIds
}

/** The ends of the runs of one id: mostly of one tenant. */
class RunEnds {
  readonly #part: LogPart
  readonly #superseded: Set<number>
  readonly #folds = new Map<string, RunRowFold>()
  /** By tenant and id: the position of an end. */
  readonly #seqs = new Map<string, number>()

  constructor(part: LogPart, superseded: Set<number>) {
    this.#part = part
    this.#superseded = superseded
  }

  add(runId: string, event: StoredEvent): void {
    const owned = ownedEvent(event, this.#part.identities)
    const { tenantId } = owned
    let fold = this.#folds.get(tenantId)
    if (!fold) {
      fold = RunRowFold.of({ runId }, event.seq, owned)
      this.#folds.set(tenantId, fold)
    }
    const given = fold.add(event.seq, owned)
    if (given !== undefined) {
      const seq = this.#seqs.get(keyOf(tenantId, given))
      if (seq !== undefined) this.#superseded.add(seq)
    }
    if (statusAfter(event.type) !== 'running') this.#seqs.set(keyOf(tenantId, owned.run?.id ?? ''), event.seq)
  }
}

function keyOf(tenantId: string, id: string): string {
  return JSON.stringify([tenantId, id])
}
