import type { Database } from '../store/leveldb/database.js'
import type { NameHashes } from '../store/leveldb/hash-key.js'
import { runRowKey } from '../store/leveldb/indexes/keys.js'
import type { RowState } from '../store/runs/row-state.js'
import { decodeRow } from '../store/runs/row-value.js'
import type { Findings } from '../verify/findings.js'
import { damageIn } from './damage.js'

/** Returns a stored row; `undefined` where it is malformed, not that of its key, or knows of more than its index covers. */
export function readRow(
  key: Uint8Array,
  value: Uint8Array,
  { hashes, covered }: { readonly hashes: NameHashes; readonly covered: number },
): RowState | undefined {
  try {
    const row = decodeRow(value)
    const { tenantId, runId, firstSeq, lastSeq } = row
    const isPossible = firstSeq <= lastSeq && lastSeq < covered
    return isPossible && runRowKey(hashes, tenantId, runId).equals(key) ? row : undefined
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}

/** Reads the row under a key, on the thread that asks. What is damaged goes to the findings. */
export function readValue(
  db: Database,
  key: Buffer,
  findings: Findings,
  location: string,
): Uint8Array | 'unreadable' | undefined {
  try {
    return db.getSync(key)
  } catch (error) {
    findings.add('index_unreadable', `a row of a run cannot be read: ${damageIn(error, location).message}`)
    return 'unreadable'
  }
}
