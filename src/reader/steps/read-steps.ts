import type { Walk } from '../../store/contract.js'
import type { ReadableStore } from '../../store/readable.js'
import { identitiesOf } from '../query/identities.js'
import type { ParsedStepQuery } from '../query/parse-query.js'
import { readEventsAt } from '../query/read-stored.js'
import type { Span } from '../query/results.js'
import { readRunEvents } from '../summaries/read-run.js'
import type { RunEvent } from '../summaries/skimmed-event.js'
import { isOver, unfinishedIfRunning } from '../summaries/tool-call.js'
import { type CallEvent, callOf } from './call-events.js'
import { CHUNK_EVENTS, Chunk, Chunks } from './chunk.js'
import { findRun, type RunOwner } from './find-run.js'
import { LongCalls } from './long-calls.js'
import { isOfStep, type RunStep, stepOf } from './run-step.js'

/**
 * Reads the steps of a run in walking order.
 *
 * The run is read in chunks of 256 events that are steps or parts of steps. The other end of a tool call is looked for in
 * its chunk and in the chunks beside that; only where it is in neither, and they do not reach the end of the run, is the
 * run read once for all calls that take longer. Memory does not grow with the run.
 *
 *     start c-1 … start c-2 end c-1 │ … end c-2 start c-3 … │ …  …
 *     ─────────── behind ───────────│──────── chunk ────────│─ ahead ─▶
 *
 * @throws AuditLogError `AUDIT_QUERY_INVALID` when several tenants have the run; `AUDIT_LOG_CORRUPT`
 */
export async function* readSteps(
  store: ReadableStore,
  { runId, tenantId, order }: ParsedStepQuery,
  { size, after, limit }: Span,
): AsyncGenerator<readonly RunStep[]> {
  const owner = await findRun(store, size, runId, tenantId)
  if (!owner) return
  const walk = new StepWalk(store, owner, { from: 0, to: size, reverse: order === 'desc' }, after)
  let left = limit
  for await (const steps of walk.steps()) {
    if (steps.length > 0) yield steps.length > left ? steps.slice(0, left) : steps
    left -= steps.length
    if (left <= 0) return
  }
}

/** The chunk on one side of another one. */
interface Side {
  readonly chunk: Chunk
  /** The run has no events beyond it. */
  readonly reachesEdge: boolean
}

/** Reads a side. Most chunks do not need it. */
type Look = () => Promise<Side>

/** The events by which the calls of a chunk began or ended. */
interface Pairs {
  /** The end of a call by the position of its start. */
  readonly ends: Map<number, RunEvent>
  /** Positions of ends of which the start is in the log too. */
  readonly taken: Set<number>
}

class StepWalk {
  readonly #store: ReadableStore
  readonly #owner: RunOwner
  /** All of the log. */
  readonly #walk: Walk
  readonly #after: number | undefined
  #longCalls: Promise<LongCalls> | undefined

  /** @param after - position behind which it begins in walking order */
  constructor(store: ReadableStore, owner: RunOwner, walk: Walk, after: number | undefined) {
    this.#store = store
    this.#owner = owner
    this.#walk = walk
    this.#after = after
  }

  async *steps(): AsyncGenerator<readonly RunStep[]> {
    const chunks = this.#chunks(this.#onward(), this.#walk.reverse)
    let behind: Look = () => this.#behindStart()
    let isFirst = true
    try {
      for (let chunk = await chunks.next(); chunk.events.length > 0; chunk = await chunks.next()) {
        const ahead = async () => {
          const next = await chunks.peek()
          return { chunk: next, reachesEdge: next.isLast }
        }
        const pairs = await (this.#walk.reverse ? this.#pairs(chunk, ahead, behind) : this.#pairs(chunk, behind, ahead))
        yield this.#stepsOf(chunk, pairs)
        const side = { chunk, reachesEdge: isFirst && this.#after === undefined }
        behind = async () => side
        isFirst = false
      }
    } finally {
      await chunks.close()
    }
  }

  #stepsOf({ events, calls }: Chunk, { ends, taken }: Pairs): readonly RunStep[] {
    const steps: RunStep[] = []
    for (const event of this.#walk.reverse ? events.toReversed() : events) {
      const { seq } = event
      const call = calls.get(seq)
      if (call && (call.isStart || !taken.has(seq))) {
        const said = call.isStart ? callOf(event, ends.get(seq)) : callOf(undefined, event)
        steps.push({ kind: 'tool_call', seq, call: isOver(this.#owner.status) ? unfinishedIfRunning(said) : said })
      }
      const step = call ? undefined : stepOf(event)
      if (step) steps.push(step)
    }
    return steps
  }

  async #pairs(chunk: Chunk, earlier: Look, later: Look): Promise<Pairs> {
    const pairs: Pairs = { ends: new Map(), taken: new Set() }
    const last = new Map<string, CallEvent>()
    const ends: CallEvent[] = []
    for (const call of chunk.calls.values()) {
      const before = last.get(call.callId)
      if (!call.isStart && before?.isStart) {
        pairs.ends.set(before.event.seq, call.event)
        pairs.taken.add(call.event.seq)
      } else if (!call.isStart && !before) ends.push(call)
      last.set(call.callId, call)
    }
    if (ends.length > 0) await this.#takeEnds(ends, await earlier(), pairs)
    const starts = [...last.values()].filter(({ isStart }) => isStart)
    if (starts.length > 0) await this.#findEnds(starts, await later(), pairs)
    return pairs
  }

  /** Tells those ends apart of which the start lies before the chunk. */
  async #takeEnds(ends: readonly CallEvent[], earlier: Side, { taken }: Pairs): Promise<void> {
    for (const { callId, event } of ends) {
      const before = earlier.chunk.lastOf(callId)
      const isTaken = before ? before.isStart : !earlier.reachesEdge && (await this.#findLongCalls()).hasEnd(event.seq)
      if (isTaken) taken.add(event.seq)
    }
  }

  /** Finds the ends that lie behind the chunk. */
  async #findEnds(starts: readonly CallEvent[], later: Side, { ends }: Pairs): Promise<void> {
    const startOf = new Map<number, number>()
    for (const { callId, event } of starts) {
      const next = later.chunk.firstOf(callId)
      if (next && !next.isStart) ends.set(event.seq, next.event)
      if (next || later.reachesEdge) continue
      const end = (await this.#findLongCalls()).endOf(event.seq)
      if (end !== undefined) startOf.set(end, event.seq)
    }
    for (const end of await readEventsAt(this.#store, [...startOf.keys()])) {
      ends.set(startOf.get(end.seq) as number, end)
    }
  }

  #findLongCalls(): Promise<LongCalls> {
    this.#longCalls ??= LongCalls.find(this.#events({ ...this.#walk, reverse: false }), CHUNK_EVENTS)
    return this.#longCalls
  }

  /** The chunk from the place where the walk begins backwards. */
  async #behindStart(): Promise<Side> {
    const after = this.#after
    if (after === undefined) return { chunk: new Chunk([]), reachesEdge: true }
    const { from, to, reverse } = this.#walk
    const back = reverse ? { from: after, to, reverse: false } : { from, to: after + 1, reverse: true }
    const chunks = this.#chunks(back, back.reverse)
    try {
      const chunk = await chunks.next()
      return { chunk, reachesEdge: chunk.isLast }
    } finally {
      await chunks.close()
    }
  }

  #onward(): Walk {
    const { from, to, reverse } = this.#walk
    const after = this.#after
    if (after === undefined) return this.#walk
    return reverse ? { from, to: after, reverse } : { from: after + 1, to, reverse }
  }

  #chunks(walk: Walk, reverse: boolean): Chunks {
    return new Chunks(this.#events(walk), reverse)
  }

  /** The run's events that are steps or parts of steps. */
  async *#events(walk: Walk): AsyncGenerator<readonly RunEvent[]> {
    const { runId, tenantId } = this.#owner
    const identities = await identitiesOf(this.#store, this.#walk.to)
    for await (const events of readRunEvents(this.#store, runId, walk)) {
      yield events.filter((event) => identities.ownerOf(event).tenantId === tenantId && isOfStep(event.type))
    }
  }
}
