import { AuditLogError } from '../../events/errors.js'
import { isTimestamp } from '../../events/time.js'
import { HASH_BYTES, sameHash, TreeFrontier } from '../../tree/index.js'
import type { CommitMarks, JournalPosition } from '../contract.js'
import { entryKey, metaKey, readSeq, timeBlockKey, writeSeq } from '../keys.js'
import { decodeLogId, encodeLogId, newLogId } from '../log-id.js'
import { openBlocks, type TimeBlock } from '../time-blocks.js'
import type { Database } from './database.js'
import { corrupt } from './errors.js'
import { StoredTiles } from './stored-tiles.js'

/** Version of everything below `db/`: keys, values and what they mean. */
export const FORMAT_VERSION = '2'

const FORMAT_KEY = metaKey('format')
export const ID_KEY = metaKey('id')
export const HEAD_KEY = metaKey('head')
export const WRITER_KEY = metaKey('writer')
export const CHECKPOINT_KEY = metaKey('checkpoint')

/** What a commit builds on. */
export interface Head {
  /** See `AuditStore.id`. Empty for a log that got none yet: its next writer gives it one. */
  readonly id: string
  /** Over all entries: its size is theirs. */
  readonly tree: TreeFrontier
  /** The last time block of each level. */
  readonly timeBlocks: readonly TimeBlock[]
  readonly writer: WriterState
  /** The newest signed checkpoint. */
  readonly checkpoint: string | undefined
}

/** What the writer of the log said last, see `CommitMarks`. */
export interface WriterState {
  readonly journal: JournalPosition | undefined
  readonly closed: boolean
}

export const NEW_HEAD: Head = {
  id: '',
  tree: TreeFrontier.empty,
  timeBlocks: [],
  writer: { journal: undefined, closed: true },
  checkpoint: undefined,
}

/**
 * Reads where the log ends, and checks that the entries end there too. An empty database becomes an empty log.
 *
 * @throws AuditLogError `AUDIT_FORMAT_UNSUPPORTED`, `AUDIT_LOG_CORRUPT`
 */
export async function readHead(db: Database, location: string): Promise<Head> {
  const meta = await getMany(db, [FORMAT_KEY, HEAD_KEY, WRITER_KEY, CHECKPOINT_KEY, ID_KEY])
  const [format, stored, writer, checkpoint, id] = meta
  if (!format) return await initialise(db, location)
  const version = textOf(format)
  if (version !== FORMAT_VERSION) {
    throw new AuditLogError(
      'AUDIT_FORMAT_UNSUPPORTED',
      `The audit log ${location} has format version ${version}; this Spanledger supports version ${FORMAT_VERSION}`,
    )
  }
  if (stored?.length !== 8 + HASH_BYTES) throw corrupt(location, 'its head is missing')

  const size = readSeq(stored, 0)
  const open = openBlocks(size)
  const [last, beyond, ...blocks] = await getMany(db, [
    entryKey(Math.max(0, size - 1)),
    entryKey(size),
    ...open.map(({ level, block }) => timeBlockKey(level, block)),
  ])
  if (size > 0 && !last) throw corrupt(location, `it should have ${size} entries, but entry ${size - 1} is missing`)
  if (beyond) throw corrupt(location, `it should have ${size} entries, but there is an entry ${size}`)
  const timeBlocks = open.map(({ level, block }, at) => decodeTimeBlock(level, block, blocks[at], location))
  const tree = await TreeFrontier.restore(size, new StoredTiles(db))
  if (!sameHash(tree.root, stored.subarray(8))) throw corrupt(location, 'its tree does not have the root of its head')
  return {
    id: decodeId(id, location),
    tree,
    timeBlocks,
    writer: decodeWriter(writer, location),
    checkpoint: checkpoint && textOf(checkpoint),
  }
}

async function initialise(db: Database, location: string): Promise<Head> {
  const keys = await db.keys({ limit: 1 }).all()
  if (keys.length > 0) throw corrupt(location, 'its format version is missing')
  const id = newLogId()
  await db
    .batch()
    .put(FORMAT_KEY, Buffer.from(FORMAT_VERSION))
    .put(ID_KEY, encodeLogId(id))
    .put(HEAD_KEY, encodeHead(TreeFrontier.empty))
    .write({ sync: true })
  return { ...NEW_HEAD, id }
}

function decodeId(value: Uint8Array | undefined, location: string): string {
  if (value === undefined) return ''
  const id = decodeLogId(value)
  if (id === undefined) throw corrupt(location, 'its id is damaged')
  return id
}

/** Returns the head of a log that has an id: a new one is stored for a log that was begun without. */
export async function withId(db: Database, head: Head): Promise<Head> {
  if (head.id !== '') return head
  const id = newLogId()
  await db.batch().put(ID_KEY, encodeLogId(id)).write({ sync: true })
  return { ...head, id }
}

/** What the writer says with a commit: a position that it does not mention stays as it was. */
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

/** The size, 8 bytes, and the root hash. */
export function encodeHead({ size, root }: TreeFrontier): Buffer {
  const value = Buffer.allocUnsafe(8 + HASH_BYTES)
  writeSeq(value, size, 0)
  value.set(root, 8)
  return value
}

export function encodeSeq(seq: number): Buffer {
  const value = Buffer.allocUnsafe(8)
  writeSeq(value, seq, 0)
  return value
}

export function encodeTimeBlock({ min, max }: TimeBlock): Buffer {
  return Buffer.from(`${min} ${max}`, 'latin1')
}

export function decodeTimeBlock(
  level: number,
  block: number,
  value: Uint8Array | undefined,
  location: string,
): TimeBlock {
  if (!value) throw corrupt(location, `time block ${block} of level ${level} is missing`)
  const [min, max, ...others] = Buffer.from(value).toString('latin1').split(' ')
  if (!isTimestamp(min) || !isTimestamp(max) || others.length > 0) {
    throw corrupt(location, `time block ${block} of level ${level} is malformed`)
  }
  return { level, block, min, max }
}

export function textOf(value: Uint8Array): string {
  return Buffer.from(value.buffer, value.byteOffset, value.length).toString()
}

/** `getMany` as it answers, not as it is typed: `undefined` where there is nothing. */
export function getMany(db: Database, keys: Buffer[]): Promise<(Uint8Array | undefined)[]> {
  return db.getMany(keys)
}
