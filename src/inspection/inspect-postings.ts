import type { IndexName } from '../store/contract.js'
import { postingPrefix, prefixEnd, seqOfKey, valueKeyOf } from '../store/keys.js'
import type { Database } from '../store/leveldb/database.js'
import { decodePosting, postingSpan } from '../store/posting-value.js'
import { type Finding, Findings } from '../verify/findings.js'
import { BLOCK_LENGTH } from '../verify/leaf-block.js'
import { damageIn } from './damage.js'
import { PostingSums, type SumKey } from './posting-sums.js'
import { walkRange } from './walk-range.js'

/** Far more positions than a commit files in one posting: a few bytes may claim any number. */
const MAX_POSTING = 2 ** 20

export interface PostingsTask {
  readonly kind: 'postings'
  readonly index: IndexName
  /** Number of entries of the log. */
  readonly size: number
  readonly sumKey: SumKey
}

export interface PostingsReport {
  /** Two words for each block: see `PostingSums`. */
  readonly sums: Uint32Array
  readonly findings: readonly Finding[]
}

/** Sums up what is filed in one index. */
export async function inspectPostings(db: Database, task: PostingsTask, location: string): Promise<PostingsReport> {
  const findings = new Findings()
  const sums = new PostingSums(task.sumKey, Math.ceil(task.size / BLOCK_LENGTH))
  try {
    for await (const { valueKey, seqs } of walkPostings(db, task, findings, location)) {
      sums.under(valueKey)
      sums.add(seqs)
    }
  } catch (error) {
    const { message } = damageIn(error, location)
    findings.add('index_unreadable', `the index ${task.index} cannot be read to its end: ${message}`)
  }
  return { sums: sums.words, findings: findings.all }
}

interface FiledSeqs {
  readonly valueKey: Buffer
  /** Ascending, all of them in the log. */
  readonly seqs: readonly number[]
}

/** All postings of an index. What is damaged, or leads past the end of the log, goes to the findings. */
export async function* walkPostings(
  db: Database,
  { index, size }: { readonly index: IndexName; readonly size: number },
  findings: Findings,
  location: string,
): AsyncGenerator<FiledSeqs> {
  const prefix = postingPrefix(index, [])
  for await (const items of walkRange(db, { gte: prefix, lt: prefixEnd(prefix) }, location)) {
    for (const [key, value] of items) {
      const seqs = decoded(key, value, size)
      if (!seqs)
        findings.add('index_unreadable', `a posting of the index ${index} is damaged (key ${key.toString('hex')})`)
      else yield { valueKey: valueKeyOf(key), seqs }
    }
  }
}

function decoded(key: Buffer, value: Uint8Array, size: number): readonly number[] | undefined {
  try {
    const { count, first, last } = postingSpan(seqOfKey(key), value)
    if (count < 1 || first < 0 || last >= size || count > last - first + 1 || count > MAX_POSTING) return undefined
    const seqs = decodePosting(seqOfKey(key), value)
    const isAscending = seqs.every((seq, at) => at === 0 || seq > (seqs[at - 1] as number))
    return isAscending && seqs[0] === first ? seqs : undefined
  } catch (error) {
    if (error instanceof RangeError) return undefined
    throw error
  }
}
