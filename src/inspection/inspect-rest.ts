import { prefixEnd } from '../store/keys.js'
import type { Database } from '../store/leveldb/database.js'
import { PAGE_POSITIONS } from '../store/leveldb/entries/directory.js'
import * as head from '../store/leveldb/entries/head.js'
import { blockKey, pageKey, tileKey } from '../store/leveldb/entries/keys.js'
import { COVERED_KEY, LOG_KEY } from '../store/leveldb/indexes/database.js'
import { OPEN_RUN_PREFIX, RUN_ROW_PREFIX, STRETCH_PREFIX, timeBlockKey } from '../store/leveldb/indexes/keys.js'
import { seqOfKey } from '../store/seq-bytes.js'
import { TIME_LEVELS } from '../store/time-blocks.js'
import { nodesAt, TILE_WIDTH } from '../tree/index.js'
import { type Finding, Findings } from '../verify/findings.js'
import { damageIn } from './damage.js'
import type { FrozenDatabases } from './frozen-log.js'
import { spanOf } from './inspect-postings.js'
import { FILED_INDEXES } from './posting-sums.js'
import { BLOCK_KEY_BYTES } from './read-block.js'
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
  const [block] = blockKey(0)
  const report = (key: Buffer) => {
    if (key[0] === block && key.length === BLOCK_KEY_BYTES) {
      const seq = seqOfKey(key)
      findings.add('entry_unexpected', `there is an entry ${seq} behind the end of the log`, { from: seq, to: seq + 1 })
    } else findings.add('record_unknown', `a record that no log of this size has (key ${key.toString('hex')})`)
  }
  try {
    await findUnknown(entries, spansOfEntries(size), report, location)
    if (index && covered !== undefined) await findUnknown(index, spansOfIndex(covered), report, location)
  } catch (error) {
    findings.add('database_unreadable', damageIn(error, location).message)
  }
  return findings.all
}

const META_KEYS = [head.FORMAT_KEY, head.ID_KEY, head.HASH_KEY_KEY, head.HEAD_KEY, head.WRITER_KEY, head.CHECKPOINT_KEY]
const KNOWN = new Set([...META_KEYS, LOG_KEY, COVERED_KEY].map((key) => key.toString('hex')))

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

/** The spans of keys that a log of this size may have in `entries`, in the order of the keys. */
function spansOfEntries(size: number): readonly KeySpan[] {
  const spans: KeySpan[] = [
    { gte: blockKey(0), lt: blockKey(size) },
    { gte: pageKey(0), lt: pageKey(Math.ceil(size / PAGE_POSITIONS)) },
  ]
  for (let level = 0; nodesAt(level, size) > 0; level++) {
    const nodes = nodesAt(level, size)
    const last = tileKey(level, Math.floor(nodes / TILE_WIDTH), nodes % TILE_WIDTH)
    spans.push({ gte: tileKey(level, 0, 0), lt: last })
  }
  return spans
}

/** The spans of keys that an index of so many entries may have, in the order of the keys. */
function spansOfIndex(covered: number): readonly KeySpan[] {
  const spans = FILED_INDEXES.map(spanOf)
  for (let level = 0; level < TIME_LEVELS; level++) {
    spans.push({ gte: timeBlockKey(level, 0), lt: timeBlockKey(level, Math.ceil(covered / 256 ** (level + 1))) })
  }
  for (const prefix of [OPEN_RUN_PREFIX, STRETCH_PREFIX, RUN_ROW_PREFIX])
    spans.push({ gte: prefix, lt: prefixEnd(prefix) })
  return spans
}

function gapsBetween(spans: readonly KeySpan[]): readonly KeySpan[] {
  const starts: Uint8Array[] = [Uint8Array.of(0), ...spans.map(({ lt }) => lt)]
  const ends = [...spans.map(({ gte }) => gte), Buffer.alloc(64, 0xff)]
  return starts
    .map((gte, at) => ({ gte, lt: ends[at] as Uint8Array }))
    .filter(({ gte, lt }) => Buffer.compare(gte, lt) < 0)
}
