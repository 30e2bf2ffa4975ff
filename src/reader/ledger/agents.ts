import { present } from '../../events/recorded-fields.js'
import type { StoredEvent } from '../../events/types.js'
import type { ParsedAgentQuery } from '../query/parse-query.js'
import { countEvents, readFirst } from '../query/read-events.js'
import type { Span } from '../query/results.js'
import { AgentFirsts, type AgentSummary, namingEvents } from '../summaries/agents.js'
import { mergeBatches } from './merge-batches.js'
import { comesBefore, inLog, type LoggedEvent, type Moment } from './moment.js'
import type { LogsOfEnds } from './run-in-ledger.js'

/** An agent of several logs, and its place in their list. */
export interface ListedAgent {
  readonly agent: AgentSummary & LogsOfEnds
  readonly position: number
}

/** Lists the agents of several logs in the order of their first events. Keeps one event for every agent. */
export async function* listAgentsOf(
  moment: Moment,
  { tenantId, since, until, order }: ParsedAgentQuery,
  { after, limit }: Span,
): AsyncGenerator<readonly ListedAgent[]> {
  const listed: { readonly key: string; readonly first: LoggedEvent }[] = []
  for (const [key, ofAll] of await firstEvents(moment)) {
    const first = tenantId === undefined ? ofAll : await firstOf(moment, { tenantId, agent: key })
    if (first) listed.push({ key, first })
  }
  const sign = order === 'desc' ? -1 : 1
  listed.sort(({ first: one }, { first: other }) => sign * compare(one, other))
  let left = limit
  for (const [position, { key, first }] of listed.entries()) {
    if (after !== undefined && position <= after) continue
    if (until !== undefined && first.time >= until) continue
    const agent = await summarise(moment, { ...(tenantId !== undefined && { tenantId }), agent: key }, first)
    if (since !== undefined && agent.lastEventAt < since) continue
    yield [{ agent, position }]
    if (--left === 0) return
  }
}

/** An agent, of one tenant where it is named. */
interface AgentFilter {
  readonly tenantId?: string
  readonly agent: string
}

function compare(one: LoggedEvent, other: LoggedEvent): number {
  if (comesBefore(one, other)) return -1
  return comesBefore(other, one) ? 1 : one.seq - other.seq
}

async function firstEvents(moment: Moment): Promise<ReadonlyMap<string, LoggedEvent>> {
  const agents = new AgentFirsts<LoggedEvent>()
  const sources = moment.parts.map(({ store, size }) => namingEvents(store, size))
  for await (const merged of mergeBatches<StoredEvent>(sources, ({ time }) => time, false)) {
    for (const { item, source } of merged) agents.add(inLog(item, moment.parts[source]?.log ?? 0))
  }
  return agents.firsts
}

async function firstOf(moment: Moment, filter: AgentFilter): Promise<LoggedEvent | undefined> {
  let found: LoggedEvent | undefined
  for (const { store, size, log } of moment.parts) {
    const first = await readFirst(store, size, filter)
    if (first && (!found || comesBefore({ time: first.time, log }, found))) found = inLog(first, log)
  }
  return found
}

async function summarise(moment: Moment, filter: AgentFilter, first: LoggedEvent): Promise<AgentSummary & LogsOfEnds> {
  let [events, runs] = [0, 0]
  let last = first
  for (const { store, size, log } of moment.parts) {
    events += await countEvents(store, size, filter)
    runs += await countEvents(store, size, { ...filter, types: ['run_started'] })
    const newest = await readFirst(store, size, { ...filter, reverse: true })
    if (newest && !comesBefore({ time: newest.time, log }, last)) last = inLog(newest, log)
  }
  return {
    ...present({ id: first.agent?.id, name: first.agent?.name }),
    firstEventAt: first.time,
    lastEventAt: last.time,
    events,
    runs,
    firstSeq: first.seq,
    lastSeq: last.seq,
    log: first.log,
    lastLog: last.log,
  }
}
