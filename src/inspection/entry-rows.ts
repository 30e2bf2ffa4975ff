import type { NameHashes } from '../store/leveldb/hash-key.js'
import { runRowKey } from '../store/leveldb/indexes/keys.js'
import { openRunId } from '../store/open-runs.js'
import { type RowEvent, RunRowFold } from '../store/runs/row-fold.js'
import { encodeRow } from '../store/runs/row-value.js'
import type { RunKey } from '../store/runs/run-row.js'
import type { Findings } from '../verify/findings.js'
import { type HashPart, isInPart } from './hash-parts.js'
import { runHash } from './open-run-table.js'
import type { SumKey } from './posting-sums.js'
import { RowChangeList, type RowChanges } from './row-changes.js'
import { addRowDiffers, addRowEndsElsewhere, addRowIgnores, addRowMissing } from './row-findings.js'
import { statedSpan } from './stored-row.js'

/** Most runs of which the sum is kept while the entries of a block go by. */
const MAX_FOLDED = 4_096

/** Reads the stored rows that are compared. */
export interface RowSource {
  readonly hashes: NameHashes
  /** Number of entries that the index covers. */
  readonly covered: number
  readonly sumKey: SumKey
  /** Returns the value under a key; `undefined` where there is none. */
  read(key: Buffer): Uint8Array | 'unreadable' | undefined
}

/** Options of {@link EntryRows}. */
export interface EntryRowsOptions {
  /** The entries that go by. */
  readonly from: number
  readonly to: number
  readonly findings: Findings
  /** Receives the key of a row that begins at this position, as the row states. */
  readonly onBegin?: (key: Buffer, seq: number) => void
  /** Only rows of this part are looked at, to hand them to a `RowTable`. */
  readonly part?: HashPart | undefined
}

/**
 * A run that has events among the entries which go by.
 *
 * - `folded`: by its row, all of its events are among them: their sum is compared here
 * - `spanning`: some are not, so that a `RowTable` sums them up
 * - `ended`: by its row, no more events follow
 * - `ignored`: its row is wrong, which became a finding, or is not looked at
 */
export interface TrackedRun {
  role: 'folded' | 'spanning' | 'ended' | 'ignored'
  /** The row, as long as the run is `folded`. */
  row: FoldedRow | undefined
  /** Position of its last event, as its row states. */
  readonly lastSeq: number
  /** Its number among the spanning runs. */
  readonly number: number
}

interface FoldedRow extends RunKey {
  readonly firstSeq: number
  readonly lastSeq: number
  readonly value: Uint8Array
  fold: RunRowFold | undefined
}

/**
 * Compares the rows of runs with the entries of a block, which go by in their order. Each run's row is read when the first of
 * its entries comes by, and says itself where the run begins and ends: so a run that is in the block alone is compared here.
 *
 * ```
 *        block            block            block
 *  ├────────────────┼────────────────┼────────────────┤
 *    ●──●───●              ●─●───●           ●─●──●      folded, and compared where they end
 *         ●──────●──────────────●───────●                spanning, block by block
 * ```
 */
export class EntryRows {
  readonly #source: RowSource
  readonly #options: EntryRowsOptions
  readonly #runs = new Map<string, TrackedRun>()
  readonly #spanning = new RowChangeList()
  #folded = 0

  constructor(source: RowSource, options: EntryRowsOptions) {
    this.#source = source
    this.#options = options
  }

  /** Returns the run of an entry, with which it and others are added. @param seq - position of the entry */
  runAt(seq: number, tenantId: string, runId: string): TrackedRun {
    const id = openRunId(tenantId, runId)
    let run = this.#runs.get(id)
    if (!run) {
      run = this.#begin(seq, { tenantId, runId })
      this.#runs.set(id, run)
    }
    return run
  }

  /** Adds the entry of a run that follows. */
  add(run: TrackedRun, seq: number, event: RowEvent): void {
    switch (run.role) {
      case 'folded':
        this.#fold(run, seq, event)
        break
      case 'spanning':
        this.#spanning.add(run.number, seq, event)
        if (seq === run.lastSeq) run.role = 'ended'
        break
      case 'ended':
        this.#find((findings) => addRowIgnores(findings, seq))
        run.role = 'ignored'
    }
  }

  /** Ends the comparison. @returns the changes of spanning runs, for a `RowTable` */
  finish(): RowChanges {
    for (const { row } of this.#runs.values()) if (row) this.#find((findings) => addRowEndsElsewhere(findings, row))
    return this.#spanning.changes
  }

  #begin(seq: number, run: RunKey): TrackedRun {
    const { hashes, sumKey, covered } = this.#source
    const { from, to, part, onBegin } = this.#options
    const ignored: TrackedRun = { role: 'ignored', row: undefined, lastSeq: -1, number: -1 }
    const key = runRowKey(hashes, run.tenantId, run.runId)
    const value = this.#source.read(key)
    if (value === 'unreadable') return ignored
    if (!value) {
      this.#find((findings) => addRowMissing(findings, seq))
      return ignored
    }
    const span = statedSpan(value, covered)
    // It becomes a finding when all rows are looked at.
    if (!span) return ignored
    const { firstSeq, lastSeq } = span
    if (firstSeq > seq || lastSeq < seq || (firstSeq < seq && firstSeq >= from)) {
      this.#find((findings) => addRowIgnores(findings, seq))
      return ignored
    }
    if (firstSeq === seq) onBegin?.(key, seq)
    if (!part && firstSeq >= from && lastSeq < to && this.#folded < MAX_FOLDED) {
      this.#folded++
      return { ...ignored, role: 'folded', lastSeq, row: { ...run, firstSeq, lastSeq, value, fold: undefined } }
    }
    const [hash] = runHash(key, sumKey)
    if (part && !isInPart(part, hash)) return ignored
    const spanning = { ...run, key: key.toString('latin1'), hash, firstSeq, lastSeq }
    const number = this.#spanning.begin({ ...spanning, value: lastSeq < to ? value : undefined })
    return { ...ignored, role: 'spanning', lastSeq, number }
  }

  #fold(run: TrackedRun, seq: number, event: RowEvent): void {
    const row = run.row as FoldedRow
    row.fold ??= RunRowFold.of(row, seq, event)
    row.fold.add(seq, event)
    if (seq !== row.lastSeq) return
    if (!encodeRow(row.fold.state).equals(row.value)) this.#find((findings) => addRowDiffers(findings, row))
    run.role = 'ended'
    run.row = undefined
    this.#folded--
  }

  /** Adds findings once: when all rows are looked at. */
  #find(add: (findings: Findings) => void): void {
    if (!this.#options.part) add(this.#options.findings)
  }
}
