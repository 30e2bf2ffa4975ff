import type { FiledEvent, WithRunFacts } from '../store/contract.js'
import type { NameHashes } from '../store/leveldb/hash-key.js'
import { openRunKey } from '../store/leveldb/indexes/keys.js'
import type { Database } from '../store/leveldb/load-level.js'
import { openRunId, runChangeOf } from '../store/open-runs.js'
import { decodeForIndexes } from '../store/runs/decode-run.js'
import { hashesFor } from './kept-hashes.js'
import { ENDED, type RunChanges, runHash } from './open-run-table.js'
import type { SumKey } from './posting-sums.js'
import { walkBlocks } from './walk-blocks.js'

/** Goes through the entries of a block for what they do to runs alone. */
export interface RunsTask {
  readonly kind: 'runs'
  readonly from: number
  /** As far as the index covers the block. */
  readonly to: number
  /** Number of entries of the log. */
  readonly size: number
  /** The log's key for index values. */
  readonly hashKey: Uint8Array
  readonly sumKey: SumKey
}

export async function inspectRuns(db: Database, task: RunsTask, location: string): Promise<RunChanges> {
  const fold = new RunFold(hashesFor(task.hashKey))
  await walkBlocks(db, task, location, {
    block(block, from, to) {
      for (let seq = from; seq < to; seq++) {
        const bytes = block.entry(seq)
        const event = bytes && decodeForIndexes(bytes)
        if (event) fold.add(event, seq)
      }
    },
  })
  return fold.changes(task.sumKey)
}

/** A run, and the key by which runs are distinguished. */
export interface FoldedRun {
  readonly id: string
  readonly tenantId: string
  readonly runId: string
}

export function foldedRun(tenantId: string, runId: string): FoldedRun {
  return { id: openRunId(tenantId, runId), tenantId, runId }
}

/** Collects the state in which the entries of a block leave the runs that they begin or end. */
export class RunFold {
  readonly #hashes: NameHashes
  readonly #runs = new Map<string, { readonly run: FoldedRun; seq: number }>()

  constructor(hashes: NameHashes) {
    this.#hashes = hashes
  }

  add({ type, runId, tenantId, run }: FiledEvent & Partial<WithRunFacts>, seq: number): void {
    if (runId === undefined) return
    const change = runChangeOf(type)
    if (change !== undefined) this.change(foldedRun(tenantId, runId), change, seq)
    else if (run?.identifiedFrom !== undefined) this.identify(foldedRun(tenantId, runId), run.identifiedFrom, seq)
  }

  /** Adds an entry from which on a run is that of its tenant. @param from - its tenant before */
  identify(run: FoldedRun, from: string, seq: number): void {
    this.change(foldedRun(from, run.runId), 'ends', seq)
    this.change(run, 'begins', seq)
  }

  /** Adds an entry that begins or ends a run. */
  change(run: FoldedRun, change: 'begins' | 'ends', seq: number): void {
    const state = change === 'begins' ? seq : ENDED
    const known = this.#runs.get(run.id)
    if (known) known.seq = state
    else this.#runs.set(run.id, { run, seq: state })
  }

  changes(sumKey: SumKey): RunChanges {
    const hashes = new Uint32Array(2 * this.#runs.size)
    const seqs = new Float64Array(this.#runs.size)
    let at = 0
    for (const { run, seq } of this.#runs.values()) {
      hashes.set(runHash(openRunKey(this.#hashes, run.tenantId, run.runId), sumKey), 2 * at)
      seqs[at++] = seq
    }
    return { hashes, seqs }
  }
}
