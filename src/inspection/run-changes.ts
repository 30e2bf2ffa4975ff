import type { Database } from '../store/leveldb/database.js'
import type { NameHashes } from '../store/leveldb/hash-key.js'
import { openRunKey } from '../store/leveldb/indexes/keys.js'
import { openRunChanges } from '../store/open-runs.js'
import type { FiledEntry } from '../store/stored-indexes.js'
import { decodeFiled, type FiledEvent } from './decode-entry.js'
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
        const event = bytes && decodeFiled(bytes)
        if (event) fold.add([{ event }], seq)
      }
    },
  })
  return fold.changes(task.sumKey)
}

/** Collects the state in which the entries of a block leave the runs that they begin or end. */
export class RunFold {
  readonly #hashes: NameHashes
  /** By the key of the run, a character a byte. */
  readonly #runs = new Map<string, number>()

  constructor(hashes: NameHashes) {
    this.#hashes = hashes
  }

  /** @param entries - that follow each other */
  add(entries: readonly { readonly event: FiledEvent }[], firstSeq: number): void {
    // Runs are told by events alone.
    for (const { tenantId, runId, seq } of openRunChanges(entries as unknown as readonly FiledEntry[], firstSeq)) {
      this.#runs.set(openRunKey(this.#hashes, tenantId, runId).toString('latin1'), seq ?? ENDED)
    }
  }

  changes(sumKey: SumKey): RunChanges {
    const hashes = new Uint32Array(2 * this.#runs.size)
    const seqs = new Float64Array(this.#runs.size)
    let at = 0
    for (const [key, seq] of this.#runs) {
      hashes.set(runHash(Buffer.from(key, 'latin1'), sumKey), 2 * at)
      seqs[at++] = seq
    }
    return { hashes, seqs }
  }
}
