import { AuditLogError } from '../../events/errors.js'
import type { CommitMarks, JournalPosition } from '../contract.js'
import { entryKey, metaKey, readSeq, timeBlockKey, writeSeq } from '../keys.js'
import { openBlocks, type TimeBlock } from '../time-blocks.js'
import type { Database } from './database.js'
import { corrupt } from './errors.js'

/** Version of everything below `db/`: keys, values and what they mean. */
const FORMAT_VERSION = '1'

const FORMAT_KEY = metaKey('format')
export const SIZE_KEY = metaKey('size')
export const WRITER_KEY = metaKey('writer')

/** What a commit builds on. */
export interface Head {
  /** Number of entries. */
  readonly size: number
  /** The last time block of each level. */
  readonly timeBlocks: readonly TimeBlock[]
  readonly writer: WriterState
}

/** What the writer of the log said last, see `CommitMarks`. */
export interface WriterState {
  readonly journal: JournalPosition | undefined
  readonly closed: boolean
}

export const NEW_HEAD: Head = { size: 0, timeBlocks: [], writer: { journal: undefined, closed: true } }

/**
 * Reads where the log ends, and checks that the entries end there too. An empty database becomes an empty log.
 *
 * @throws AuditLogError `AUDIT_FORMAT_UNSUPPORTED`, `AUDIT_LOG_CORRUPT`
 */
export async function readHead(db: Database, location: string): Promise<Head> {
  const [format, storedSize, writer] = await getMany(db, [FORMAT_KEY, SIZE_KEY, WRITER_KEY])
  if (!format) return await initialise(db, location)
  const version = Buffer.from(format).toString()
  if (version !== FORMAT_VERSION) {
    throw new AuditLogError(
      'AUDIT_FORMAT_UNSUPPORTED',
      `The audit log ${location} has format version ${version}; this Spanledger supports version ${FORMAT_VERSION}`,
    )
  }
  if (storedSize?.length !== 8) throw corrupt(location, 'its size is missing')

  const size = readSeq(storedSize, 0)
  const open = openBlocks(size)
  const [last, beyond, ...blocks] = await getMany(db, [
    entryKey(Math.max(0, size - 1)),
    entryKey(size),
    ...open.map(({ level, block }) => timeBlockKey(level, block)),
  ])
  if (size > 0 && !last) throw corrupt(location, `it should have ${size} entries, but entry ${size - 1} is missing`)
  if (beyond) throw corrupt(location, `it should have ${size} entries, but there is an entry ${size}`)
  const timeBlocks = open.map(({ level, block }, at) => decodeTimeBlock(level, block, blocks[at], location))
  return { size, timeBlocks, writer: decodeWriter(writer, location) }
}

async function initialise(db: Database, location: string): Promise<Head> {
  const keys = await db.keys({ limit: 1 }).all()
  if (keys.length > 0) throw corrupt(location, 'its format version is missing')
  await db.batch().put(FORMAT_KEY, Buffer.from(FORMAT_VERSION)).put(SIZE_KEY, encodeSize(0)).write({ sync: true })
  return NEW_HEAD
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

export function encodeSize(size: number): Buffer {
  const value = Buffer.allocUnsafe(8)
  writeSeq(value, size, 0)
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
  const [min, max] = value ? Buffer.from(value).toString('latin1').split(' ') : []
  if (!min || !max) throw corrupt(location, `time block ${block} of level ${level} is missing`)
  return { level, block, min, max }
}

/** `getMany` as it answers, not as it is typed: `undefined` where there is nothing. */
export function getMany(db: Database, keys: Buffer[]): Promise<(Uint8Array | undefined)[]> {
  return db.getMany(keys)
}
