import type { Timestamp } from '../../events/time.js'
import { toolNameOf } from '../../events/tool-name.js'
import type { StoredEvent } from '../../events/types.js'
import type { IndexName, SeqRange, Walk } from '../../store/contract.js'
import type { ReadableStore } from '../../store/readable.js'
import { timeRanges } from '../../store/time-blocks.js'
import { timeOfEntry } from './entry-time.js'
import { Join } from './join.js'
import { CursorLeg, type Leg, RangesLeg, UnionLeg } from './legs.js'

/** Which events to read, with every value in its stored form. All that are given must hold. */
export interface EventFilter {
  readonly tenantId?: string
  readonly sessionId?: string
  readonly runId?: string
  readonly parentRunId?: string
  readonly agent?: string
  readonly actor?: string
  readonly tool?: string
  readonly types?: readonly string[]
  readonly since?: Timestamp
  readonly until?: Timestamp
  readonly afterSeq?: number
  readonly beforeSeq?: number
  readonly reverse?: boolean
  readonly limit?: number
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

/** What an index has to be asked: positions filed under any of the values. No position is under two of them. */
interface Lookup {
  readonly index: IndexName
  readonly values: readonly (readonly string[])[]
}

/** The way to find what a filter lets through: built once for a query, and used for each walk over a part of the log. */
export class Plan {
  readonly #filter: EventFilter
  readonly #lookups: readonly Lookup[]

  constructor(filter: EventFilter) {
    this.#filter = filter
    this.#lookups = lookupsOf(filter)
  }

  /** Most events to find. */
  get limit(): number {
    return this.#filter.limit ?? Infinity
  }

  /** Returns the walk over the first `size` entries; in walking order, only what comes after a position if one is given. */
  walk(size: number, after?: number): Walk {
    const { afterSeq = -1, beforeSeq = size, reverse = false } = this.#filter
    return {
      from: (reverse ? afterSeq : (after ?? afterSeq)) + 1,
      to: Math.min((reverse ? after : undefined) ?? beforeSeq, size),
      reverse,
    }
  }

  /** Whether no index narrows the walk: its entries, or those of {@link spans}, are read in a row. */
  get isScan(): boolean {
    return this.#lookups.length === 0
  }

  /** Whether only the events themselves can tell which of them pass: the index of times is none of single positions. */
  get hasWindow(): boolean {
    return this.#filter.since !== undefined || this.#filter.until !== undefined
  }

  /** Whether the bytes of an entry tell already that it is not of the time window. */
  rulesOut(bytes: Uint8Array): boolean {
    const { since, until } = this.#filter
    if (since === undefined && until === undefined) return false
    const time = timeOfEntry(bytes)
    if (time === undefined) return false
    return (since !== undefined && time < since) || (until !== undefined && time >= until)
  }

  /** Whether an event of the walk passes the filter. */
  admits(event: StoredEvent): boolean {
    const { tenantId, sessionId, runId, parentRunId, agent, actor, tool, types, since, until } = this.#filter
    return (
      (runId === undefined || event.runId === runId) &&
      (parentRunId === undefined || event.parentRunId === parentRunId) &&
      (sessionId === undefined || event.sessionId === sessionId) &&
      (tenantId === undefined || event.tenantId === tenantId) &&
      (agent === undefined || event.agent?.id === agent || event.agent?.name === agent) &&
      (actor === undefined || event.actor?.id === actor) &&
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
    const legs: Leg[] = this.#lookups.map(({ index, values }) => {
      const cursors = values.map((value) => new CursorLeg(store.postings(index, value, walk), walk.reverse))
      const [only, ...more] = cursors
      return only && more.length === 0 ? only : new UnionLeg(cursors, walk.reverse)
    })
    if (this.hasWindow) legs.push(new RangesLeg(this.#timeRanges(store, walk), walk.reverse))
    return new Join(legs, walk)
  }

  /**
   * Counts the positions that pass, no further than `limit`, where a single lookup tells.
   *
   * @returns `undefined` where it does not
   */
  countOfOneLookup(store: ReadableStore, walk: Walk): Promise<number> | undefined {
    const [lookup] = this.#lookups
    return lookup && this.#lookups.length === 1 && !this.hasWindow ? this.#count(store, walk, lookup) : undefined
  }

  async #count(store: ReadableStore, walk: Walk, lookup: Lookup): Promise<number> {
    const { limit } = this
    let counted = 0
    for (const value of lookup.values) {
      const left = Number.isFinite(limit) ? limit - counted : undefined
      if (left === 0) break
      counted += await store.countPostings(lookup.index, value, walk, left)
    }
    return counted
  }

  #timeRanges(store: ReadableStore, walk: Walk): AsyncIterable<SeqRange> {
    return timeRanges(store, this.#filter.since, this.#filter.until, walk)
  }
}

function lookupsOf({ tenantId, sessionId, runId, parentRunId, agent, actor, tool, types }: EventFilter): Lookup[] {
  const lookups: Lookup[] = []
  if (runId !== undefined) lookups.push({ index: 'run', values: [[runId]] })
  if (parentRunId !== undefined) lookups.push({ index: 'parent', values: [[parentRunId]] })
  if (sessionId !== undefined) {
    lookups.push({ index: 'session', values: [tenantId === undefined ? [sessionId] : [sessionId, tenantId]] })
  }
  if (agent !== undefined) lookups.push({ index: 'agent', values: [[agent]] })
  if (actor !== undefined) lookups.push({ index: 'actor', values: [[actor]] })
  if (tool !== undefined) lookups.push({ index: 'tool', values: [[tool]] })
  if (types) lookups.push({ index: 'type', values: types.map((type) => [type]) })
  if (tenantId !== undefined && sessionId === undefined) lookups.push({ index: 'tenant', values: [[tenantId]] })
  return lookups
}
