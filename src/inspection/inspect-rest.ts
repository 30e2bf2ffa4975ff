import { prefixEnd } from '../store/keys.js'
import { FORMAT_KEY, HASH_KEY_KEY, ID_KEY, REMOVED_KEY } from '../store/leveldb/entries/head.js'
import { blockKey, blockStartOf, headKey } from '../store/leveldb/entries/keys.js'
import { COVERED_KEY, LOG_KEY } from '../store/leveldb/indexes/database.js'
import { OPEN_RUN_PREFIX, STRETCH_PREFIX, timeBlockKey } from '../store/leveldb/indexes/keys.js'
import type { Database } from '../store/leveldb/load-level.js'
import { TIME_LEVELS } from '../store/time-blocks.js'
import { type Finding, Findings } from '../verify/findings.js'
import { damageIn } from './damage.js'
import type { FrozenDatabases } from './frozen-log.js'
import { spanOf } from './inspect-postings.js'
import { FILED_INDEXES } from './posting-sums.js'
import { type KeySpan, walkRange } from './walk-range.js'

export interface RestTask {
  readonly kind: 'rest'
  /** Number of entries of the log. */
  readonly size: number
  /** Number of entries that the index covers; `undefined` where the index is not looked at. */
  readonly covered: number | undefined
}

/** Looks for what should not be there, in the gaps between what is known. */
export async function inspectRest(
  { entries, index }: FrozenDatabases,
  { size, covered }: RestTask,
  location: string,
): Promise<readonly Finding[]> {
  const findings = new Findings()
  const report = (key: Buffer) => {
    const seq = blockStartOf(key)
    if (seq !== undefined) {
      findings.add('entry_unexpected', `there is an entry ${seq} behind the end of the log`, { from: seq, to: seq + 1 })
    } else findings.add('record_unknown', `a record that no log of this size has (key ${key.toString('hex')})`)
  }
  try {
    // Whoever goes through the blocks sees what stands between them.
    await findUnknown(entries, [{ gte: blockKey(0), lt: blockKey(size) }], report, location)
    if (index && covered !== undefined) await findUnknown(index, spansOfIndex(covered), report, location)
  } catch (error) {
    findings.add('database_unreadable', damageIn(error, location).message)
  }
  return findings.all
}

const KNOWN = new Set(
  [REMOVED_KEY, FORMAT_KEY, ID_KEY, HASH_KEY_KEY, headKey(0), LOG_KEY, COVERED_KEY].map((key) => key.toString('hex')),
)

async function findUnknown(
  db: Database,
  spans: readonly KeySpan[],
  report: (key: Buffer) => void,
  location: string,
): Promise<void> {
  for (const span of gapsBetween(spans)) {
    for await (const items of walkRange(db, span, location)) {
      for (const [key] of items) if (!KNOWN.has(key.toString('hex'))) report(key)
    }
  }
}

/** The spans of keys that an index of so many entries may have, in the order of the keys. */
function spansOfIndex(covered: number): readonly KeySpan[] {
  const spans = FILED_INDEXES.map(spanOf)
  for (let level = 0; level < TIME_LEVELS; level++) {
    spans.push({ gte: timeBlockKey(level, 0), lt: timeBlockKey(level, Math.ceil(covered / 256 ** (level + 1))) })
  }
  const prefixes = [OPEN_RUN_PREFIX, STRETCH_PREFIX]
  for (const prefix of prefixes) spans.push({ gte: prefix, lt: prefixEnd(prefix) })
  return spans.sort((one, other) => Buffer.compare(one.gte, other.gte))
}

function gapsBetween(spans: readonly KeySpan[]): readonly KeySpan[] {
  const starts: Uint8Array[] = [Uint8Array.of(0), ...spans.map(({ lt }) => lt)]
  const ends = [...spans.map(({ gte }) => gte), Buffer.alloc(64, 0xff)]
  return starts
    .map((gte, at) => ({ gte, lt: ends[at] as Uint8Array }))
    .filter(({ gte, lt }) => Buffer.compare(gte, lt) < 0)
}
