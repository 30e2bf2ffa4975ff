import type { Database } from '../store/leveldb/load-level.js'
import type { Findings } from '../verify/findings.js'
import { damageIn } from './damage.js'
import type { RowSpan } from './row-findings.js'

const STRING = '"(?:[^"\\\\]|\\\\.)*"'
/** The beginning of a row as it is stored: tenant, run, first position, time and session of the first event, last position. */
const BEGINNING = new RegExp(`^\\[${STRING},${STRING},(\\d{1,15}),${STRING},${STRING},(\\d{1,15}),`)

const { latin1Slice } = Buffer.prototype

/**
 * Returns the positions of the first and the last event of a run, as its row states them; `undefined` where it is malformed,
 * or knows of more than its index covers.
 *
 * Attacker-controlled: a stored row; positions of at most 15 digits are taken from its beginning, in one pass.
 */
export function statedSpan(value: Uint8Array, covered: number): RowSpan | undefined {
  const found = BEGINNING.exec(latin1Slice.call(value, 0, value.length))
  if (!found) return undefined
  const [firstSeq, lastSeq] = [Number(found[1]), Number(found[2])]
  return firstSeq <= lastSeq && lastSeq < covered ? { firstSeq, lastSeq } : undefined
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
