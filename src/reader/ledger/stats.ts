import type { StoredEvent } from '../../events/types.js'
import type { ParsedStatsQuery } from '../query/parse-query.js'
import { MAX_BATCH, readEvents } from '../query/read-events.js'
import { modelFinder, RunModels } from '../summaries/run-models.js'
import { sumUp } from '../summaries/stats.js'
import type { StatsReport } from '../summaries/stats-report.js'
import { addSupersededEnds, runsWithSuperseding } from '../summaries/superseded-ends.js'
import { mergeBatches } from './merge-batches.js'
import { MergedRun } from './merged-run.js'
import { inLog, type LoggedEvent, type Moment } from './moment.js'

/** Sums up the events of several logs that pass a query. */
export async function readStatsOf(moment: Moment, { groupBy, ...filter }: ParsedStatsQuery): Promise<StatsReport> {
  const identities = await moment.identities()
  const superseded = await supersededEndsOf(moment)
  const findModel = async (runId: string, tenantId: string) => {
    const parts = await moment.withRun(runId)
    const [part] = parts
    const store = part && (parts.length === 1 ? part.store : await MergedRun.read(moment, parts, runId))
    return store && (await modelFinder(store, { size: store.size, identities })(runId, tenantId))
  }
  return await sumUp(groupBy, {
    events: eventsOf(moment, filter),
    models: new RunModels(identities, findModel),
    isSuperseded: ({ log, seq }: LoggedEvent) => superseded.get(log)?.has(seq) ?? false,
  })
}

/** In the order of time: groups are known by the first event that names them. */
async function* eventsOf(
  moment: Moment,
  filter: Omit<ParsedStatsQuery, 'groupBy'>,
): AsyncGenerator<readonly LoggedEvent[]> {
  const sources = moment.parts.map(({ store, size }) => readEvents(store, size, filter, MAX_BATCH))
  for await (const merged of mergeBatches<StoredEvent>(sources, ({ time }) => time, false)) {
    yield merged.map(({ item, source }) => inLog(item, moment.parts[source]?.log ?? 0))
  }
}

/** Returns the positions of the ends of runs that later ones supersede, by log. */
async function supersededEndsOf(moment: Moment): Promise<ReadonlyMap<number, ReadonlySet<number>>> {
  const found = new Map<number, Set<number>>()
  const runIds = new Set<string>()
  for (const { store, size, log } of moment.parts) {
    found.set(log, new Set())
    for (const runId of await runsWithSuperseding(store, size)) runIds.add(runId)
  }
  const identities = await moment.identities()
  for (const runId of runIds) {
    const run = await MergedRun.read(moment, await moment.withRun(runId), runId)
    const superseded = new Set<number>()
    await addSupersededEnds(superseded, run, { size: run.size, identities }, runId)
    for (const position of superseded) {
      const { log, seq } = run.positionOf(position)
      found.get(log)?.add(seq)
    }
  }
  return found
}
