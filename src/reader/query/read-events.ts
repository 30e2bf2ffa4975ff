import type { StoredEvent } from '../../events/types.js'
import type { StoredEntry, Walk } from '../../store/contract.js'
import type { ReadableStore } from '../../store/readable.js'
import { identitiesOf } from './identities.js'
import { type EventFilter, Plan } from './plan.js'
import { withPseudonyms } from './pseudonyms.js'
import { decodeEvent, missingEntry, readEventsAt, readStored } from './read-stored.js'
import type { Span } from './results.js'

/** Entries of the first read: few, because the consumer may want no more. */
const FIRST_BATCH = 16
/** Entries of one read at most: what they hold in memory is bounded by it, at 64 KiB an entry. */
export const MAX_BATCH = 256
const BATCH_GROWTH = 4

/** A part of the log in which a plan finds events. */
interface Search {
  readonly plan: Plan
  readonly walk: Walk
  /** The most events to find. */
  readonly limit: number
  /** Entries of the first read, where there is no limit. */
  readonly firstBatch: number
}

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
  const plan = await planFor(store, new Plan(filter), { size })
  yield* readPassing(store, { plan, walk: plan.walk(size), limit: plan.limit, firstBatch }, eventOf)
}

/** Reads the events of a part of the log that a plan finds, as {@link readEvents} does. */
export async function* readPlanned(
  store: ReadableStore,
  plan: Plan,
  span: Span,
): AsyncGenerator<readonly StoredEvent[]> {
  yield* readPassing(store, searchOf(await planFor(store, plan, span), span), eventOf)
}

/**
 * Reads the stored bytes of the events of a part of the log that a plan finds. Where no filter has to look into them, neither
 * does this.
 *
 * @throws AuditLogError `AUDIT_LOG_CORRUPT` at an entry that is missing or, where a filter looks, is no JSON object
 */
export async function* readEntries(
  store: ReadableStore,
  plan: Plan,
  span: Span,
): AsyncGenerator<readonly StoredEntry[]> {
  const search = searchOf(await planFor(store, plan, span), span)
  if (search.plan.isScan && !search.plan.isUnsure) yield* scan(store, search, MAX_BATCH)
  else yield* readPassing(store, search, ({ seq }, bytes) => ({ seq, bytes }))
}

/** Returns a plan for the log as it is at the end of a walk: only who asks for a tenant or a session needs to know whose runs are. */
async function planFor(store: ReadableStore, plan: Plan, { size }: Pick<Span, 'size'>): Promise<Plan> {
  const named = await namedPlan(store, plan, size)
  return named.asksForOwner ? named.under(await identitiesOf(store, size)) : named
}

/** Returns a plan that knows the pseudonyms of the actor who is asked for, as far as this reader can know them. */
export async function namedPlan(store: ReadableStore, plan: Plan, size: number): Promise<Plan> {
  const filter = await withPseudonyms(store, size, plan.filter)
  return filter === plan.filter ? plan : new Plan(filter)
}

function searchOf(plan: Plan, { size, after, limit }: Span): Search {
  return { plan, walk: plan.walk(size, after), limit, firstBatch: FIRST_BATCH }
}

function eventOf(event: StoredEvent): StoredEvent {
  return event
}

async function* readPassing<T>(
  store: ReadableStore,
  search: Search,
  found: (event: StoredEvent, bytes: Uint8Array) => T,
): AsyncGenerator<readonly T[]> {
  const { plan, limit, firstBatch } = search
  const first = Math.min(limit < Infinity ? limit : firstBatch, MAX_BATCH)
  let left = limit
  for await (const entries of plan.isScan ? scan(store, search, first) : readIndexed(store, search, first)) {
    const passing: T[] = []
    for (const { seq, bytes } of entries) {
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

/** Counts the events among the first `size` that a filter lets through, without reading them where the indexes answer. */
export async function countEvents(store: ReadableStore, size: number, filter: EventFilter): Promise<number> {
  return await countPlanned(store, new Plan(filter), size)
}

/** Counts the events among the first `size` that a plan finds, as {@link countEvents} does. */
export async function countPlanned(store: ReadableStore, planned: Plan, size: number): Promise<number> {
  const plan = await planFor(store, planned, { size })
  const walk = plan.walk(size)
  const { limit } = plan
  if (walk.from >= walk.to) return 0
  if (plan.isScan) {
    const isKnown = !plan.hasWindow && !store.removedEntries
    return isKnown ? Math.min(walk.to - walk.from, limit) : await countEntries(store, plan, size)
  }
  const counting = plan.countOfOneLookup(store, walk)
  if (counting) return await counting
  let counted = 0
  const join = plan.join(store, walk)
  try {
    while (counted < limit) {
      const seqs = await join.take(MAX_BATCH)
      const unsure = plan.isUnsure ? seqs : join.unsure
      const passing = (await readEventsAt(store, unsure)).filter((event) => plan.admits(event))
      counted += seqs.length - unsure.length + passing.length
      if (seqs.length < MAX_BATCH) break
    }
    return Math.min(counted, limit)
  } finally {
    await join.close()
  }
}

async function countEntries(store: ReadableStore, plan: Plan, size: number): Promise<number> {
  let counted = 0
  for await (const entries of readEntries(store, plan, { size, limit: plan.limit })) counted += entries.length
  return counted
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

/** Entries in a row. */
async function* scan(
  store: ReadableStore,
  { plan, walk, limit }: Search,
  first: number,
): AsyncGenerator<readonly StoredEntry[]> {
  if (walk.from >= walk.to) return
  const { reverse } = walk
  let batch = first
  let left = plan.hasWindow ? Infinity : limit
  // Of entries that may be outside of the window, no more are read than the last batch asks for.
  const longest = plan.hasWindow && limit < Infinity ? MAX_BATCH : Infinity
  for await (const span of plan.spans(store, walk)) {
    let { from, to } = span
    while (from < to) {
      const length = Math.min(batch, left, to - from)
      const walk = reverse ? { from: to - length, to, reverse } : { from, to: from + length, reverse }
      for await (const entries of inARow(store, walk)) {
        left -= entries.length
        yield entries
      }
      if (left === 0) return
      if (reverse) to -= length
      else from += length
      batch = Math.min(batch * BATCH_GROWTH, longest)
    }
  }
}

/** Makes sure that the engine leaves out none but those that were removed: any other gap in a log is evidence of damage. */
async function* inARow(store: ReadableStore, walk: Walk): AsyncGenerator<readonly StoredEntry[]> {
  const step = walk.reverse ? -1 : 1
  let expected = walk.reverse ? walk.to - 1 : walk.from
  for await (const entries of store.entries(walk)) {
    for (const { seq } of entries) {
      if (seq !== expected && !store.removedEntries) throw missingEntry(store, expected)
      expected = seq + step
    }
    yield entries
  }
  if (expected === (walk.reverse ? walk.from - 1 : walk.to) || store.removedEntries) return
  throw missingEntry(store, expected)
}

/** The entries that the indexes point to. */
async function* readIndexed(
  store: ReadableStore,
  { plan, walk, limit }: Search,
  first: number,
): AsyncGenerator<readonly StoredEntry[]> {
  if (walk.from >= walk.to) return
  const join = plan.join(store, walk)
  try {
    let batch = first
    let left = plan.isUnsure ? Infinity : limit
    while (left > 0) {
      const wanted = Math.min(batch, left)
      const seqs = await join.take(wanted)
      if (seqs.length > 0) yield await readStored(store, seqs)
      if (seqs.length < wanted) return
      left -= wanted - join.unsure.length
      batch = Math.min(batch * BATCH_GROWTH, MAX_BATCH)
    }
  } finally {
    await join.close()
  }
}
