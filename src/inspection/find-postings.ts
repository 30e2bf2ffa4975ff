import { decodeEntry } from '../store/decode-entry.js'
import { filedEvent } from '../store/filed-event.js'
import { callerIdKey, callerIdKeyOf, runRowKey, valueKey } from '../store/leveldb/indexes/keys.js'
import { postingsOf } from '../store/postings.js'
import { type Finding, type FindingKind, Findings } from '../verify/findings.js'
import { damageIn } from './damage.js'
import type { FrozenDatabases } from './frozen-log.js'
import { kindOf, nameOf, walkPostings } from './inspect-postings.js'
import { hashesFor } from './kept-hashes.js'
import type { FiledIndex } from './posting-sums.js'
import type { RemovedPositions } from './removed-positions.js'
import { walkBlocks } from './walk-blocks.js'

export interface FindPostingsTask {
  readonly kind: 'find-postings'
  readonly index: FiledIndex
  /** The block of entries that it is about, as far as the index covers it. */
  readonly from: number
  readonly to: number
  /** Number of entries that the index covers. */
  readonly covered: number
  /** Number of entries of the log. */
  readonly size: number
  /** The log's key for index values. */
  readonly hashKey: Uint8Array
  /** See `PostingsTask`. */
  readonly removed: readonly (RemovedPositions | undefined)[]
}

/** Finds the postings of an index that do not fit the entries of a block, where the sums differ. */
export async function findPostings(
  databases: FrozenDatabases,
  task: FindPostingsTask,
  location: string,
): Promise<readonly Finding[]> {
  const { index, from, to } = task
  const findings = new Findings()
  try {
    await compare(databases, task, findings, location)
  } catch (error) {
    const { message } = damageIn(error, location)
    findings.add('index_unreadable', `${nameOf(index)} cannot be compared: ${message}`, { from, to })
  }
  return findings.all
}

async function compare(
  databases: FrozenDatabases,
  task: FindPostingsTask,
  findings: Findings,
  location: string,
): Promise<void> {
  const { index, from, to } = task
  if (!databases.index) return
  const differs = (kind: FindingKind, seq: number, what: string) =>
    findings.add(kindOf(index) ?? kind, what, { from: seq, to: seq + 1 })
  const missing = await expectedPostings(databases, task, location)
  const isIn = (seq: number) => seq >= from && seq < to
  // What is damaged became a finding when the index was summed up.
  await walkPostings({ db: databases.index, findings: new Findings(), location }, task, (filedUnder, seqs) => {
    const value = filedUnder.toString('latin1')
    for (const seq of seqs) {
      if (!isIn(seq) || missing.delete(`${seq} ${value}`)) continue
      differs('posting_stray', seq, `${nameOf(index)} files entry ${seq} where it does not belong, or twice`)
    }
  })
  // A run's row stands at one of its events alone; where it has none, the comparison of rows finds it.
  if (index === 'run row') return
  for (const key of missing) {
    const seq = Number.parseInt(key, 10)
    differs('posting_missing', seq, `${nameOf(index)} does not file entry ${seq}`)
  }
}

/** Returns what the entries of the block file in the index: position and value of each. */
async function expectedPostings(
  { entries }: FrozenDatabases,
  task: FindPostingsTask,
  location: string,
): Promise<Set<string>> {
  const { index, hashKey } = task
  const hashes = hashesFor(hashKey)
  const expected = new Set<string>()
  const add = (seq: number, key: Buffer) => expected.add(`${seq} ${key.toString('latin1')}`)
  await walkBlocks(entries, task, location, {
    block(block, from, to) {
      for (let seq = from; seq < to; seq++) {
        const bytes = block.entry(seq)
        const event = bytes && decodeEntry(bytes)
        if (index === 'caller id') {
          const digest = block.removed(seq)?.idDigest
          if (digest) add(seq, callerIdKeyOf(digest))
          else if (event && block.hasCallerId(seq) && typeof event.id === 'string') add(seq, callerIdKey(hashes, event))
        } else if (index === 'run row') {
          if (event?.runId !== undefined) add(seq, runRowKey(hashes, event.tenantId, event.runId))
        } else if (event) {
          for (const posting of postingsOf([{ event: filedEvent(event) }], seq)) {
            if (posting.index !== index) continue
            const parts = posting.value.map((part) => hashes.of(part))
            add(seq, valueKey(index, parts))
          }
        }
      }
    },
  })
  return expected
}
