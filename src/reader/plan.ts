import type { Timestamp } from '../events/time.js'
import type { AuditStore, IndexName, SeqRange, Walk } from '../store/contract.js'
import { CursorLeg, IntersectionLeg, type Leg, PositionWalk, RangesLeg, UnionLeg } from './legs.js'

/** Which events to read, with every value in its stored form. All that are given must hold. */
export interface EventFilter {
  readonly tenantId?: string
  readonly sessionId?: string
  readonly runId?: string
  readonly parentRunId?: string
  readonly agent?: string
  readonly types?: readonly string[]
  readonly since?: Timestamp
  readonly until?: Timestamp
  readonly afterSeq?: number
  readonly beforeSeq?: number
  readonly reverse?: boolean
  readonly limit?: number
}

/** What an index has to be asked: positions filed under any of the values. No position is under two of them. */
interface Lookup {
  readonly index: IndexName
  readonly values: readonly (readonly string[])[]
}

/**
 * How to find what a filter lets through among the first `size` entries. The indexes are exact, so a position on which
 * all lookups agree passes everything but the time window, which only the event itself can tell.
 */
export class Plan {
  readonly walk: Walk
  readonly hasWindow: boolean
  readonly #lookups: readonly Lookup[]
  readonly #since: Timestamp | undefined
  readonly #until: Timestamp | undefined

  constructor(filter: EventFilter, size: number) {
    const { afterSeq = -1, beforeSeq = size, reverse = false } = filter
    this.walk = { from: afterSeq + 1, to: Math.min(beforeSeq, size), reverse }
    this.#lookups = lookupsOf(filter)
    this.#since = filter.since
    this.#until = filter.until
    this.hasWindow = filter.since !== undefined || filter.until !== undefined
  }

  get isEmpty(): boolean {
    return this.walk.from >= this.walk.to
  }

  /** Whether no index narrows the walk: its entries, or those of {@link spans}, are read in a row. */
  get isScan(): boolean {
    return this.#lookups.length === 0
  }

  /** Whether an event that all lookups agree on is of the asked time. */
  admits(time: Timestamp): boolean {
    return (this.#since === undefined || time >= this.#since) && (this.#until === undefined || time < this.#until)
  }

  /** The parts of the walk that may hold events of the time window, in walking order. */
  spans(store: AuditStore): AsyncIterable<SeqRange> | readonly SeqRange[] {
    return this.hasWindow ? store.timeRanges(this.#since, this.#until, this.walk) : [this.walk]
  }

  /** Walks the positions on which all lookups agree. */
  positions(store: AuditStore): PositionWalk {
    const { walk } = this
    const legs = this.#lookups.map(({ index, values }) =>
      legOf(
        values.map((value) => new CursorLeg(store.postings(index, value, walk), walk.reverse)),
        (legs) => new UnionLeg(legs, walk.reverse),
      ),
    )
    if (this.hasWindow) legs.push(new RangesLeg(store.timeRanges(this.#since, this.#until, walk), walk.reverse))
    return new PositionWalk(
      legOf(legs, (legs) => new IntersectionLeg(legs, walk.reverse)),
      walk,
    )
  }

  /** How many positions all lookups agree on, up to `limit`; for a plan without a time window. */
  async count(store: AuditStore, limit: number): Promise<number> {
    const { walk } = this
    const [lookup, ...more] = this.#lookups
    if (!lookup) return Math.min(walk.to - walk.from, limit)
    if (more.length > 0) return await this.#countAgreed(store, limit)
    let counted = 0
    for (const value of lookup.values) {
      if (counted >= limit) break
      const left = Number.isFinite(limit) ? limit - counted : undefined
      counted += await store.countPostings(lookup.index, value, walk, left)
    }
    return Math.min(counted, limit)
  }

  async #countAgreed(store: AuditStore, limit: number): Promise<number> {
    const positions = this.positions(store)
    try {
      let counted = 0
      while (counted < limit) {
        const wanted = Math.min(limit - counted, COUNT_BATCH)
        const { length } = await positions.take(wanted)
        counted += length
        if (length < wanted) break
      }
      return counted
    } finally {
      await positions.close()
    }
  }
}

/** Positions at a time, so that counting takes no memory to speak of. */
const COUNT_BATCH = 4096

function legOf(legs: readonly Leg[], join: (legs: readonly Leg[]) => Leg): Leg {
  const [only, ...more] = legs
  return only && more.length === 0 ? only : join(legs)
}

function lookupsOf({ tenantId, sessionId, runId, parentRunId, agent, types }: EventFilter): Lookup[] {
  const lookups: Lookup[] = []
  const add = (index: IndexName, ...values: (readonly string[])[]) => lookups.push({ index, values })
  if (runId !== undefined) add('run', [runId])
  if (parentRunId !== undefined) add('parent', [parentRunId])
  if (sessionId !== undefined) add('session', tenantId === undefined ? [sessionId] : [sessionId, tenantId])
  if (agent !== undefined) add('agent', [agent])
  if (types) add('type', ...types.map((type) => [type]))
  if (tenantId !== undefined && sessionId === undefined) add('tenant', [tenantId])
  return lookups
}
