import type { RunEvent } from '../summaries/skimmed-event.js'
import { callEventOf } from './call-events.js'

/** Calls of either kind that are kept: those that go on at one time, and those that took long. */
const MAX_CALLS = 16_384

/** A call that has begun and not ended. */
interface OpenCall {
  readonly seq: number
  /** Number of the run's events before its start. */
  readonly at: number
}

/**
 * The tool calls of a run between whose start and end there are many other events of it. They are found by reading the
 * run once. Memory is bounded: beyond 16,384 calls under way at a time the oldest are taken for calls that never end, and
 * no more than 16,384 such calls of a run are found, the first.
 */
export class LongCalls {
  readonly #ends = new Map<number, number>()
  readonly #endSeqs = new Set<number>()

  /**
   * @param events - of the run, in append order, so far as they are steps or parts of steps
   * @param distance - calls that end within so many events are left out
   */
  static async find(events: AsyncIterable<readonly RunEvent[]>, distance: number): Promise<LongCalls> {
    const calls = new LongCalls()
    const open = new Map<string, OpenCall>()
    let at = 0
    for await (const batch of events) {
      for (const event of batch) {
        calls.#note(event, at++, open, distance)
      }
    }
    return calls
  }

  /** Position of the end of the call that starts at a position, if it is one of these. */
  endOf(start: number): number | undefined {
    return this.#ends.get(start)
  }

  /** Tells whether the event at a position ends one of these calls. */
  hasEnd(seq: number): boolean {
    return this.#endSeqs.has(seq)
  }

  #note(event: RunEvent, at: number, open: Map<string, OpenCall>, distance: number): void {
    const one = callEventOf(event)
    if (!one) return
    const started = open.get(one.callId)
    open.delete(one.callId)
    if (one.isStart) {
      open.set(one.callId, { seq: event.seq, at })
      if (open.size > MAX_CALLS) removeOldest(open)
    } else if (started && at - started.at > distance && this.#ends.size < MAX_CALLS) {
      this.#ends.set(started.seq, event.seq)
      this.#endSeqs.add(event.seq)
    }
  }
}

function removeOldest(calls: Map<string, OpenCall>): void {
  for (const oldest of calls.keys()) {
    calls.delete(oldest)
    return
  }
}
