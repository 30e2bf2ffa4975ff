import { statusAfter } from '../events/run-status.js'
import type { RowEvent } from '../store/runs/row-fold.js'
import type { RunKey } from '../store/runs/run-row.js'

/** A run that has events before or behind those that go by, as its stored row claims. Plain. */
export interface ChangedRow extends RunKey {
  /** Key of the row, one character a byte. */
  readonly key: string
  /** A word of its hash: see `runHash`. */
  readonly hash: number
  readonly firstSeq: number
  readonly lastSeq: number
  /** The stored row, where its last event goes by. */
  readonly value: Uint8Array | undefined
}

/** The events of such runs, in their order. Plain, so that it can pass between threads. */
export interface RowChanges {
  readonly rows: readonly ChangedRow[]
  /** Events that differ in what rows are made of. */
  readonly events: readonly RowEvent[]
  /** For each event that went by: the number of its row, and that of its content among `events`. */
  readonly steps: Uint32Array
  readonly seqs: Float64Array
}

/** An event that a run repeats: one without facts of the run is passed on once. */
interface Saying {
  readonly event: RowEvent
  readonly at: number
}

/** Collects the events of runs while they go by. */
export class RowChangeList {
  readonly #rows: ChangedRow[] = []
  readonly #events: RowEvent[] = []
  readonly #steps: number[] = []
  readonly #seqs: number[] = []
  /** By row, and in it by type and tool. */
  readonly #said: Map<string, Saying>[] = []

  /** Begins with a run. @returns its number */
  begin(row: ChangedRow): number {
    this.#said.push(new Map())
    return this.#rows.push(row) - 1
  }

  add(row: number, seq: number, event: RowEvent): void {
    this.#steps.push(row, this.#numberOf(row, event))
    this.#seqs.push(seq)
  }

  get changes(): RowChanges {
    return {
      rows: this.#rows,
      events: this.#events,
      steps: Uint32Array.from(this.#steps),
      seqs: Float64Array.from(this.#seqs),
    }
  }

  /** Times count where a run begins or ends alone, and for its first event. */
  #numberOf(row: number, event: RowEvent): number {
    const said = this.#said[row] as Map<string, Saying>
    const isOwn = said.size === 0 || event.run !== undefined || statusAfter(event.type) !== undefined
    const id = `${event.type} ${event.toolName ?? ''}`
    const known = isOwn ? undefined : said.get(id)
    if (known && saysTheSame(known.event, event)) return known.at
    const at = this.#events.push(event) - 1
    said.set(id, { event, at })
    return at
  }
}

function saysTheSame(one: RowEvent, other: RowEvent): boolean {
  return (
    one.run === undefined &&
    one.toolName === other.toolName &&
    one.sessionId === other.sessionId &&
    one.parentRunId === other.parentRunId &&
    one.actorId === other.actorId &&
    one.agent?.id === other.agent?.id &&
    one.agent?.name === other.agent?.name
  )
}
