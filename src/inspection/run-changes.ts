import type { FiledEvent } from '../store/contract.js'
import { decodeFiled } from '../store/decode-entry.js'
import type { Database } from '../store/leveldb/database.js'
import type { NameHashes } from '../store/leveldb/hash-key.js'
import { openRunKey } from '../store/leveldb/indexes/keys.js'
import { openRunId, runChangeOf } from '../store/open-runs.js'
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
        if (event) fold.add(event, seq)
      }
    },
  })
  return fold.changes(task.sumKey)
}

/** Collects the state in which the entries of a block leave the runs that they begin or end. */
export class RunFold {
  readonly #hashes: NameHashes
  readonly #runs = new Map<string, { readonly tenantId: string; readonly runId: string; readonly seq: number }>()

  constructor(hashes: NameHashes) {
    this.#hashes = hashes
  }

  add({ type, runId, tenantId }: FiledEvent, seq: number): void {
    if (runId !== undefined) this.addOf(type, tenantId, runId, seq)
  }

  /** {@link add} of an event of a run. */
  addOf(type: string, tenantId: string, runId: string, seq: number): void {
    const change = runChangeOf(type)
    if (change !== undefined)
      this.#runs.set(openRunId(tenantId, runId), { tenantId, runId, seq: change === 'begins' ? seq : ENDED })
  }

  changes(sumKey: SumKey): RunChanges {
    const hashes = new Uint32Array(2 * this.#runs.size)
    const seqs = new Float64Array(this.#runs.size)
    let at = 0
    for (const { tenantId, runId, seq } of this.#runs.values()) {
      hashes.set(runHash(openRunKey(this.#hashes, tenantId, runId), sumKey), 2 * at)
      seqs[at++] = seq
    }
    return { hashes, seqs }
  }
}
