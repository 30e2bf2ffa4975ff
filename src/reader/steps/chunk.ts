import type { RunEvent } from '../summaries/skimmed-event.js'
import { type CallEvent, callEventOf } from './call-events.js'

/** Events of a chunk, unless it is the last. */
export const CHUNK_EVENTS = 256

/** Events of a run that are steps or parts of steps, one after the other. */
export class Chunk {
  /** In append order. */
  readonly events: readonly RunEvent[]
  /** Those of tool calls, by their positions. */
  readonly calls: ReadonlyMap<number, CallEvent>
  readonly #first = new Map<string, CallEvent>()
  readonly #last = new Map<string, CallEvent>()

  constructor(events: readonly RunEvent[]) {
    this.events = events
    const calls = new Map<number, CallEvent>()
    for (const event of events) {
      const call = callEventOf(event)
      if (!call) continue
      calls.set(event.seq, call)
      if (!this.#first.has(call.callId)) this.#first.set(call.callId, call)
      this.#last.set(call.callId, call)
    }
    this.calls = calls
  }

  /** Tells whether nothing of the run lies beyond it in walking order. */
  get isLast(): boolean {
    return this.events.length < CHUNK_EVENTS
  }

  /** The first event of a call. */
  firstOf(callId: string): CallEvent | undefined {
    return this.#first.get(callId)
  }

  /** The last event of a call. */
  lastOf(callId: string): CallEvent | undefined {
    return this.#last.get(callId)
  }
}

/** Reads a run chunk by chunk, and looks one chunk ahead where it is asked to. */
export class Chunks {
  readonly #batches: AsyncIterator<readonly RunEvent[]>
  readonly #reverse: boolean
  #rest: RunEvent[] = []
  #ahead: Chunk | undefined
  #hasEnded = false

  /** @param batches - the run's events in walking order, so far as they are steps or parts of steps */
  constructor(batches: AsyncIterable<readonly RunEvent[]>, reverse: boolean) {
    this.#batches = batches[Symbol.asyncIterator]()
    this.#reverse = reverse
  }

  /** The next chunk, an empty one at the end. */
  async next(): Promise<Chunk> {
    const chunk = await this.peek()
    this.#ahead = undefined
    return chunk
  }

  /** The chunk that {@link next} will give. */
  async peek(): Promise<Chunk> {
    this.#ahead ??= await this.#read()
    return this.#ahead
  }

  async close(): Promise<void> {
    await this.#batches.return?.()
  }

  async #read(): Promise<Chunk> {
    while (this.#rest.length < CHUNK_EVENTS && !this.#hasEnded) {
      const batch = await this.#batches.next()
      if (batch.done) this.#hasEnded = true
      else this.#rest = this.#rest.concat(batch.value)
    }
    const events = this.#rest.slice(0, CHUNK_EVENTS)
    this.#rest = this.#rest.slice(CHUNK_EVENTS)
    return new Chunk(this.#reverse ? events.reverse() : events)
  }
}
