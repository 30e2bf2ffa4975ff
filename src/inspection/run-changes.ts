import type { SealedEntry } from '../store/contract.js'
import { openRunKey } from '../store/keys.js'
import type { Database } from '../store/leveldb/database.js'
import { openRunChanges, openRunId } from '../store/open-runs.js'
import { decodeFiled, type FiledEvent } from './decode-entry.js'
import { ENDED, type RunChanges, runHash } from './open-run-table.js'
import type { SumKey } from './posting-sums.js'
import { walkEntries } from './walk-entries.js'

/** Goes through the entries of a block for what they do to runs alone. */
export interface RunsTask {
  readonly kind: 'runs'
  readonly from: number
  readonly to: number
  readonly sumKey: SumKey
}

export async function inspectRuns(db: Database, task: RunsTask, location: string): Promise<RunChanges> {
  const fold = new RunFold()
  await walkEntries(db, task, location, {
    entry: (seq, bytes) => {
      const event = decodeFiled(bytes)
      if (event) fold.add([{ event }], seq)
    },
  })
  return fold.changes(task.sumKey)
}

/** Collects the state in which the entries of a block leave the runs that they begin or end. */
export class RunFold {
  readonly #runs = new Map<string, { readonly key: Buffer; readonly seq: number }>()

  /** @param entries - that follow each other */
  add(entries: readonly { readonly event: FiledEvent }[], firstSeq: number): void {
    // Runs are told by events alone.
    for (const { tenantId, runId, seq } of openRunChanges(entries as unknown as readonly SealedEntry[], firstSeq)) {
      this.#runs.set(openRunId(tenantId, runId), { key: openRunKey(tenantId, runId), seq: seq ?? ENDED })
    }
  }

  changes(sumKey: SumKey): RunChanges {
    const hashes = new Uint32Array(2 * this.#runs.size)
    const seqs = new Float64Array(this.#runs.size)
    let at = 0
    for (const { key, seq } of this.#runs.values()) {
      hashes.set(runHash(key, sumKey), 2 * at)
      seqs[at++] = seq
    }
    return { hashes, seqs }
  }
}
