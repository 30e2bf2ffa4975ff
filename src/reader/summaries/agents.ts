import { present } from '../../events/recorded-fields.js'
import type { Timestamp } from '../../events/time.js'
import type { AgentRef, StoredEvent } from '../../events/types.js'
import type { ReadableStore } from '../../store/readable.js'
import { identitiesOf } from '../query/identities.js'
import type { ParsedAgentQuery } from '../query/parse-query.js'
import { countEvents, MAX_BATCH, readFirst } from '../query/read-events.js'
import { readEventsAt } from '../query/read-stored.js'
import type { Span } from '../query/results.js'

/** One agent and its activity in the log, for one tenant if the query names one. */
export interface AgentSummary {
  readonly id?: string
  /** As the agent's first event gives it. */
  readonly name?: string
  /** `time` of the agent's first event in the log. */
  readonly firstEventAt: Timestamp
  /** `time` of the agent's last event in the log. */
  readonly lastEventAt: Timestamp
  /** Number of its events: those that the filter `agent` finds by its id or, where it has none, its name. */
  readonly events: number
  /** Number of runs that it started. */
  readonly runs: number
  /** Position of its first event. */
  readonly firstSeq: number
  /** Position of its latest event. */
  readonly lastSeq: number
}

/** Lists agents in the order of their first events. Keeps one event for every agent of the log. */
export async function* listAgents(
  store: ReadableStore,
  { tenantId, since, until, order }: ParsedAgentQuery,
  { size, after, limit }: Span,
): AsyncGenerator<readonly AgentSummary[]> {
  const scope = tenantId === undefined ? {} : { tenantId }
  const firsts: { readonly key: string; readonly first: StoredEvent }[] = []
  const identities = await identitiesOf(store, size)
  for (const [key, ofAll] of await firstEvents(store, size)) {
    const first =
      tenantId === undefined || identities.ownerOf(ofAll).tenantId === tenantId
        ? ofAll
        : await readFirst(store, size, { tenantId, agent: key, afterSeq: ofAll.seq })
    if (first && (until === undefined || first.time < until)) firsts.push({ key, first })
  }
  firsts.sort((a, b) => (order === 'desc' ? b.first.seq - a.first.seq : a.first.seq - b.first.seq))

  let left = limit
  for (const { key, first } of firsts) {
    if (after !== undefined && (order === 'desc' ? first.seq >= after : first.seq <= after)) continue
    const filter = { ...scope, agent: key }
    const last = (await readFirst(store, size, { ...filter, reverse: true })) ?? first
    if (since !== undefined && last.time < since) continue
    const [events, runs] = await Promise.all([
      countEvents(store, size, filter),
      countEvents(store, size, { ...filter, types: ['run_started'] }),
    ])
    const times = { firstEventAt: first.time, lastEventAt: last.time }
    yield [
      {
        ...present({ id: first.agent?.id, name: first.agent?.name }),
        ...times,
        events,
        runs,
        firstSeq: first.seq,
        lastSeq: last.seq,
      },
    ]
    if (--left === 0) return
  }
}

/** By the key of each agent, the first event that names it. */
async function firstEvents(store: ReadableStore, size: number): Promise<ReadonlyMap<string, StoredEvent>> {
  const agents = new AgentFirsts()
  for await (const events of namingEvents(store, size)) for (const event of events) agents.add(event)
  return agents.firsts
}

/** Reads the events that are the first to name an agent by its id, or by its name, in append order. */
export async function* namingEvents(store: ReadableStore, size: number): AsyncGenerator<readonly StoredEvent[]> {
  const seqs = new Set<number>()
  for await (const seq of store.firstOfEach('agent')) if (seq < size) seqs.add(seq)
  const ascending = [...seqs].sort((a, b) => a - b)
  for (let at = 0; at < ascending.length; at += MAX_BATCH) {
    yield await readEventsAt(store, ascending.slice(at, at + MAX_BATCH))
  }
}

/** Finds the first event of each agent among events that come in their order. */
export class AgentFirsts<E extends StoredEvent = StoredEvent> {
  /** By the key of each agent. */
  readonly firsts = new Map<string, E>()
  readonly #names = new Set<string>()

  add(event: E): void {
    const { agent } = event
    const key = agentKey(agent)
    const isKnown = key === undefined || this.firsts.has(key) || (agent?.id === undefined && this.#names.has(key))
    if (!isKnown) this.firsts.set(key, event)
    if (agent?.name !== undefined) this.#names.add(agent.name)
  }
}

/** The id by which agents differ, or the name where there is none. */
export function agentKey(agent: AgentRef | undefined): string | undefined {
  return agent?.id ?? agent?.name
}
