import { AuditLogError } from '../../../events/errors.js'
import { HASH_BYTES, sameHash, TreeFrontier } from '../../../tree/index.js'
import type { CommitMarks, JournalPosition } from '../../contract.js'
import { decodeLogId, encodeLogId, newLogId } from '../../log-id.js'
import { readSeq, SEQ_BYTES, writeSeq } from '../../seq-bytes.js'
import type { Database } from '../database.js'
import { corrupt } from '../errors.js'
import { getMany } from '../get-many.js'
import { decodeHashKey, encodeHashKey, newHashKey } from '../hash-key.js'
import { Block, type BlockSlot, entrySlot } from './block.js'
import { type BlockPlace, OpenPages, pageOf } from './directory.js'
import { blockKey, blockStartOf, checkpointKey, headKey, isHeadKey, metaKey, PAGE_POSITIONS } from './keys.js'
import { FULL_BLOCK_BYTES, OpenBlocks } from './open-blocks.js'
import { StoredTiles } from './stored-tiles.js'

/** Version of everything below `entries/` and `index/`: keys, values and what they mean. */
export const FORMAT_VERSION = '3'

export const FORMAT_KEY: Buffer = metaKey('format')
export const ID_KEY: Buffer = metaKey('id')
export const HASH_KEY_KEY: Buffer = metaKey('hash key')
/** Of a log from which entries were removed; written with the slots that say so. */
export const REMOVED_KEY: Buffer = metaKey('removed')
/** Small blocks take less: their entries less than a full block, and their slots what as many entries as may be take. */
const MAX_OPEN_BYTES = FULL_BLOCK_BYTES + 2 ** 20

/** The state of a log that the next commit builds on. */
export interface Head {
  /** See `AuditStore.id`. */
  readonly id: string
  /** The key that index values are hashed with, see `NameHashes`. */
  readonly hashKey: Uint8Array
  /** Over all entries: its size is theirs. */
  readonly tree: TreeFrontier
  readonly openBlocks: OpenBlocks
  readonly openPages: OpenPages
  readonly writer: WriterState
  /** The newest signed checkpoint. */
  readonly checkpoint: string | undefined
  /** Number of entries when that was stored. */
  readonly checkpointSize: number | undefined
  /** Number of entries that were removed. */
  readonly removedEntries: number
}

/** The marks of the last commit, see `CommitMarks`. */
export interface WriterState {
  readonly journal: JournalPosition | undefined
  readonly closed: boolean
}

export const NEW_HEAD: Head = {
  id: '',
  hashKey: new Uint8Array(),
  tree: TreeFrontier.empty,
  openBlocks: OpenBlocks.startingAt(0),
  openPages: new OpenPages(),
  writer: { journal: undefined, closed: true },
  checkpoint: undefined,
  checkpointSize: undefined,
  removedEntries: 0,
}

/**
 * Reads where the log ends, and checks that the entries end there too. An empty database becomes an empty log.
 *
 * @throws AuditLogError `AUDIT_FORMAT_UNSUPPORTED`, `AUDIT_LOG_CORRUPT`
 */
export async function readHead(db: Database, location: string): Promise<Head> {
  const [format, storedId, storedKey, removed] = await getMany(db, [FORMAT_KEY, ID_KEY, HASH_KEY_KEY, REMOVED_KEY])
  if (!format) return await initialise(db, location)
  const version = textOf(format)
  if (version !== FORMAT_VERSION) {
    throw new AuditLogError(
      'AUDIT_FORMAT_UNSUPPORTED',
      `The audit log ${location} has format version ${version}; this Spanledger supports version ${FORMAT_VERSION}`,
    )
  }
  const id = storedId && decodeLogId(storedId)
  if (id === undefined) throw corrupt(location, 'its id is missing or damaged')
  const hashKey = storedKey && decodeHashKey(storedKey)
  if (hashKey === undefined) throw corrupt(location, 'its key for index values is missing or damaged')
  const stored = await lastHead(db)
  if (!stored) throw corrupt(location, 'its head is missing')
  const { size, root, openFrom, writer, checkpointSize } = decodeHead(stored.value, location)
  if (stored.size !== size || openFrom > size) throw corrupt(location, 'its head is malformed')
  const removedEntries = decodeRemoved(removed)
  if (removedEntries === undefined || removedEntries > size) {
    throw corrupt(location, 'its number of removed entries is malformed')
  }
  const { openBlocks, openPages } = await readOpen(db, { size, openFrom }, location)
  const tree = await TreeFrontier.restore(size, new StoredTiles(db))
  if (!sameHash(tree.root, root)) throw corrupt(location, 'its tree does not have the root of its head')
  const checkpoint = checkpointSize === undefined ? undefined : await db.get(checkpointKey(checkpointSize))
  if (checkpointSize !== undefined && !checkpoint) throw corrupt(location, 'its checkpoint is missing')
  return {
    id,
    hashKey,
    tree,
    openBlocks,
    openPages,
    writer,
    checkpoint: checkpoint && textOf(checkpoint),
    checkpointSize,
    removedEntries,
  }
}

/** Returns the head that was stored last: no key but that of a checkpoint of the same size comes behind its own. */
export async function lastHead(
  db: Database,
): Promise<{ readonly size: number; readonly value: Uint8Array } | undefined> {
  const range = { gte: headKey(0), lte: checkpointKey(Number.MAX_SAFE_INTEGER), reverse: true }
  for await (const key of db.keys(range)) {
    if (!isHeadKey(key)) continue
    const value = await db.get(key)
    return value && { size: readSeq(key, 1), value }
  }
  return undefined
}

async function initialise(db: Database, location: string): Promise<Head> {
  const keys = await db.keys({ limit: 1 }).all()
  if (keys.length > 0) throw corrupt(location, 'its format version is missing')
  const id = newLogId()
  const hashKey = newHashKey()
  await db
    .batch()
    .put(FORMAT_KEY, Buffer.from(FORMAT_VERSION))
    .put(ID_KEY, encodeLogId(id))
    .put(HASH_KEY_KEY, encodeHashKey(hashKey))
    .put(headKey(0), encodeHead(NEW_HEAD))
    .write({ sync: true })
  return { ...NEW_HEAD, id, hashKey }
}

/** Reads the small blocks at the end of the log, and makes the pages that may still change from where blocks begin. */
async function readOpen(
  db: Database,
  { size, openFrom }: Pick<StoredHead, 'size' | 'openFrom'>,
  location: string,
): Promise<Pick<Head, 'openBlocks' | 'openPages'>> {
  await assertEndsAt(db, size, location)
  if (size === 0) return NEW_HEAD
  const starts: number[] = []
  const slots: BlockSlot[] = []
  let expected = openFrom
  let bytes = 0
  for await (const [key, value] of db.iterator({ gte: blockKey(openFrom), lt: blockKey(size) })) {
    const firstSeq = blockStartOf(key)
    if (firstSeq === undefined) continue
    const block = new Block(firstSeq, value)
    bytes += block.bytes
    // A head may say that all of a log is small, which would be read into memory.
    if (bytes > MAX_OPEN_BYTES) throw corrupt(location, `its head calls blocks from entry ${openFrom} on small`)
    if (block.firstSeq !== expected) throw corrupt(location, `entry ${expected} of ${size} is missing`)
    starts.push(block.firstSeq)
    for (let seq = block.firstSeq; seq < block.end; seq++) slots.push(slotOf(block, seq))
    expected = block.end
  }
  if (expected !== size) throw corrupt(location, `entry ${expected} of ${size} is missing`)
  return { openBlocks: new OpenBlocks(openFrom, starts, slots), openPages: await readOpenPages(db, { size, openFrom }) }
}

async function assertEndsAt(db: Database, size: number, location: string): Promise<void> {
  const end = await endOfBlocks(db)
  if (end === size) return
  throw corrupt(
    location,
    end > size
      ? `it should have ${size} entries, but there is an entry ${size}`
      : `it should have ${size} entries, but entry ${size - 1} is missing`,
  )
}

/** Returns the position behind the last block. @throws RangeError when that is malformed */
async function endOfBlocks(db: Database): Promise<number> {
  const range = { gte: blockKey(0), lte: blockKey(Number.MAX_SAFE_INTEGER), reverse: true }
  for await (const [key, value] of db.iterator(range)) {
    const firstSeq = blockStartOf(key)
    if (firstSeq !== undefined) return new Block(firstSeq, value).end
  }
  return 0
}

/** Makes the pages from that of the oldest small block on. */
async function readOpenPages(
  db: Database,
  { size, openFrom }: Pick<StoredHead, 'size' | 'openFrom'>,
): Promise<OpenPages> {
  const from = pageOf(openFrom) * PAGE_POSITIONS
  const first = await blockStartAt(db, from)
  const starts: number[] = []
  for await (const key of db.keys({ gte: blockKey(first ?? from), lt: blockKey(size) })) {
    const start = blockStartOf(key)
    if (start !== undefined) starts.push(start)
  }
  const places = starts.map((firstSeq, at): BlockPlace => ({ firstSeq, end: starts[at + 1] ?? size }))
  return new OpenPages().change([], places, openFrom).pages
}

/** Returns the first position of the last block that begins at a position or before it. */
export async function blockStartAt(db: Database, seq: number): Promise<number | undefined> {
  const range = { gte: blockKey(0), lte: blockKey(seq), reverse: true, fillCache: false }
  for await (const key of db.keys(range)) {
    const start = blockStartOf(key)
    if (start !== undefined) return start
  }
  return undefined
}

function slotOf(block: Block, seq: number): BlockSlot {
  const bytes = block.entry(seq)
  return bytes ? entrySlot(bytes, block.hasCallerId(seq)) : (block.removed(seq) as BlockSlot)
}

/** Returns what the writer says with a commit: a position that it does not mention stays as it was. */
export function nextWriter({ journal }: WriterState, marks: CommitMarks | undefined): WriterState {
  return { journal: marks?.journal ?? journal, closed: marks?.closed === true }
}

/** The decoded value of the head. */
export interface StoredHead {
  readonly size: number
  readonly root: Uint8Array
  /** Position of the first entry in a small block, see `OpenBlocks`. */
  readonly openFrom: number
  readonly writer: WriterState
  readonly checkpointSize: number | undefined
}

/*
 * A head:
 *
 *   size (8) | root hash (32) | position of the first entry in a small block (8)
 *   | number of entries when the checkpoint was stored, and 1 (8), or 0 | closed (1)
 *   | the journal's position, if there is one: segment (8) | offset (8)
 */
const OPEN_FROM_AT = SEQ_BYTES + HASH_BYTES
const CHECKPOINT_AT = OPEN_FROM_AT + SEQ_BYTES
const CLOSED_AT = CHECKPOINT_AT + SEQ_BYTES
const JOURNAL_AT = CLOSED_AT + 1
const SHORT_BYTES = JOURNAL_AT
const LONG_BYTES = JOURNAL_AT + 2 * SEQ_BYTES

export function encodeHead({
  tree: { size, root },
  openBlocks,
  checkpointSize,
  writer: { journal, closed },
}: Pick<Head, 'tree' | 'openBlocks' | 'checkpointSize' | 'writer'>): Buffer {
  const value = Buffer.allocUnsafe(journal ? LONG_BYTES : SHORT_BYTES)
  writeSeq(value, size, 0)
  value.set(root, SEQ_BYTES)
  writeSeq(value, openBlocks.from, OPEN_FROM_AT)
  writeSeq(value, checkpointSize === undefined ? 0 : checkpointSize + 1, CHECKPOINT_AT)
  value[CLOSED_AT] = closed ? 1 : 0
  if (journal) {
    writeSeq(value, journal.segment, JOURNAL_AT)
    writeSeq(value, journal.offset, JOURNAL_AT + SEQ_BYTES)
  }
  return value
}

/** Returns what {@link encodeHead} encoded. @throws AuditLogError `AUDIT_LOG_CORRUPT` */
export function decodeHead(value: Uint8Array, location: string): StoredHead {
  if (!isHead(value)) throw corrupt(location, 'its head is malformed')
  const checkpoint = readSeq(value, CHECKPOINT_AT)
  const journal =
    value.length === LONG_BYTES
      ? { segment: readSeq(value, JOURNAL_AT), offset: readSeq(value, JOURNAL_AT + SEQ_BYTES) }
      : undefined
  return {
    size: readSeq(value, 0),
    root: value.subarray(SEQ_BYTES, OPEN_FROM_AT),
    openFrom: readSeq(value, OPEN_FROM_AT),
    writer: { journal, closed: value[CLOSED_AT] === 1 },
    checkpointSize: checkpoint === 0 ? undefined : checkpoint - 1,
  }
}

/** Returns the number of removed entries of a {@link REMOVED_KEY}; `undefined` where the value is none. */
export function decodeRemoved(value: Uint8Array | undefined): number | undefined {
  if (!value) return 0
  const count = value.length === SEQ_BYTES ? readSeq(value, 0) : 0
  return Number.isSafeInteger(count) && count > 0 ? count : undefined
}

/** Returns whether a value can be a head. */
export function isHead(value: Uint8Array): boolean {
  return value.length === SHORT_BYTES || value.length === LONG_BYTES
}

/** Returns whether a value can be the head of a log of so many entries. */
export function isHeadOf(size: number, value: Uint8Array): boolean {
  return isHead(value) && readSeq(value, 0) === size
}

export function textOf(value: Uint8Array): string {
  return Buffer.from(value.buffer, value.byteOffset, value.length).toString()
}
