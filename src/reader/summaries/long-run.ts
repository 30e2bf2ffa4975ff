import { LIFECYCLE_TYPES } from '../../events/run-status.js'
import type { StoredEvent } from '../../events/types.js'
import { filedEvent } from '../../store/filed-event.js'
import type { ReadableStore } from '../../store/readable.js'
import { RunRowFold } from '../../store/runs/row-fold.js'
import type { RunCounts } from '../../store/runs/run-overview.js'
import { identitiesOf } from '../query/identities.js'
import { closeAll, type PositionIterator, PostingsIterator, seek, UnionIterator } from '../query/position-iterators.js'
import { MAX_BATCH, readEvents, readFirst } from '../query/read-events.js'
import { RunLists } from './run-lists.js'
import { keptRows } from './run-rows.js'
import { MAX_LISTED, type RunSummary } from './run-summary.js'
import { type EventList, typesOfList } from './step-kinds.js'

/** A run of fewer events is summed up from all of them: asking the index takes longer. */
const LONG_RUN = 2048

const TOOL_STARTS = ['tool_call_started']
const TOOL_ENDS = ['tool_call_completed', 'tool_call_failed']

/**
 * Sums up a long run by its row: of its events, only those are read that stand in a list, and its end.
 *
 * @param tenantId - whose run is meant; left out, that of the one tenant which has events of this run id
 * @returns `undefined` for a run that is not long, of which the store keeps no row, whose id several tenants use, or of which
 * it was told late whose it is
 */
export async function summariseLongRun(
  store: ReadableStore,
  size: number,
  { runId, tenantId }: { readonly runId: string; readonly tenantId?: string | undefined },
): Promise<RunSummary | undefined> {
  if (!store.runRows) return undefined
  const events = await store.countPostings('run', [runId], { from: 0, to: size })
  if (events < LONG_RUN) return undefined
  const part = { size, identities: await identitiesOf(store, size) }
  if (part.identities.has(runId)) return undefined
  const owner = tenantId ?? (await readFirst(store, size, { runId }))?.tenantId
  const [row] = owner === undefined ? [] : await keptRows(store, part, [{ tenantId: owner, runId }])
  if (row?.overview.eventCount !== events) return undefined
  const lists = new RunLists()
  const { counts } = row.overview
  await fillLists(store, size, { runId, counts, lists })
  await fillToolCalls(store, size, { runId, counts, lists })
  const end = await readEnd(store, size, runId)
  if (end) lists.end(end)
  return lists.summary(row.overview)
}

/** Reads the event by which a run has ended; mostly the last one that could be it. */
async function readEnd(store: ReadableStore, size: number, runId: string): Promise<StoredEvent | undefined> {
  const filter = { runId, types: LIFECYCLE_TYPES }
  const last = await readFirst(store, size, { ...filter, reverse: true })
  if (last?.supersedes === undefined) return last
  let fold: RunRowFold | undefined
  let end: StoredEvent | undefined
  for await (const events of readEvents(store, size, filter)) {
    for (const event of events) {
      fold ??= RunRowFold.of({ runId }, event.seq, event)
      fold.add(event.seq, filedEvent(event))
      if (fold.isEnd(event.seq)) end = event
    }
  }
  return end
}

/** A run whose lists are filled. */
interface Filling {
  readonly runId: string
  readonly counts: RunCounts
  readonly lists: RunLists
}

async function fillLists(store: ReadableStore, size: number, { runId, counts, lists }: Filling): Promise<void> {
  for (const [list, count] of Object.entries(countsOfLists(counts))) {
    if (count === 0) continue
    const types = typesOfList(list as EventList)
    const listed = readEvents(store, size, { runId, types, limit: MAX_LISTED })
    for await (const events of listed) for (const event of events) lists.add(event)
    lists.omit(Math.max(0, count - MAX_LISTED))
  }
}

function countsOfLists(counts: RunCounts): Record<EventList, number> {
  const { toolCalls: _calls, claimed: _claimed, approvals: asked, memoryWrites: writes, ...others } = counts
  const approvals = asked.requested + asked.granted + asked.denied
  return { ...others, approvals, memoryWrites: writes.written + writes.deleted }
}

async function fillToolCalls(store: ReadableStore, size: number, { runId, counts, lists }: Filling): Promise<void> {
  const { started, completed, failed } = counts.toolCalls
  let left = started + completed + failed
  if (left === 0) return
  const types = [...TOOL_STARTS, ...TOOL_ENDS]
  let last: StoredEvent | undefined
  for await (const events of readEvents(store, size, { runId, types }, MAX_BATCH)) {
    for (const event of events) lists.add(event)
    left -= events.length
    last = events.at(-1)
    // From here on, no event changes a call of the list.
    if (lists.toolCalls.isSettled) break
  }
  if (left > 0 && last) await omitToolCalls(store, { from: last.seq + 1, to: size }, { runId, counts, lists })
}

/** Tells the list of the calls that it leaves out, whose starts and ends the index knows. */
async function omitToolCalls(
  store: ReadableStore,
  { from, to }: { readonly from: number; readonly to: number },
  { runId, lists: { toolCalls } }: Filling,
): Promise<void> {
  const iteratorOf = (index: 'run' | 'type', value: string) =>
    new PostingsIterator(store.postings(index, [value], { from, to, reverse: false }), false)
  const run = iteratorOf('run', runId)
  const starts: PositionIterator = new UnionIterator(
    TOOL_STARTS.map((type) => iteratorOf('type', type)),
    false,
  )
  const ends: PositionIterator = new UnionIterator(
    TOOL_ENDS.map((type) => iteratorOf('type', type)),
    false,
  )
  try {
    for (let target = from; target < to; ) {
      const seq = run.seek(target) ?? (await seek(run, target))
      if (seq === Infinity) return
      const start = starts.seek(seq) ?? (await seek(starts, seq))
      const end = ends.seek(seq) ?? (await seek(ends, seq))
      if (start === seq) toolCalls.omitStart()
      else if (end === seq) toolCalls.omitEnd()
      target = Math.max(seq + 1, Math.min(start, end))
    }
  } finally {
    await closeAll([run, starts, ends])
  }
}
