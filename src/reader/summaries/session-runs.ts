import { statusAfter } from '../../events/run-status.js'
import type { StoredEvent } from '../../events/types.js'
import type { ReadableStore } from '../../store/readable.js'
import type { RunKey, RunRow } from '../../store/runs/run-row.js'
import { NO_IDENTITIES } from '../query/identities.js'
import { PostingsIterator, seek } from '../query/position-iterators.js'
import { readEventsAt } from '../query/read-stored.js'
import { keptRows } from './run-rows.js'

/** Entries that are read at a time. */
const READ_AT_ONCE = 4

/** The part of a run of which it is not known yet whether the run started, ended or was resumed in it. */
interface RunPart {
  readonly key: RunKey
  readonly seqs: readonly number[]
}

/**
 * Counts the runs that started, ended or were resumed at these positions. One entry of each run is read, its first one mostly: the
 * index tells which others are of the run. Where that entry is no start, the run's row tells.
 *
 * @param seqs - of one tenant, ascending, in a log that tells late of no run whose it is
 * @param known - events at some of them
 */
export async function countRunsAt(
  store: ReadableStore,
  size: number,
  seqs: readonly number[],
  known: readonly StoredEvent[],
): Promise<number> {
  const left = new Set(seqs)
  const runs = new Map<string, RunPart | undefined>()
  for (let events = known; left.size > 0; events = await readEventsAt(store, [...left].slice(0, READ_AT_ONCE))) {
    for (const event of events) {
      left.delete(event.seq)
      const { tenantId, runId } = event
      if (runId === undefined || (runs.has(runId) && runs.get(runId) === undefined)) continue
      const ofRun = runs.get(runId)?.seqs ?? (await seqsOfRun(store, runId, seqs))
      for (const seq of ofRun) left.delete(seq)
      runs.set(runId, statusAfter(event.type) ? undefined : { key: { tenantId, runId }, seqs: ofRun })
    }
  }
  const unsure = [...runs.values()].filter((part) => part !== undefined)
  return runs.size - unsure.length + (await countUnsure(store, size, unsure))
}

async function countUnsure(store: ReadableStore, size: number, parts: readonly RunPart[]): Promise<number> {
  const rows = await keptRows(
    store,
    { size, identities: NO_IDENTITIES },
    parts.map(({ key }) => key),
  )
  let count = 0
  for (const [at, { seqs }] of parts.entries()) {
    const told = isToldBy(rows[at], seqs)
    if (told ?? (await readEventsAt(store, seqs)).some(({ type }) => statusAfter(type))) count++
  }
  return count
}

/** Those of the positions at which an event of a run stands. */
async function seqsOfRun(store: ReadableStore, runId: string, seqs: readonly number[]): Promise<readonly number[]> {
  const walk = { from: seqs[0] as number, to: (seqs.at(-1) as number) + 1, reverse: false }
  const iterator = new PostingsIterator(store.postings('run', [runId], walk), false)
  try {
    const found: number[] = []
    for (const seq of seqs) {
      const next = await seek(iterator, seq)
      if (next === seq) found.push(seq)
      else if (next === Infinity) break
    }
    return found
  } finally {
    await iterator.close()
  }
}

/**
 * Tells from the row of a run whether it started, ended or was resumed at one of these positions; `undefined` where the row
 * cannot tell.
 */
function isToldBy(row: RunRow | undefined, seqs: readonly number[]): boolean | undefined {
  if (!row) return undefined
  const { overview, firstSeqs } = row
  for (const first of firstSeqs.values()) if (seqs.includes(first)) return true
  // What comes again may lie here, and the first of it elsewhere.
  return firstSeqs.size === 0 || overview.eventCount === seqs.length ? false : undefined
}
