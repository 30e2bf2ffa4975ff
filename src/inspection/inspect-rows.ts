import { decodeWithRun } from '../store/runs/decode-run.js'
import { Findings } from '../verify/findings.js'
import { EntryRows } from './entry-rows.js'
import type { ComparedIndex } from './filed-entries.js'
import type { FrozenDatabases } from './frozen-log.js'
import type { HashPart } from './hash-parts.js'
import { hashesFor } from './kept-hashes.js'
import { RowChangeList, type RowChanges } from './row-changes.js'
import { readValue } from './stored-row.js'
import { walkBlocks } from './walk-blocks.js'

/** Goes through the entries of a block for the rows of a part of the runs alone. */
export interface RowsTask {
  readonly kind: 'rows'
  readonly from: number
  /** As far as the index covers the block. */
  readonly to: number
  /** Number of entries of the log. */
  readonly size: number
  readonly index: ComparedIndex
  readonly part: HashPart
}

export async function inspectRows(
  { entries, index: db }: FrozenDatabases,
  { from, to, size, index, part }: RowsTask,
  location: string,
): Promise<RowChanges> {
  if (!db) return new RowChangeList().changes
  const { covered, hashKey, sumKey } = index
  // What is wrong with one row alone became a finding when all were looked at.
  const findings = new Findings()
  const read = (key: Buffer) => readValue(db, key, findings, location)
  const rows = new EntryRows({ hashes: hashesFor(hashKey), covered, sumKey, read }, { from, to, findings, part })
  await walkBlocks(entries, { from, to, size }, location, {
    block(block, first, end) {
      for (let seq = first; seq < end; seq++) {
        const bytes = block.entry(seq)
        const event = bytes && decodeWithRun(bytes)
        if (event?.runId === undefined) continue
        rows.add(rows.runAt(seq, event.tenantId, event.runId), seq, event)
      }
    },
  })
  return rows.finish()
}
