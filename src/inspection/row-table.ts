import { type RowEvent, RunRowFold } from '../store/runs/row-fold.js'
import { decodeRow, encodeRow } from '../store/runs/row-value.js'
import type { Findings } from '../verify/findings.js'
import { type HashPart, HashParts } from './hash-parts.js'
import type { ChangedRow, RowChanges } from './row-changes.js'
import { addRowBeginsElsewhere, addRowDiffers, addRowEndsElsewhere } from './row-findings.js'

/** Bytes of rows that are kept at most between two blocks. */
export const DEFAULT_MAX_ROW_BYTES: number = 64 * 2 ** 20
/** Memory that a kept row takes beside its value, about. */
const BYTES_BESIDE = 512

/** A run as it is behind the blocks that were added. */
interface Kept {
  readonly row: ChangedRow
  /** The sum of its events, as a row is stored. */
  readonly value: Uint8Array
}

/**
 * Compares the rows of runs that have events in several blocks with these events. Between two blocks it has the sums of the
 * runs that go on, in memory that does not grow with their number: where there are too many, part by part, see `HashParts`.
 */
export class RowTable {
  readonly #findings: Findings
  readonly #maxBytes: number
  readonly #parts = new HashParts()
  readonly #kept = new Map<string, Kept>()
  #bytes = 0

  constructor(findings: Findings, maxBytes: number) {
    this.#findings = findings
    this.#maxBytes = maxBytes
  }

  /** The part of the rows that is looked at. */
  get part(): HashPart {
    return this.#parts.current
  }

  /** Takes the changes of the next block. */
  change({ rows, events, steps, seqs }: RowChanges): void {
    const folds: (RunRowFold | 'none')[] = []
    for (let n = 0; n < seqs.length; n++) {
      const at = steps[2 * n] as number
      const event = events[steps[2 * n + 1] as number] as RowEvent
      const seq = seqs[n] as number
      folds[at] ??= this.#foldOf(rows[at] as ChangedRow, seq, event)
      if (folds[at] !== 'none') folds[at].add(seq, event)
    }
    for (const [at, fold] of folds.entries()) if (fold !== 'none') this.#take(rows[at] as ChangedRow, fold)
  }

  /** Ends with the current part, and turns to one that was left out. @returns `false` when there is none */
  next(): boolean {
    for (const { row } of this.#kept.values()) addRowEndsElsewhere(this.#findings, row)
    this.#kept.clear()
    this.#bytes = 0
    return this.#parts.next()
  }

  /** Returns the sum of a run's events before one of them. */
  #foldOf(row: ChangedRow, seq: number, event: RowEvent): RunRowFold | 'none' {
    if (!this.#parts.holds(row.hash)) return 'none'
    if (row.firstSeq === seq) return RunRowFold.of(row, seq, event)
    const kept = this.#kept.get(row.key)
    if (kept) return new RunRowFold(decodeRow(this.#removed(kept)))
    addRowBeginsElsewhere(this.#findings, row)
    return 'none'
  }

  #take(row: ChangedRow, { state }: RunRowFold): void {
    // What was taken before it may have left no room for it.
    if (!this.#parts.holds(row.hash)) return
    const value = encodeRow(state)
    if (row.value === undefined) this.#keep({ row, value: new Uint8Array(value) })
    else if (state.lastSeq < row.lastSeq) addRowEndsElsewhere(this.#findings, row)
    else if (!value.equals(row.value)) addRowDiffers(this.#findings, row)
  }

  #keep(kept: Kept): void {
    this.#kept.set(kept.row.key, kept)
    this.#bytes += bytesOf(kept)
    while (this.#bytes > this.#maxBytes && this.#kept.size > 1) {
      this.#parts.halve()
      for (const each of this.#kept.values()) if (!this.#parts.holds(each.row.hash)) this.#removed(each)
    }
  }

  #removed(kept: Kept): Uint8Array {
    this.#kept.delete(kept.row.key)
    this.#bytes -= bytesOf(kept)
    return kept.value
  }
}

function bytesOf({ value }: Kept): number {
  return BYTES_BESIDE + value.length
}
