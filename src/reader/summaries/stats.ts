import { present } from '../../events/recorded-fields.js'
import type { AgentRef, StoredEvent } from '../../events/types.js'
import type { ReadableStore } from '../../store/readable.js'
import { identitiesOf } from '../query/identities.js'
import type { ParsedStatsQuery } from '../query/parse-query.js'
import type { StatsGrouping } from '../query/query.js'
import { MAX_BATCH, readEvents } from '../query/read-events.js'
import { ActivityFold, isCounted } from './activity-fold.js'
import { agentKey } from './agents.js'
import { modelFinder, RunModels } from './run-models.js'
import { MAX_GROUPS, type StatsGroup, type StatsReport } from './stats-report.js'
import { supersededEnds } from './superseded-ends.js'

/** Sums up the events among the first `size` that pass a query. */
export async function readStats(store: ReadableStore, size: number, query: ParsedStatsQuery): Promise<StatsReport> {
  const { groupBy, ...filter } = query
  const part = { size, identities: await identitiesOf(store, size) }
  const superseded = await supersededEnds(store, part)
  return await sumUp(groupBy, {
    // Most events count: reading the others too takes less than asking the index of each type.
    events: readEvents(store, size, filter, MAX_BATCH),
    models: new RunModels(part.identities, modelFinder(store, part)),
    isSuperseded: ({ seq }) => superseded.has(seq),
  })
}

/** The events of statistics, and what is asked about them. */
export interface StatsSource<E extends StoredEvent> {
  readonly events: AsyncIterable<readonly E[]>
  readonly models: RunModels
  /** Tells whether an end of a run gave way to a later one. */
  isSuperseded(event: E): boolean
}

/** Sums up events. */
export async function sumUp<E extends StoredEvent>(
  groupBy: StatsGrouping | undefined,
  { events: found, models, isSuperseded }: StatsSource<E>,
): Promise<StatsReport> {
  const total = new ActivityFold()
  const groups = new Groups(groupBy)
  for await (const events of found) {
    for (const event of events) {
      if (!isCounted(event.type) || isSuperseded(event)) continue
      total.add(event)
      if (groupBy === 'day') groups.add(event, event.time.slice(0, 10))
      else if (groupBy === 'agent') groups.add(event, agentKey(event.agent))
      else if (groupBy === 'model') groups.add(event, await models.modelOf(event))
    }
  }
  return { total: total.stats(), ...groups.report() }
}

interface Group {
  readonly key: string | undefined
  readonly agent: AgentRef | undefined
  readonly fold: ActivityFold
}

class Groups {
  readonly #groupBy: StatsGrouping | undefined
  readonly #groups = new Map<string | undefined, Group>()
  #others: ActivityFold | undefined

  constructor(groupBy: StatsGrouping | undefined) {
    this.#groupBy = groupBy
  }

  add(event: StoredEvent, key: string | undefined): void {
    this.#foldOf(event, key).add(event)
  }

  report(): Pick<StatsReport, 'groups' | 'others'> {
    const groups = [...this.#groups.values()].map(
      ({ key, agent, fold }): StatsGroup => ({ ...present({ key, agent }), ...fold.stats() }),
    )
    groups.sort(this.#groupBy === 'day' ? byKey : byTokens)
    return { groups, ...present({ others: this.#others?.stats() }) }
  }

  #foldOf({ agent }: StoredEvent, key: string | undefined): ActivityFold {
    const known = this.#groups.get(key)
    if (known) return known.fold
    if (this.#groups.size >= MAX_GROUPS) {
      this.#others ??= new ActivityFold()
      return this.#others
    }
    const group = { key, agent: this.#groupBy === 'agent' ? agent : undefined, fold: new ActivityFold() }
    this.#groups.set(key, group)
    return group.fold
  }
}

function byKey({ key: a = '' }: StatsGroup, { key: b = '' }: StatsGroup): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function byTokens(a: StatsGroup, b: StatsGroup): number {
  return b.usage.totalTokens - a.usage.totalTokens || byKey(a, b)
}
