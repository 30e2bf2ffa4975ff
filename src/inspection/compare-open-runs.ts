import { prefixEnd } from '../store/keys.js'
import { OPEN_RUN_PREFIX } from '../store/leveldb/indexes/keys.js'
import { readSeq, SEQ_BYTES } from '../store/seq-bytes.js'
import { damageIn } from './damage.js'
import type { InspectedDatabase } from './inspected-database.js'
import { type OpenRunTable, type RunChanges, runHash } from './open-run-table.js'
import type { SumKey } from './posting-sums.js'
import { isRemovedIn, lastRemovedIn, type RemovedByBlock } from './removed-positions.js'
import { walkRange } from './walk-range.js'

/** The runs that are open by the entries, and the index that they are compared with. */
export interface OpenRunComparison {
  /** The index. */
  readonly stored: InspectedDatabase
  readonly openRuns: OpenRunTable
  readonly sumKey: SumKey
  /** Number of entries of the log. */
  readonly size: number
  readonly removed: RemovedByBlock
  /** Goes through the entries again, for the runs of the current part of the table. */
  readonly readChanges: () => AsyncIterable<RunChanges>
  readonly signal: AbortSignal | undefined
}

/** Compares the runs that are open by the entries with those that are stored as open, as many at a time as fit. */
export async function compareOpenRuns(comparison: OpenRunComparison): Promise<void> {
  const { openRuns, removed, readChanges } = comparison
  const lastRemoved = lastRemovedIn(removed)
  for (;;) {
    await compareStoredRuns(comparison)
    for (const seq of openRuns.left()) {
      // The entry that ended it may have been removed.
      if (seq < lastRemoved) continue
      runDiffers(comparison, seq, `the run that entry ${seq} began is not among those that are open`)
    }
    if (!openRuns.next()) return
    for await (const runs of readChanges()) openRuns.change(runs)
  }
}

/** Takes the stored runs from those that are open by the entries. */
async function compareStoredRuns(comparison: OpenRunComparison): Promise<void> {
  const { stored, openRuns, sumKey, removed, signal } = comparison
  const { db, findings, location } = stored
  const span = { gte: OPEN_RUN_PREFIX, lt: prefixEnd(OPEN_RUN_PREFIX) }
  try {
    for await (const items of walkRange(db, span, location)) {
      signal?.throwIfAborted()
      for (const [key, value] of items) {
        const hash = runHash(key, sumKey)
        if (!openRuns.holds(hash[0])) continue
        const storedSeq = value.length === SEQ_BYTES ? readSeq(value, 0) : -1
        const seq = openRuns.take(...hash)
        // The entry that began a run, or ended one, may have been removed since the index was made.
        if (seq === storedSeq || isRemovedIn(removed, storedSeq)) continue
        if (seq === undefined) {
          const what = `a run is open that by the entries is not (key ${key.toString('hex')})`
          runDiffers(comparison, storedSeq, what)
        } else runDiffers(comparison, seq, `the run that entry ${seq} began is open since another entry`)
      }
    }
  } catch (error) {
    findings.add('index_unreadable', `the open runs cannot be read: ${damageIn(error, location).message}`)
  }
}

function runDiffers({ stored, size }: OpenRunComparison, seq: number, what: string): void {
  stored.findings.add('open_run_altered', what, seq >= 0 && seq < size ? { from: seq, to: seq + 1 } : undefined)
}
