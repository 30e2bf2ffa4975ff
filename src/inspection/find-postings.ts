import type { IndexName, SealedEntry } from '../store/contract.js'
import { entryKey, postingPrefix, seqOfKey } from '../store/keys.js'
import type { Database } from '../store/leveldb/database.js'
import { postingsOf } from '../store/postings.js'
import { type Finding, Findings } from '../verify/findings.js'
import { damageIn } from './damage.js'
import { decodeEntry } from './decode-entry.js'
import { walkPostings } from './inspect-postings.js'
import { walkRange } from './walk-range.js'

export interface FindPostingsTask {
  readonly kind: 'find-postings'
  readonly index: IndexName
  /** The block of entries that it is about. */
  readonly from: number
  readonly to: number
  readonly size: number
}

/** Finds out what of an index does not fit the entries of a block, where the sums say that something does not. */
export async function findPostings(
  db: Database,
  task: FindPostingsTask,
  location: string,
): Promise<readonly Finding[]> {
  const { index, from, to } = task
  const findings = new Findings()
  try {
    await compare(db, task, findings, location)
  } catch (error) {
    const { message } = damageIn(error, location)
    findings.add('index_unreadable', `the index ${index} cannot be compared: ${message}`, { from, to })
  }
  return findings.all
}

async function compare(db: Database, task: FindPostingsTask, findings: Findings, location: string): Promise<void> {
  const { index, from, to } = task
  const missing = await expectedPostings(db, task, location)
  const isIn = (seq: number) => seq >= from && seq < to
  // What is damaged was told when the index was summed up.
  for await (const { valueKey, seqs } of walkPostings(db, task, new Findings(), location)) {
    const value = valueKey.toString('latin1')
    for (const seq of seqs) {
      if (!isIn(seq) || missing.delete(`${seq} ${value}`)) continue
      findings.add('posting_stray', `the index ${index} files entry ${seq} where it does not belong, or twice`, {
        from: seq,
        to: seq + 1,
      })
    }
  }
  for (const key of missing) {
    const seq = Number.parseInt(key, 10)
    findings.add('posting_missing', `the index ${index} does not file entry ${seq}`, { from: seq, to: seq + 1 })
  }
}

/** What the entries of the block file in the index: position and value of each. */
async function expectedPostings(db: Database, task: FindPostingsTask, location: string): Promise<Set<string>> {
  const { index, from, to } = task
  const expected = new Set<string>()
  for await (const items of walkRange(db, { gte: entryKey(from), lt: entryKey(to) }, location)) {
    for (const [key, bytes] of items) {
      const event = decodeEntry(bytes)
      if (!event) continue
      for (const posting of postingsOf([{ event }] as unknown as readonly SealedEntry[], seqOfKey(key))) {
        if (posting.index !== index) continue
        expected.add(`${seqOfKey(key)} ${postingPrefix(index, posting.value).toString('latin1')}`)
      }
    }
  }
  return expected
}
