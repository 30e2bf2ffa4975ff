import type { StoredEvent } from '../../events/types.js'
import type { SeqCursor, Walk } from '../../store/contract.js'
import type { ReadableStore } from '../../store/readable.js'
import type { Owner } from '../query/identities.js'
import type { ParsedSessionQuery } from '../query/parse-query.js'
import { Plan, walkFrom } from '../query/plan.js'
import { PostingsIterator } from '../query/position-iterators.js'
import { readFirst } from '../query/read-events.js'
import { readEventsAt } from '../query/read-stored.js'
import { RemainingPositions } from '../query/remaining-positions.js'
import type { Span } from '../query/results.js'
import type { LogPart } from './run-rows.js'

/** Positions that are walked, and entries that are read: so long it takes less than going through the index of all sessions. */
const WALKED = 65_536
const READ = 4096
const READ_AT_ONCE = 16
/** Sessions whose further positions are left out, of those that are met: about as many as go on at a time. */
const EXCLUDING_SESSIONS = 256
const BATCH = 64
/** Events of a session whose positions are kept. */
const FEW = 256

/** A session, as its start is found. */
export interface SessionStart {
  /** Its id and its tenant. */
  readonly owner: Owner
  /** Its first event. */
  readonly first: StoredEvent
  /** The positions of all its events, ascending, where they are few and known. */
  readonly seqs?: readonly number[] | undefined
}

/**
 * The first event of each session, in walking order. Whoever wants a few sessions mostly finds them among the positions
 * near where the walk begins. Of each session there, one entry is read, and the index tells its other positions. After these the
 * index of all sessions is gone through, which keeps a number for each. It does not know of events that count as those of another
 * session or tenant: in a log that has some, the positions are walked to the end.
 */
export async function* sessionStarts(
  store: ReadableStore,
  { tenantId, order }: ParsedSessionQuery,
  part: LogPart,
  after: number | undefined,
): AsyncGenerator<readonly SessionStart[]> {
  const { size } = part
  const walk = new Plan(walkFrom(order, after)).walk(size)
  const sessions = new NearSessions(store, part, walk, tenantId)
  try {
    for (let starts = await sessions.next(); starts; starts = await sessions.next()) {
      if (starts.length > 0) yield starts
    }
  } finally {
    await sessions.close()
  }
  if (!sessions.isCut) return
  for await (const events of startsInIndex(store, { tenantId, order }, { size, after: sessions.reached })) {
    yield events.map((first) => ({ owner: first, first }))
  }
}

/** An event, and whose it is. */
interface OwnedBy {
  readonly event: StoredEvent
  readonly owner: Owner
}

interface KnownSession {
  /** Position of its first event. */
  readonly first: number
  /** The positions of all its events, ascending, where they are few. */
  readonly seqs: readonly number[] | undefined
}

/** The sessions that are met near where a walk begins. */
class NearSessions {
  readonly #store: ReadableStore
  readonly #part: LogPart
  readonly #walk: Walk
  readonly #tenantId: string | undefined
  readonly #seqs: RemainingPositions
  readonly #known = new Map<string, KnownSession>()
  #left: number

  constructor(store: ReadableStore, part: LogPart, walk: Walk, tenantId: string | undefined) {
    const { identities } = part
    this.#store = store
    this.#part = part
    this.#walk = walk
    this.#tenantId = tenantId
    this.#left = identities.isEmpty ? READ : Infinity
    const candidates = tenantId === undefined ? undefined : new Plan({ tenantId }, identities).iterator(store, walk)
    this.#seqs = new RemainingPositions(walk, { candidates, limit: identities.isEmpty ? WALKED : Infinity })
  }

  get isCut(): boolean {
    return this.#left <= 0 || this.#seqs.isCut
  }

  get reached(): number {
    return this.#seqs.reached
  }

  /** The sessions that begin among the next entries that are read; `undefined` at the end. */
  async next(): Promise<readonly SessionStart[] | undefined> {
    if (this.#left <= 0) return undefined
    const seqs = await this.#seqs.take(READ_AT_ONCE)
    if (seqs.length === 0) return undefined
    this.#left -= seqs.length
    const events = (await readEventsAt(this.#store, seqs)).map((event) => ({ event, owner: this.#ownerOf(event) }))
    const met = new Map<string, OwnedBy>()
    for (const one of events) {
      const key = keyOf(one.owner)
      if (this.#isWanted(one.owner) && !this.#known.has(key)) met.set(key, one)
    }
    await Promise.all([...met].map(async ([key, one]) => this.#known.set(key, await this.#meet(one))))
    return events.flatMap((one) => this.#startAt(one) ?? [])
  }

  close(): Promise<void> {
    return this.#seqs.close()
  }

  #ownerOf(event: StoredEvent): Owner {
    return this.#part.identities.ownerOf(event)
  }

  #isWanted({ tenantId }: Owner): boolean {
    return this.#tenantId === undefined || tenantId === this.#tenantId
  }

  /** The session that an event begins. */
  #startAt({ event, owner }: OwnedBy): SessionStart | undefined {
    const known = this.#known.get(keyOf(owner))
    if (known?.first !== event.seq) return undefined
    const { first, seqs } = known
    // It is told of once.
    this.#known.set(keyOf(owner), { first, seqs: undefined })
    return { owner, first: event, seqs }
  }

  /** Looks up a session, and leaves out what is ahead of it. */
  async #meet({ event: { seq }, owner }: OwnedBy): Promise<KnownSession> {
    const { reverse, to } = this.#walk
    const { size, identities } = this.#part
    const { sessionId, tenantId } = owner
    const postings = (walk: Walk) => this.#store.postings('session', [sessionId, tenantId], walk)
    const filed = await beginningOf(postings({ from: 0, to: size, reverse: false }))
    const { isAll } = filed
    const isFiled = identities.isEmpty
    const first = isFiled
      ? (filed.seqs[0] ?? seq)
      : ((await readFirst(this.#store, size, { sessionId, tenantId }))?.seq ?? seq)
    // Walked in reverse, the first event is still to be read.
    const ahead = reverse ? { from: first + 1, to: seq, reverse } : { from: seq + 1, to, reverse }
    const mayExclude = ahead.from < ahead.to && this.#seqs.exclusions < EXCLUDING_SESSIONS
    if (mayExclude && !identities.leaves(owner)) {
      await this.#seqs.exclude(new PostingsIterator(isAll ? cursorOver(filed.seqs, ahead) : postings(ahead), reverse))
    }
    return { first, seqs: isFiled && isAll ? filed.seqs : undefined }
  }
}

/** Takes the first positions of a cursor, and closes it. */
async function beginningOf(cursor: SeqCursor): Promise<{ readonly seqs: readonly number[]; readonly isAll: boolean }> {
  const seqs: number[] = []
  try {
    while (seqs.length <= FEW) {
      const chunk = await cursor.next()
      if (!chunk) return { seqs, isAll: true }
      for (const seq of chunk) seqs.push(seq)
    }
    return { seqs, isAll: false }
  } finally {
    await cursor.close()
  }
}

/** Walks positions that are at hand. */
function cursorOver(ascending: readonly number[], { from, to, reverse }: Walk): SeqCursor {
  const seqs = ascending.filter((seq) => seq >= from && seq < to)
  let left = seqs.length > 0 ? (reverse ? seqs.reverse() : seqs) : undefined
  return {
    async next() {
      const chunk = left
      left = undefined
      return chunk
    },
    async close() {},
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

function keyOf({ sessionId, tenantId }: Owner): string {
  return JSON.stringify([sessionId, tenantId])
}
