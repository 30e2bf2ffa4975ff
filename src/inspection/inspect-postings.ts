import { prefixEnd } from '../store/keys.js'
import { CALLER_ID_PREFIX, RUN_ROW_PREFIX, valueKey, valueKeyOf } from '../store/leveldb/indexes/keys.js'
import { decodePosting } from '../store/posting-value.js'
import { readSeq, SEQ_BYTES, seqOfKey } from '../store/seq-bytes.js'
import { type Finding, Findings } from '../verify/findings.js'
import { BLOCK_LENGTH } from '../verify/leaf-block.js'
import { damageIn } from './damage.js'
import type { FrozenDatabases } from './frozen-log.js'
import type { InspectedDatabase } from './inspected-database.js'
import { type FiledIndex, PostingSums, type SumKey } from './posting-sums.js'
import { isRemovedIn, type RemovedByBlock } from './removed-positions.js'
import { statedSpan } from './stored-row.js'
import { type KeySpan, walkRange } from './walk-range.js'

export interface PostingsTask {
  readonly kind: 'postings'
  readonly index: FiledIndex
  /** Number of entries that the index covers. */
  readonly covered: number
  /** By block: what is filed of entries that were removed does not count. */
  readonly removed: RemovedByBlock
  readonly sumKey: SumKey
}

export interface PostingsReport {
  /** Two words for each block: see `PostingSums`. */
  readonly sums: Uint32Array
  readonly findings: readonly Finding[]
}

/** Sums up what is filed in one index. */
export async function inspectPostings(
  { index: db }: FrozenDatabases,
  task: PostingsTask,
  location: string,
): Promise<PostingsReport> {
  const findings = new Findings()
  const sums = new PostingSums(task.sumKey, Math.ceil(task.covered / BLOCK_LENGTH))
  try {
    if (!db) return { sums: sums.words, findings: [] }
    await walkPostings({ db, findings, location }, task, (filedUnder, seqs) => {
      sums.under(filedUnder)
      sums.add(seqs)
    })
  } catch (error) {
    const { message } = damageIn(error, location)
    findings.add('index_unreadable', `${nameOf(task.index)} cannot be read to its end: ${message}`)
  }
  return { sums: sums.words, findings: findings.all }
}

/** Returns the name of an index in messages. */
export function nameOf(index: FiledIndex): string {
  if (index === 'caller id') return "the index of callers' ids"
  return index === 'run row' ? 'the list of runs' : `the index ${index}`
}

/** Returns the kind of a finding about an index whose values are compared as a whole. */
export function kindOf(index: FiledIndex): 'caller_id_altered' | 'run_row_altered' | undefined {
  if (index === 'caller id') return 'caller_id_altered'
  return index === 'run row' ? 'run_row_altered' : undefined
}

/**
 * Goes through all postings of an index. What is damaged, or leads past what the index covers, goes to the findings.
 *
 * @param visit - receives the key of a value, and positions under it: ascending, all of them in the log. They are decoded one
 * posting at a time, since a few bytes may stand for a million of them
 */
export async function walkPostings(
  { db, findings, location }: InspectedDatabase,
  { index, covered, removed }: Pick<PostingsTask, 'index' | 'covered' | 'removed'>,
  visit: (filedUnder: Buffer, seqs: readonly number[]) => void,
): Promise<void> {
  const isOfPostings = kindOf(index) === undefined
  const hasRemoved = isOfPostings && removed.some((each) => each !== undefined)
  const positionsIn = readerOf(index, covered)
  for await (const items of walkRange(db, spanOf(index), location)) {
    for (const [key, value] of items) {
      const seqs = positionsIn(key, value)
      if (!seqs) {
        const what = `a value of ${nameOf(index)} is damaged (key ${key.toString('hex')})`
        findings.add(kindOf(index) ?? 'index_unreadable', what)
        continue
      }
      const left = hasRemoved ? seqs.filter((seq) => !isRemovedIn(removed, seq)) : seqs
      if (left.length > 0) visit(isOfPostings ? valueKeyOf(key) : key, left)
    }
  }
}

/** Returns the keys of what is filed in an index. */
export function spanOf(index: FiledIndex): KeySpan {
  const prefix = prefixOf(index)
  return { gte: prefix, lt: prefixEnd(prefix) }
}

function prefixOf(index: FiledIndex): Uint8Array {
  if (index === 'caller id') return CALLER_ID_PREFIX
  return index === 'run row' ? RUN_ROW_PREFIX : valueKey(index, [])
}

/** Returns what takes the positions out of a value of an index: `undefined` where it is damaged or leads too far. */
function readerOf(
  index: FiledIndex,
  covered: number,
): (key: Buffer, value: Uint8Array) => readonly number[] | undefined {
  if (index === 'caller id') return (_, value) => positionIn(value, covered)
  if (index !== 'run row') return (key, value) => decoded(key, value, covered)
  return (_, value) => {
    const span = statedSpan(value, covered)
    return span && [span.firstSeq]
  }
}

// Attacker-controlled: a stored position; one that the index does not cover is refused.
function positionIn(value: Uint8Array, covered: number): readonly number[] | undefined {
  const seq = value.length === SEQ_BYTES ? readSeq(value, 0) : Infinity
  return seq < covered ? [seq] : undefined
}

// Attacker-controlled: a stored posting; `decodePosting` refuses what does not ascend, and takes no more than it holds.
function decoded(key: Buffer, value: Uint8Array, covered: number): readonly number[] | undefined {
  try {
    const last = seqOfKey(key)
    return last < covered ? decodePosting(last, value) : undefined
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}
