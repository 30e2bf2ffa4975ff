import type { StoredEvent } from '../../events/types.js'
import type { ReadableStore } from '../../store/readable.js'
import type { ParsedSessionQuery } from '../query/parse-query.js'
import { walkFrom } from '../query/plan.js'
import { readEvents, readEventsAt } from '../query/read-events.js'
import type { Span } from '../query/results.js'

/** How many events are looked at one by one: so long it takes less than going through the index of all sessions. */
const WALKED_EVENTS = 16_384
const LOOKED_UP_AT_ONCE = 16
const BATCH = 64

/**
 * The first event of each session, in walking order. Whoever wants a few sessions mostly finds them among the events
 * near where the walk begins. After these the index of all sessions is gone through, which keeps a number for each.
 */
export async function* sessionStarts(
  store: ReadableStore,
  { tenantId, order }: ParsedSessionQuery,
  { size, after }: Omit<Span, 'limit'>,
): AsyncGenerator<readonly StoredEvent[]> {
  const filter = { ...(tenantId !== undefined && { tenantId }), ...walkFrom(order, after), limit: WALKED_EVENTS }
  const firstSeqs = new Map<string, number>()
  let walked = 0
  let reached = after
  for await (const events of readEvents(store, size, filter)) {
    await lookUp(store, size, events, firstSeqs)
    const starts = events.filter((event) => firstSeqs.get(keyOf(event)) === event.seq)
    if (starts.length > 0) yield starts
    walked += events.length
    reached = events.at(-1)?.seq ?? reached
  }
  if (walked === WALKED_EVENTS) yield* startsInIndex(store, { tenantId, order }, { size, after: reached })
}

/** Adds the first positions of those sessions that are not known yet. */
async function lookUp(
  store: ReadableStore,
  size: number,
  events: readonly StoredEvent[],
  firstSeqs: Map<string, number>,
): Promise<void> {
  const unknown = new Map<string, StoredEvent>()
  for (const event of events) if (!firstSeqs.has(keyOf(event))) unknown.set(keyOf(event), event)
  const sessions = [...unknown]
  for (let at = 0; at < sessions.length; at += LOOKED_UP_AT_ONCE) {
    const found = sessions.slice(at, at + LOOKED_UP_AT_ONCE).map(async ([key, { sessionId, tenantId, seq }]) => {
      const cursor = store.postings('session', [sessionId, tenantId], { from: 0, to: size, reverse: false })
      try {
        firstSeqs.set(key, (await cursor.next())?.[0] ?? seq)
      } finally {
        await cursor.close()
      }
    })
    await Promise.all(found)
  }
}

async function* startsInIndex(
  store: ReadableStore,
  { tenantId, order }: { readonly tenantId: string | undefined; readonly order: 'asc' | 'desc' | undefined },
  { size, after }: Omit<Span, 'limit'>,
): AsyncGenerator<readonly StoredEvent[]> {
  const isAhead = order === 'desc' ? (seq: number) => seq < (after ?? size) : (seq: number) => seq > (after ?? -1)
  const firsts: number[] = []
  for await (const seq of store.firstOfEach('session')) if (seq < size && isAhead(seq)) firsts.push(seq)
  firsts.sort(order === 'desc' ? (a, b) => b - a : (a, b) => a - b)
  for (let at = 0; at < firsts.length; at += BATCH) {
    const events = await readEventsAt(store, firsts.slice(at, at + BATCH))
    yield tenantId === undefined ? events : events.filter((event) => event.tenantId === tenantId)
  }
}

function keyOf({ sessionId, tenantId }: StoredEvent): string {
  return JSON.stringify([sessionId, tenantId])
}
