import { AuditLogError } from '../../../events/errors.js'
import { HASH_BYTES, sameHash, TreeFrontier } from '../../../tree/index.js'
import type { CommitMarks, JournalPosition } from '../../contract.js'
import { decodeLogId, encodeLogId, newLogId } from '../../log-id.js'
import { readSeq, SEQ_BYTES, seqOfKey, writeSeq } from '../../seq-bytes.js'
import type { Database } from '../database.js'
import { corrupt } from '../errors.js'
import { getMany } from '../get-many.js'
import { decodeHashKey, encodeHashKey, newHashKey } from '../hash-key.js'
import { Block, type BlockSlot, entrySlot } from './block.js'
import { OpenPages, pageOf } from './directory.js'
import { blockKey, metaKey, pageKey } from './keys.js'
import { FULL_BLOCK_BYTES, OpenBlocks } from './open-blocks.js'
import { StoredTiles } from './stored-tiles.js'

/** Version of everything below `entries/` and `index/`: keys, values and what they mean. */
export const FORMAT_VERSION = '3'

export const FORMAT_KEY: Buffer = metaKey('format')
export const ID_KEY: Buffer = metaKey('id')
export const HASH_KEY_KEY: Buffer = metaKey('hash key')
export const HEAD_KEY: Buffer = metaKey('head')
export const WRITER_KEY: Buffer = metaKey('writer')
export const CHECKPOINT_KEY: Buffer = metaKey('checkpoint')
/** Of a log from which entries were removed; written with the slots that say so. */
export const REMOVED_KEY: Buffer = metaKey('removed')
const HEAD_BYTES = SEQ_BYTES + HASH_BYTES + SEQ_BYTES
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
  openPages: new OpenPages(new Map()),
  writer: { journal: undefined, closed: true },
  checkpoint: undefined,
  removedEntries: 0,
}

/**
 * Reads where the log ends, and checks that the entries end there too. An empty database becomes an empty log.
 *
 * @throws AuditLogError `AUDIT_FORMAT_UNSUPPORTED`, `AUDIT_LOG_CORRUPT`
 */
export async function readHead(db: Database, location: string): Promise<Head> {
  const meta = await getMany(db, [FORMAT_KEY, HEAD_KEY, WRITER_KEY, CHECKPOINT_KEY, ID_KEY, HASH_KEY_KEY, REMOVED_KEY])
  const [format, stored, writer, checkpoint, storedId, storedKey, removed] = meta
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
  if (!isHead(stored)) throw corrupt(location, 'its head is missing')

  const { size, root, openFrom } = decodeHead(stored)
  const removedEntries = decodeRemoved(removed)
  if (removedEntries === undefined || removedEntries > size) {
    throw corrupt(location, 'its number of removed entries is malformed')
  }
  if (openFrom > size) throw corrupt(location, 'its head is malformed')
  const { openBlocks, openPages } = await readOpen(db, { size, openFrom }, location)
  const tree = await TreeFrontier.restore(size, new StoredTiles(db))
  if (!sameHash(tree.root, root)) throw corrupt(location, 'its tree does not have the root of its head')
  return {
    id,
    hashKey,
    tree,
    openBlocks,
    openPages,
    writer: decodeWriter(writer, location),
    checkpoint: checkpoint && textOf(checkpoint),
    removedEntries,
  }
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
    .put(HEAD_KEY, encodeHead(TreeFrontier.empty, 0))
    .write({ sync: true })
  return { ...NEW_HEAD, id, hashKey }
}

/** Reads the small blocks at the end of the log, and the pages that may still change. */
async function readOpen(
  db: Database,
  { size, openFrom }: Pick<StoredHead, 'size' | 'openFrom'>,
  location: string,
): Promise<Pick<Head, 'openBlocks' | 'openPages'>> {
  if (size === 0) {
    const [first] = await db.keys({ gte: blockKey(0), lt: pageKey(0), limit: 1 }).all()
    if (first) throw corrupt(location, 'it should have 0 entries, but has more')
    return NEW_HEAD
  }
  const starts: number[] = []
  const slots: BlockSlot[] = []
  let expected = openFrom
  const [last] = await db.iterator({ gte: blockKey(0), lt: pageKey(0), reverse: true, limit: 1 }).all()
  const lastBlock = last && new Block(seqOfKey(last[0]), last[1])
  if (lastBlock?.end !== size) {
    throw corrupt(
      location,
      lastBlock && lastBlock.end > size
        ? `it should have ${size} entries, but there is an entry ${size}`
        : `it should have ${size} entries, but entry ${size - 1} is missing`,
    )
  }
  let bytes = 0
  for await (const [key, value] of db.iterator({ gte: blockKey(openFrom), lt: blockKey(size) })) {
    const block = new Block(seqOfKey(key), value)
    bytes += block.bytes
    // A head may say that all of a log is small, which would be read into memory.
    if (bytes > MAX_OPEN_BYTES) throw corrupt(location, `its head calls blocks from entry ${openFrom} on small`)
    if (block.firstSeq !== expected) throw corrupt(location, `entry ${expected} of ${size} is missing`)
    starts.push(block.firstSeq)
    for (let seq = block.firstSeq; seq < block.end; seq++) slots.push(slotOf(block, seq))
    expected = block.end
  }
  if (expected !== size) throw corrupt(location, `entry ${expected} of ${size} is missing`)
  const pages = new Map<number, Buffer>()
  for (const [key, value] of await db.iterator({ gte: pageKey(pageOf(openFrom)), lte: pageKey(pageOf(size)) }).all()) {
    pages.set(seqOfKey(key), Buffer.from(value))
  }
  return { openBlocks: new OpenBlocks(openFrom, starts, slots), openPages: new OpenPages(pages) }
}

function slotOf(block: Block, seq: number): BlockSlot {
  const bytes = block.entry(seq)
  return bytes ? entrySlot(bytes, block.hasCallerId(seq)) : (block.removed(seq) as BlockSlot)
}

/** Returns what the writer says with a commit: a position that it does not mention stays as it was. */
export function nextWriter({ journal }: WriterState, marks: CommitMarks | undefined): WriterState {
  return { journal: marks?.journal ?? journal, closed: marks?.closed === true }
}

/** 1 when closed, else 0; then, if there is one, the position's segment and offset, 8 bytes each. */
export function encodeWriter({ journal, closed }: WriterState): Buffer {
  const value = Buffer.alloc(journal ? 17 : 1)
  value[0] = closed ? 1 : 0
  if (journal) {
    writeSeq(value, journal.segment, 1)
    writeSeq(value, journal.offset, 9)
  }
  return value
}

function decodeWriter(value: Uint8Array | undefined, location: string): WriterState {
  if (!value) return NEW_HEAD.writer
  if (value.length !== 1 && value.length !== 17) throw corrupt(location, 'the state of its writer is malformed')
  const journal = value.length === 17 ? { segment: readSeq(value, 1), offset: readSeq(value, 9) } : undefined
  return { journal, closed: value[0] === 1 }
}

/** The decoded value of the head. */
export interface StoredHead {
  readonly size: number
  readonly root: Uint8Array
  /** Position of the first entry in a small block, see `OpenBlocks`. */
  readonly openFrom: number
}

/** Returns the size (8), the root hash (32) and the position of the first entry in a small block (8). */
export function encodeHead({ size, root }: TreeFrontier, openFrom: number): Buffer {
  const value = Buffer.allocUnsafe(HEAD_BYTES)
  writeSeq(value, size, 0)
  value.set(root, SEQ_BYTES)
  writeSeq(value, openFrom, SEQ_BYTES + HASH_BYTES)
  return value
}

/** Returns what {@link encodeHead} encoded. @param value - of the right length */
export function decodeHead(value: Uint8Array): StoredHead {
  return {
    size: readSeq(value, 0),
    root: value.subarray(SEQ_BYTES, SEQ_BYTES + HASH_BYTES),
    openFrom: readSeq(value, SEQ_BYTES + HASH_BYTES),
  }
}

/** Returns the number of removed entries of a {@link REMOVED_KEY}; `undefined` where the value is none. */
export function decodeRemoved(value: Uint8Array | undefined): number | undefined {
  if (!value) return 0
  const count = value.length === SEQ_BYTES ? readSeq(value, 0) : 0
  return Number.isSafeInteger(count) && count > 0 ? count : undefined
}

/** Returns whether a value can be a head. */
export function isHead(value: Uint8Array | undefined): value is Uint8Array {
  return value?.length === HEAD_BYTES
}

export function textOf(value: Uint8Array): string {
  return Buffer.from(value.buffer, value.byteOffset, value.length).toString()
}
