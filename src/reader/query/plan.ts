import type { Timestamp } from '../../events/time.js'
import { toolNameOf } from '../../events/tool-name.js'
import type { StoredEvent } from '../../events/types.js'
import type { IndexName, SeqRange, Walk } from '../../store/contract.js'
import type { ReadableStore } from '../../store/readable.js'
import { timeRanges } from '../../store/time-blocks.js'
import { timeOfEntry } from './entry-time.js'
import { type Identities, NO_IDENTITIES } from './identities.js'
import { Join } from './join.js'
import { type PositionIterator, PostingsIterator, RangesIterator, UnionIterator } from './position-iterators.js'
import { type ActorFilter, isOfActor } from './pseudonyms.js'

/** The events to read, with every value in its stored form. All filters that are given must hold. */
export interface EventFilter extends ActorFilter {
  readonly tenantId?: string
  readonly sessionId?: string
  readonly runId?: string
  readonly parentRunId?: string
  readonly agent?: string
  readonly tool?: string
  readonly types?: readonly string[]
  readonly since?: Timestamp
  readonly until?: Timestamp
  readonly afterSeq?: number
  readonly beforeSeq?: number
  readonly reverse?: boolean
  readonly limit?: number
}

/** Tells whether a filter asks whose an event is. */
export function asksForOwner({ tenantId, sessionId }: EventFilter): boolean {
  return tenantId !== undefined || sessionId !== undefined
}

/** The part of a filter that begins a walk, or goes on with one after a position. */
export function walkFrom(
  order: 'asc' | 'desc' | undefined,
  after: number | undefined,
): Pick<EventFilter, 'reverse' | 'afterSeq' | 'beforeSeq'> {
  const reverse = order === 'desc'
  if (after === undefined) return { reverse }
  return reverse ? { reverse, beforeSeq: after } : { reverse, afterSeq: after }
}

/** A value of an index. */
interface IndexValue {
  readonly index: IndexName
  readonly value: readonly string[]
}

/** A question to an index: the positions filed under any of the values. */
type Lookup = readonly IndexValue[]

/** The most runs of which the events are looked up one by one, where they are filed under another tenant. */
const MAX_RUNS = 64

/** The way to find what a filter lets through: built once for a query, and used for each walk over a part of the log. */
export class Plan {
  readonly filter: EventFilter
  readonly #identities: Identities
  readonly #lookups: readonly Lookup[]
  /** Tells whether an event may count as that of another tenant, or session, than the one that is filed with it. */
  readonly isOwnerAsked: boolean

  /** @param identities - whose runs are, as of the end of each walk */
  constructor(filter: EventFilter, identities: Identities = NO_IDENTITIES) {
    const { tenantId, sessionId } = filter
    this.filter = filter
    this.isOwnerAsked =
      (sessionId !== undefined && !identities.isEmpty) || (tenantId !== undefined && identities.moves(tenantId))
    this.#identities = this.isOwnerAsked ? identities : NO_IDENTITIES
    this.#lookups = lookupsOf(filter, this.#identities)
  }

  /** Returns the plan for a log in which the runs are these tenants' and sessions'. */
  under(identities: Identities): Plan {
    return identities.isEmpty ? this : new Plan(this.filter, identities)
  }

  /** Tells whether the filter asks whose an event is. */
  get asksForOwner(): boolean {
    return asksForOwner(this.filter)
  }

  /** Most events to find. */
  get limit(): number {
    return this.filter.limit ?? Infinity
  }

  /** Returns the walk over the first `size` entries; in walking order, only what comes after a position if one is given. */
  walk(size: number, after?: number): Walk {
    const { afterSeq = -1, beforeSeq = size, reverse = false } = this.filter
    return {
      from: (reverse ? afterSeq : (after ?? afterSeq)) + 1,
      to: Math.min((reverse ? after : undefined) ?? beforeSeq, size),
      reverse,
    }
  }

  /** Tells whether no index narrows the walk: its entries, or those of {@link spans}, are read in a row. */
  get isScan(): boolean {
    return this.#lookups.length === 0
  }

  /** Tells whether a time window narrows the walk: the index of times is none of single positions. */
  get hasWindow(): boolean {
    return this.filter.since !== undefined || this.filter.until !== undefined
  }

  /** Tells whether only the events themselves can say which of them pass. */
  get isUnsure(): boolean {
    return this.hasWindow || this.isOwnerAsked
  }

  /** Tells whether the bytes of an entry show already that it is not of the time window. */
  rulesOut(bytes: Uint8Array): boolean {
    const { since, until } = this.filter
    if (since === undefined && until === undefined) return false
    const time = timeOfEntry(bytes)
    if (time === undefined) return false
    return (since !== undefined && time < since) || (until !== undefined && time >= until)
  }

  /** Tells whether an event of the walk passes the filter. */
  admits(event: StoredEvent): boolean {
    const { tenantId, sessionId, runId, parentRunId, agent, tool, types, since, until } = this.filter
    const owner = this.#identities.ownerOf(event)
    return (
      (runId === undefined || event.runId === runId) &&
      (parentRunId === undefined || event.parentRunId === parentRunId) &&
      (sessionId === undefined || owner.sessionId === sessionId) &&
      (tenantId === undefined || owner.tenantId === tenantId) &&
      (agent === undefined || event.agent?.id === agent || event.agent?.name === agent) &&
      isOfActor(event.actor?.id, this.filter) &&
      (tool === undefined || toolNameOf(event.type, event.data) === tool) &&
      (types === undefined || types.includes(event.type)) &&
      (since === undefined || event.time >= since) &&
      (until === undefined || event.time < until)
    )
  }

  /** The parts of the walk that may hold events of the time window, in walking order. */
  spans(store: ReadableStore, walk: Walk): AsyncIterable<SeqRange> | readonly SeqRange[] {
    return this.hasWindow ? this.#timeRanges(store, walk) : [walk]
  }

  /** Joins the lookups. Where the join is unsure, and in a time window, the events have to be asked too. */
  join(store: ReadableStore, walk: Walk): Join {
    const iterators = this.#lookups.map((lookup) => iteratorOf(store, walk, lookup))
    if (this.hasWindow) iterators.push(new RangesIterator(this.#timeRanges(store, walk), walk.reverse))
    return new Join(iterators, walk)
  }

  /** Returns the positions that the one lookup of the plan finds. */
  iterator(store: ReadableStore, walk: Walk): PositionIterator | undefined {
    const [lookup] = this.#lookups
    return lookup && iteratorOf(store, walk, lookup)
  }

  /**
   * Counts the positions that pass, no further than `limit`, where a single lookup tells.
   *
   * @returns `undefined` where it does not
   */
  countOfOneLookup(store: ReadableStore, walk: Walk): Promise<number> | undefined {
    const [lookup] = this.#lookups
    return lookup && this.#lookups.length === 1 && !this.isUnsure ? this.#count(store, walk, lookup) : undefined
  }

  async #count(store: ReadableStore, walk: Walk, lookup: Lookup): Promise<number> {
    const { limit } = this
    let counted = 0
    for (const { index, value } of lookup) {
      const left = Number.isFinite(limit) ? limit - counted : undefined
      if (left === 0) break
      counted += await store.countPostings(index, value, walk, left)
    }
    return counted
  }

  #timeRanges(store: ReadableStore, walk: Walk): AsyncIterable<SeqRange> {
    return timeRanges(store, this.filter.since, this.filter.until, walk)
  }
}

function iteratorOf(store: ReadableStore, walk: Walk, lookup: Lookup): PositionIterator {
  const cursors = lookup.map(
    ({ index, value }) => new PostingsIterator(store.postings(index, value, walk), walk.reverse),
  )
  const [only, ...more] = cursors
  return only && more.length === 0 ? only : new UnionIterator(cursors, walk.reverse)
}

function lookupsOf(filter: EventFilter, identities: Identities): Lookup[] {
  const { tenantId, sessionId, runId, parentRunId, agent, actorId, pseudonyms = [], tool, types } = filter
  const lookups: Lookup[] = []
  if (runId !== undefined) lookups.push([{ index: 'run', value: [runId] }])
  if (parentRunId !== undefined) lookups.push([{ index: 'parent', value: [parentRunId] }])
  if (sessionId !== undefined) lookups.push(sessionLookup(sessionId, tenantId, identities))
  if (agent !== undefined) lookups.push([{ index: 'agent', value: [agent] }])
  if (actorId !== undefined) lookups.push(actorLookup(actorId, pseudonyms))
  if (tool !== undefined) lookups.push([{ index: 'tool', value: [tool] }])
  if (types) lookups.push(types.map((type) => ({ index: 'type', value: [type] })))
  if (tenantId !== undefined && sessionId === undefined) lookups.push(tenantLookup(tenantId, identities))
  return lookups
}

function actorLookup(actorId: string, pseudonyms: readonly string[]): Lookup {
  return [...new Set([actorId, ...pseudonyms])].map((id) => ({ index: 'actor', value: [id] }))
}

/** All events of a session, and of the runs that were identified as its own, are looked at: each tells whose it is. */
function sessionLookup(sessionId: string, tenantId: string | undefined, identities: Identities): Lookup {
  const isOfOneTenant = tenantId !== undefined && !identities.moves(tenantId)
  return [
    { index: 'session', value: isOfOneTenant ? [sessionId, tenantId] : [sessionId] },
    ...runValues(identities.intoSession(sessionId)),
  ]
}

/** A bound: of a tenant with more late runs, all events of the tenants are looked at under which they were filed. */
function tenantLookup(tenantId: string, identities: Identities): Lookup {
  const { runIds, tenants } = identities.into(tenantId)
  const tenantValue = (id: string): IndexValue => ({ index: 'tenant', value: [id] })
  const others = runIds.length <= MAX_RUNS ? runValues(runIds) : tenants.map(tenantValue)
  return [tenantValue(tenantId), ...others]
}

function runValues(runIds: readonly string[]): readonly IndexValue[] {
  return runIds.map((runId) => ({ index: 'run', value: [runId] }))
}
