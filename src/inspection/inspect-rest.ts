import type { AuditEvent } from '../events/types.js'
import {
  CALLER_ID_PREFIXES,
  callerIdKey,
  entryKey,
  metaKey,
  OPEN_RUN_PREFIX,
  postingPrefix,
  prefixEnd,
  readSeq,
  tileKey,
  timeBlockKey,
  unscopedCallerIdKey,
} from '../store/keys.js'
import type { Database } from '../store/leveldb/database.js'
import { CHECKPOINT_KEY, HEAD_KEY, ID_KEY, WRITER_KEY } from '../store/leveldb/head.js'
import { TIME_LEVELS } from '../store/time-blocks.js'
import { nodesAt, TILE_WIDTH } from '../tree/index.js'
import { type Finding, Findings } from '../verify/findings.js'
import { damageIn } from './damage.js'
import { decodeEntry } from './decode-entry.js'
import { INDEX_NAMES } from './posting-sums.js'
import { type KeySpan, walkRange } from './walk-range.js'

export interface RestTask {
  readonly kind: 'rest'
  /** Number of entries of the log. */
  readonly size: number
}

/** Looks at callers' ids, and for what should not be there. */
export async function inspectRest(db: Database, { size }: RestTask, location: string): Promise<readonly Finding[]> {
  const findings = new Findings()
  try {
    await findUnknown(db, size, findings, location)
    for (const ids of CALLER_ID_INDEXES) await compareCallerIds(db, ids, size, findings, location)
  } catch (error) {
    findings.add('database_unreadable', damageIn(error, location).message)
  }
  return findings.all
}

/** The first byte of the keys of a kind, as `store/keys` builds them. */
const kindOf = (key: Uint8Array) => key[0] as number
const [UNSCOPED_IDS, CALLER_IDS] = CALLER_ID_PREFIXES.map(spanOf) as [KeySpan, KeySpan]

/** The place of callers' ids, and the key for that of an event. */
interface CallerIds {
  readonly span: KeySpan
  readonly keyOf: (event: AuditEvent) => Buffer
}
const CALLER_ID_INDEXES: readonly CallerIds[] = [
  { span: UNSCOPED_IDS, keyOf: ({ id }) => unscopedCallerIdKey(id) },
  { span: CALLER_IDS, keyOf: ({ tenantId, id }) => callerIdKey(tenantId, id) },
]

/** Each caller id leads to an entry with that id. */
async function compareCallerIds(
  db: Database,
  { span, keyOf }: CallerIds,
  size: number,
  findings: Findings,
  location: string,
): Promise<void> {
  for await (const items of walkRange(db, span, location)) {
    const seqs = items.map(([, value]) => (value.length === 8 ? readSeq(value, 0) : Infinity))
    const entries: (Uint8Array | undefined)[] = await db.getMany(seqs.map((seq) => entryKey(seq < size ? seq : size)))
    for (const [at, [key]] of items.entries()) {
      const seq = seqs[at] as number
      const bytes = seq < size ? entries[at] : undefined
      const event = bytes && decodeEntry(bytes)
      if (typeof event?.id === 'string' && keyOf(event).equals(key)) continue
      const entry = seq < size ? { from: seq, to: seq + 1 } : undefined
      findings.add('caller_id_altered', `a caller's id leads to entry ${seq}, which does not have it`, entry)
    }
  }
}

/** Goes through the gaps between what is known. */
async function findUnknown(db: Database, size: number, findings: Findings, location: string): Promise<void> {
  const known = new Set(
    [metaKey('format'), HEAD_KEY, ID_KEY, WRITER_KEY, CHECKPOINT_KEY].map((key) => key.toString('hex')),
  )
  const report = (key: Buffer) => {
    if (known.has(key.toString('hex'))) return
    if (kindOf(key) === kindOf(entryKey(0)) && key.length === entryKey(0).length) {
      const seq = readSeq(key, 1)
      findings.add('entry_unexpected', `there is an entry ${seq} behind the end of the log`, { from: seq, to: seq + 1 })
    } else findings.add('record_unknown', `a record that no log of this size has (key ${key.toString('hex')})`)
  }
  for (const span of gapsBetween(knownSpans(size))) {
    for await (const items of walkRange(db, span, location)) for (const [key] of items) report(key)
  }
}

/** Where there may be keys in a log of this size, in the order of the keys. */
function knownSpans(size: number): readonly KeySpan[] {
  const spans: KeySpan[] = [{ gte: entryKey(0), lt: entryKey(size) }]
  spans.push(...INDEX_NAMES.map((index) => spanOf(postingPrefix(index, []))))
  spans.push(UNSCOPED_IDS)
  for (let level = 0; level < TIME_LEVELS; level++) {
    spans.push({ gte: timeBlockKey(level, 0), lt: timeBlockKey(level, Math.ceil(size / 256 ** (level + 1))) })
  }
  spans.push(spanOf(OPEN_RUN_PREFIX))
  for (let level = 0; nodesAt(level, size) > 0; level++) {
    const nodes = nodesAt(level, size)
    const last = tileKey(level, Math.floor(nodes / TILE_WIDTH), nodes % TILE_WIDTH)
    spans.push({ gte: tileKey(level, 0, 0), lt: last })
  }
  spans.push(CALLER_IDS)
  return spans
}

function gapsBetween(spans: readonly KeySpan[]): readonly KeySpan[] {
  const starts: Uint8Array[] = [Uint8Array.of(0), ...spans.map(({ lt }) => lt)]
  const ends = [...spans.map(({ gte }) => gte), Buffer.alloc(64, 0xff)]
  return starts
    .map((gte, at) => ({ gte, lt: ends[at] as Uint8Array }))
    .filter(({ gte, lt }) => Buffer.compare(gte, lt) < 0)
}

function spanOf(prefix: Uint8Array): KeySpan {
  return { gte: prefix, lt: prefixEnd(prefix) }
}
