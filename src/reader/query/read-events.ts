import { AuditLogError } from '../../events/errors.js'
import type { StoredEvent } from '../../events/types.js'
import type { StoredEntry } from '../../store/contract.js'
import type { ReadableStore } from '../../store/readable.js'
import { eventOfEntry, NoEvent } from './event-of-entry.js'
import { type EventFilter, Plan } from './plan.js'

/** Entries of the first read: few, because the consumer may want no more. */
const FIRST_BATCH = 16
/** Entries of one read at most: what they hold in memory is bounded by it, at 64 KiB an entry. */
export const MAX_BATCH = 256
const BATCH_GROWTH = 4

/**
 * Reads the events among the first `size` that a filter lets through, in batches that grow as the consumer goes on.
 *
 * @param firstBatch - how many entries to read at first, when there is no limit; up to {@link MAX_BATCH}
 * @throws AuditLogError `AUDIT_LOG_CORRUPT` at an entry that is missing or is no JSON object
 */
export async function* readEvents(
  store: ReadableStore,
  size: number,
  filter: EventFilter,
  firstBatch: number = FIRST_BATCH,
): AsyncGenerator<readonly StoredEvent[]> {
  yield* readPassing(store, size, filter, firstBatch, (event) => event)
}

/**
 * Reads the stored bytes of the events among the first `size` that a filter lets through. Where no filter has to look
 * into them, neither does this.
 *
 * @throws AuditLogError `AUDIT_LOG_CORRUPT` at an entry that is missing or, where a filter looks, is no JSON object
 */
export async function* readEntries(
  store: ReadableStore,
  size: number,
  filter: EventFilter,
): AsyncGenerator<readonly StoredEntry[]> {
  const plan = new Plan(filter, size)
  if (plan.isEmpty) return
  if (plan.isScan && !plan.hasWindow) yield* scan(store, plan, filter.limit ?? Infinity, MAX_BATCH)
  else yield* readPassing(store, size, filter, FIRST_BATCH, ({ seq }, bytes) => ({ seq, bytes }))
}

async function* readPassing<T>(
  store: ReadableStore,
  size: number,
  filter: EventFilter,
  firstBatch: number,
  found: (event: StoredEvent, bytes: Uint8Array) => T,
): AsyncGenerator<readonly T[]> {
  const plan = new Plan(filter, size)
  if (plan.isEmpty) return
  const { limit = Infinity } = filter
  const first = Math.min(limit < Infinity ? limit : firstBatch, MAX_BATCH)
  let left = limit
  for await (const entries of plan.isScan ? scan(store, plan, limit, first) : lookUp(store, plan, limit, first)) {
    const passing: T[] = []
    for (const { seq, bytes } of entries) {
      if (!bytes) throw missing(store, seq)
      if (plan.rulesOut(bytes)) continue
      const event = decodeEvent(store, seq, bytes)
      if (!plan.admits(event)) continue
      passing.push(found(event, bytes))
      if (--left === 0) break
    }
    if (passing.length > 0) yield passing
    if (left === 0) return
  }
}

/** Counts the events among the first `size` that a filter lets through, without reading them where the indexes tell. */
export async function countEvents(store: ReadableStore, size: number, filter: EventFilter): Promise<number> {
  const plan = new Plan(filter, size)
  if (plan.isEmpty) return 0
  const { limit = Infinity } = filter
  const told = await plan.countOfOneLookup(store, limit)
  if (told !== undefined) return told
  let counted = 0
  if (plan.isScan) {
    for await (const events of readEvents(store, size, filter)) counted += events.length
    return counted
  }
  const join = plan.join(store)
  try {
    while (counted < limit) {
      const seqs = await join.take(MAX_BATCH)
      const unsure = plan.hasWindow ? seqs : join.unsure
      const passing = (await readEventsAt(store, unsure)).filter((event) => plan.admits(event))
      counted += seqs.length - unsure.length + passing.length
      if (seqs.length < MAX_BATCH) break
    }
    return Math.min(counted, limit)
  } finally {
    await join.close()
  }
}

/** Reads the event at a position below the store's size. */
export async function readEvent(store: ReadableStore, seq: number): Promise<StoredEvent> {
  return decodeEvent(store, seq, await readEntry(store, seq))
}

/** Reads the stored bytes at a position below the store's size. */
export async function readEntry(store: ReadableStore, seq: number): Promise<Uint8Array> {
  const [bytes] = await store.read([seq])
  if (!bytes) throw missing(store, seq)
  return bytes
}

/** Reads the first of the events, or the last when `reverse`, that a filter lets through. */
export async function readFirst(
  store: ReadableStore,
  size: number,
  filter: EventFilter,
): Promise<StoredEvent | undefined> {
  for await (const [event] of readEvents(store, size, { ...filter, limit: 1 })) return event
  return undefined
}

/** Reads the entries at these positions, in this order. */
export async function readEventsAt(store: ReadableStore, seqs: readonly number[]): Promise<readonly StoredEvent[]> {
  const entries = await store.read(seqs)
  return seqs.map((seq, at) => decodeEvent(store, seq, entries[at]))
}

/** Entries in a row. */
async function* scan(
  store: ReadableStore,
  plan: Plan,
  limit: number,
  first: number,
): AsyncGenerator<readonly StoredEntry[]> {
  const { reverse } = plan.walk
  let batch = first
  let left = plan.hasWindow ? Infinity : limit
  for await (const span of plan.spans(store)) {
    let { from, to } = span
    while (from < to) {
      const length = Math.min(batch, left, to - from)
      const walk = reverse ? { from: to - length, to, reverse } : { from, to: from + length, reverse }
      yield* inARow(store, walk)
      if (reverse) to -= length
      else from += length
      left -= length
      if (left === 0) return
      batch *= BATCH_GROWTH
    }
  }
}

/** Makes sure that the engine leaves out none: a gap in a log is evidence of damage. */
async function* inARow(store: ReadableStore, walk: Plan['walk']): AsyncGenerator<readonly StoredEntry[]> {
  const step = walk.reverse ? -1 : 1
  let expected = walk.reverse ? walk.to - 1 : walk.from
  for await (const entries of store.entries(walk)) {
    for (const { seq } of entries) {
      if (seq !== expected) throw missing(store, expected)
      expected += step
    }
    yield entries
  }
  if (expected !== (walk.reverse ? walk.from - 1 : walk.to)) throw missing(store, expected)
}

/** The entries that the indexes point to. */
async function* lookUp(
  store: ReadableStore,
  plan: Plan,
  limit: number,
  first: number,
): AsyncGenerator<readonly { readonly seq: number; readonly bytes: Uint8Array | undefined }[]> {
  const join = plan.join(store)
  try {
    let batch = first
    let left = plan.hasWindow ? Infinity : limit
    while (left > 0) {
      const wanted = Math.min(batch, left)
      const seqs = await join.take(wanted)
      if (seqs.length > 0) {
        const entries = await store.read(seqs)
        yield seqs.map((seq, at) => ({ seq, bytes: entries[at] }))
      }
      if (seqs.length < wanted) return
      left -= wanted - join.unsure.length
      batch = Math.min(batch * BATCH_GROWTH, MAX_BATCH)
    }
  } finally {
    await join.close()
  }
}

function decodeEvent(store: ReadableStore, seq: number, bytes: Uint8Array | undefined): StoredEvent {
  if (!bytes) throw missing(store, seq)
  try {
    return eventOfEntry(seq, bytes)
  } catch (error) {
    throw error instanceof NoEvent ? corrupt(store, seq, error.message, error.cause) : error
  }
}

function missing(store: ReadableStore, seq: number): AuditLogError {
  return corrupt(store, seq, 'is missing')
}

function corrupt(store: ReadableStore, seq: number, what: string, cause?: unknown): AuditLogError {
  const message = `The audit log ${store.location} is corrupt: entry ${seq} ${what}; keep the log as evidence and restore a copy`
  return new AuditLogError('AUDIT_LOG_CORRUPT', message, cause === undefined ? undefined : { cause })
}
