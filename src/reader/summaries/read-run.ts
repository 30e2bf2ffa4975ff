import type { SeqCursor, StoredEntry, Walk } from '../../store/contract.js'
import type { ReadableStore } from '../../store/readable.js'
import { restoreDiagnostics } from '../content/restorers.js'
import { assertRemoved, decodeEvent, readStored } from '../query/read-stored.js'
import { isParsed, type RunEvent, skimEvent } from './skimmed-event.js'

/** Positions that are looked up at a time. */
const POSITIONS_AT_ONCE = 4096
/**
 * Entries that are read by their positions at a time: what they hold in memory is bounded by it, at 64 KiB an entry. Two
 * such reads are held at a time.
 */
const ENTRIES_AT_ONCE = 256
/** The entries of positions that are at least so dense are read in a row: 1 for each that is of no use. */
const DENSE = 0.5

/**
 * Reads the events of all runs of an id, in batches in walking order, the next batch while the one before is looked at.
 * Each event is parsed as far as it is asked for, see `skimEvent`.
 *
 * @throws AuditLogError `AUDIT_LOG_CORRUPT` at an entry that is missing or, where it is parsed, is no JSON object
 */
export async function* readRunEvents(
  store: ReadableStore,
  runId: string,
  walk: Walk,
): AsyncGenerator<readonly RunEvent[]> {
  const parse = (seq: number, bytes: Uint8Array) => decodeEvent(store, seq, bytes)
  for await (const entries of readAhead(entriesOfRun(store, runId, walk))) {
    const events: RunEvent[] = []
    for (const { seq, bytes } of entries) {
      const event = skimEvent(seq, bytes, parse) ?? decodeEvent(store, seq, bytes)
      if (event.runId === runId) events.push(event)
    }
    if (events.length === 0) continue
    await restoreDiagnostics(store, events.filter(isParsed))
    yield events
  }
}

/** Gives what a source gives, and asks it for the next item while the consumer has the one before. */
async function* readAhead<T>(source: AsyncGenerator<T>): AsyncGenerator<T> {
  let asked: Promise<IteratorResult<T>> | undefined
  const ask = () => {
    asked = source.next()
    // Whoever awaits it learns of a failure; nobody does when the consumer leaves.
    asked.catch(() => undefined)
    return asked
  }
  try {
    for (let found = await ask(); !found.done; ) {
      const next = ask()
      yield found.value
      found = await next
    }
  } finally {
    await source.return(undefined)
  }
}

async function* entriesOfRun(store: ReadableStore, runId: string, walk: Walk): AsyncGenerator<readonly StoredEntry[]> {
  const cursor = store.postings('run', [runId], walk)
  try {
    for (let seqs = await take(cursor); seqs.length > 0; seqs = await take(cursor)) {
      const first = seqs[0] as number
      const last = seqs.at(-1) as number
      const span = Math.abs(last - first) + 1
      if (seqs.length >= DENSE * span && seqs.length > ENTRIES_AT_ONCE) {
        yield* scan(store, seqs, { from: Math.min(first, last), to: Math.max(first, last) + 1, reverse: walk.reverse })
        continue
      }
      for (let at = 0; at < seqs.length; at += ENTRIES_AT_ONCE) {
        yield await readStored(store, seqs.slice(at, at + ENTRIES_AT_ONCE))
      }
    }
  } finally {
    await cursor.close()
  }
}

/** The next positions, about {@link POSITIONS_AT_ONCE} unless the cursor ends before. */
async function take(cursor: SeqCursor): Promise<readonly number[]> {
  const taken: number[] = []
  while (taken.length < POSITIONS_AT_ONCE) {
    const chunk = await cursor.next()
    if (!chunk) break
    for (const seq of chunk) taken.push(seq)
  }
  return taken
}

/** The entries at these positions, which are dense in the walk. */
async function* scan(
  store: ReadableStore,
  seqs: readonly number[],
  walk: Walk,
): AsyncGenerator<readonly StoredEntry[]> {
  let at = 0
  for await (const entries of store.entries(walk)) {
    const found: StoredEntry[] = []
    for (const entry of entries) {
      for (let seq = seqs[at]; seq !== undefined && isBehind(seq, entry.seq, walk); seq = seqs[++at]) {
        assertRemoved(store, seq)
      }
      if (entry.seq !== seqs[at]) continue
      found.push(entry)
      at++
    }
    if (found.length > 0) yield found
  }
  for (const seq of seqs.slice(at)) assertRemoved(store, seq)
}

function isBehind(seq: number, other: number, { reverse }: Walk): boolean {
  return reverse ? seq > other : seq < other
}
