import { encodeLog, RecordReader } from './log-records.js'

/*
 * LevelDB's MANIFEST is a log of edits; all of them applied say which tables and logs make up the database. LevelDB
 * believes it: it opens a table of the number that comes next for writing, also where a file has that name already, and
 * a key or a level that cannot be leads it out of its memory. A manifest from elsewhere is therefore read here, and
 * LevelDB gets one that is written here. See db/version_edit.cc of https://github.com/google/leveldb
 *
 *   edit    (tag | fields) …, numbers as varints
 */

/** A table of a database. */
export interface TableFile {
  readonly number: number
  /** 0: tables that overlap, the newest of which has the highest number. Above: tables that do not overlap. */
  readonly level: number
  readonly bytes: number
  /** Its first and its last key as LevelDB has them: the key, then 8 bytes of sequence number and kind. */
  readonly smallest: Buffer
  readonly largest: Buffer
}

/** The parts of a database. */
export interface Manifest {
  readonly tables: readonly TableFile[]
  /** Logs of this number and above hold what is in no table. */
  readonly firstLog: number
  /** A further log that does, left by versions of LevelDB before 2011; else 0. */
  readonly previousLog: number
  /** Number of the next file that is created. */
  readonly nextFile: number
  readonly lastSequence: number
}

/** Levels that LevelDB has. */
export const LEVELS = 7
/** No file of a real database comes near it: numbers are counted up, one a file. */
export const MAX_FILE_NUMBER = 2 ** 48
/** A manifest of more was not written in one opening of a log: some 400 GB of entries. */
export const MAX_MANIFEST_BYTES = 256 * 2 ** 20
/** Tables of 4 MiB: those of a terabyte. */
const MAX_TABLES = 2 ** 18
/** The edit with which a manifest begins names all tables. */
const MAX_EDIT_BYTES = 64 * 2 ** 20
/** The sequence number and kind behind a key. */
const KEY_TRAILER_BYTES = 8
const COMPARATOR_NAME = 'leveldb.BytewiseComparator'

const COMPARATOR = 1
const LOG_NUMBER = 2
const NEXT_FILE_NUMBER = 3
const LAST_SEQUENCE = 4
const COMPACT_POINTER = 5
const DELETED_FILE = 6
const NEW_FILE = 7
const PREVIOUS_LOG_NUMBER = 9

/** Applies the edits of a manifest that is read piece by piece. */
export class ManifestReader {
  readonly #records = new RecordReader(MAX_EDIT_BYTES)
  readonly #tables = new Map<number, TableFile>()
  readonly #numbers = new Map<number, number>()

  /**
   * @param bytes - whole blocks, up to the end of the manifest
   * @throws RangeError at what is no edit, or cannot be one of a database of ours
   */
  add(bytes: Buffer): void {
    for (const record of this.#records.read(bytes)) this.#apply(new EditReader(record))
  }

  /**
   * Says what the edits make up. A record that is not all there yet is left out.
   *
   * @throws RangeError when that is no database
   */
  end(): Manifest {
    const tables = [...this.#tables.values()]
    if (new Set(tables.map(({ number }) => number)).size < tables.length) {
      throw new RangeError('the manifest names a table twice')
    }
    requireDisjoint(tables)
    return {
      tables,
      firstLog: this.#required(LOG_NUMBER),
      previousLog: this.#numbers.get(PREVIOUS_LOG_NUMBER) ?? 0,
      nextFile: this.#required(NEXT_FILE_NUMBER),
      lastSequence: this.#required(LAST_SEQUENCE),
    }
  }

  #required(tag: number): number {
    const number = this.#numbers.get(tag)
    if (number === undefined) throw new RangeError('the manifest is not complete')
    return number
  }

  /** Like LevelDB, an edit deletes first. */
  #apply(edit: EditReader): void {
    // Attacker-controlled: an edit of a manifest; numbers, levels and the count of tables are bounded.
    const added: TableFile[] = []
    while (!edit.ended) {
      const tag = edit.number()
      switch (tag) {
        case COMPARATOR:
          if (edit.bytes().toString('latin1') !== COMPARATOR_NAME) {
            throw new RangeError('the manifest is that of another order of keys')
          }
          break
        case LOG_NUMBER:
        case PREVIOUS_LOG_NUMBER:
          this.#numbers.set(tag, edit.fileNumber())
          break
        case NEXT_FILE_NUMBER:
        case LAST_SEQUENCE:
          this.#numbers.set(tag, edit.number())
          break
        case COMPACT_POINTER:
          edit.level()
          edit.key()
          break
        case DELETED_FILE:
          this.#tables.delete(tableKey({ level: edit.level(), number: edit.fileNumber() }))
          break
        case NEW_FILE:
          added.push(edit.table())
          if (added.length > MAX_TABLES) throw tooManyTables()
          break
        default:
          throw new RangeError('the manifest has an edit of an unknown kind')
      }
    }
    for (const table of added) this.#tables.set(tableKey(table), table)
    if (this.#tables.size > MAX_TABLES) throw tooManyTables()
  }
}

/** Applies the edits of a whole manifest; see {@link ManifestReader}. */
export function parseManifest(bytes: Buffer): Manifest {
  // Attacker-controlled: a manifest; it names at most MAX_TABLES tables, see ManifestReader.
  const reader = new ManifestReader()
  reader.add(bytes)
  return reader.end()
}

/** A manifest of one edit, as LevelDB reads it. */
export function encodeManifest({ tables, firstLog, previousLog, nextFile, lastSequence }: Manifest): Buffer {
  const name = Buffer.from(COMPARATOR_NAME, 'latin1')
  const edit: Uint8Array[] = [varints(COMPARATOR, name.length), name]
  edit.push(varints(LOG_NUMBER, firstLog, PREVIOUS_LOG_NUMBER, previousLog))
  edit.push(varints(NEXT_FILE_NUMBER, nextFile, LAST_SEQUENCE, lastSequence))
  for (const { level, number, bytes, smallest, largest } of tables) {
    edit.push(varints(NEW_FILE, level, number, bytes, smallest.length), smallest, varints(largest.length), largest)
  }
  return encodeLog([Buffer.concat(edit)])
}

function varints(...values: readonly number[]): Uint8Array {
  const bytes: number[] = []
  for (let value of values) {
    for (; value >= 0x80; value = Math.floor(value / 0x80)) bytes.push((value % 0x80) | 0x80)
    bytes.push(value)
  }
  return Uint8Array.from(bytes)
}

function tooManyTables(): RangeError {
  return new RangeError(`the manifest names more than ${MAX_TABLES} tables`)
}

/** Tells a table at a level from all others. */
function tableKey({ level, number }: Pick<TableFile, 'level' | 'number'>): number {
  return number * LEVELS + level
}

/** Above level 0 LevelDB looks for a key in one table, and goes past its last level where two of that level overlap. */
function requireDisjoint(tables: readonly TableFile[]): void {
  const sorted = tables
    .filter(({ level }) => level > 0)
    .sort((one, other) => one.level - other.level || compareKeys(one.smallest, other.smallest))
  for (const [at, table] of sorted.entries()) {
    const before = sorted[at - 1]
    if (before?.level === table.level && compareKeys(before.largest, table.smallest) >= 0) {
      throw new RangeError('the manifest names tables of one level that overlap')
    }
  }
  for (const { smallest, largest } of tables) {
    if (compareKeys(smallest, largest) > 0)
      throw new RangeError('the manifest names a table that ends before it begins')
  }
}

/** Orders by key, then by sequence number, the higher one first. */
function compareKeys(one: Buffer, other: Buffer): number {
  const [ends, otherEnds] = [one.length - KEY_TRAILER_BYTES, other.length - KEY_TRAILER_BYTES]
  const order = Buffer.compare(one.subarray(0, ends), other.subarray(0, otherEnds))
  if (order !== 0) return order
  const [trailer, otherTrailer] = [one.readBigUInt64LE(ends), other.readBigUInt64LE(otherEnds)]
  return trailer === otherTrailer ? 0 : trailer > otherTrailer ? -1 : 1
}

class EditReader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  get ended(): boolean {
    return this.#at >= this.#bytes.length
  }

  number(): number {
    let value = 0
    for (let unit = 1, isLast = false; !isLast; unit *= 128) {
      const byte = this.#bytes.readUInt8(this.#at++)
      value += (byte & 0x7f) * unit
      isLast = byte < 0x80
      if (value > Number.MAX_SAFE_INTEGER || unit > Number.MAX_SAFE_INTEGER) {
        throw new RangeError('the manifest has a number that is too large')
      }
    }
    return value
  }

  fileNumber(): number {
    const number = this.number()
    if (number > MAX_FILE_NUMBER) throw new RangeError(`the manifest names a file ${number}`)
    return number
  }

  level(): number {
    const level = this.number()
    if (level >= LEVELS) throw new RangeError(`the manifest names a level ${level}`)
    return level
  }

  bytes(): Buffer {
    const length = this.number()
    const end = this.#at + length
    if (end > this.#bytes.length) throw new RangeError('an edit of the manifest ends too early')
    const bytes = this.#bytes.subarray(this.#at, end)
    this.#at = end
    return bytes
  }

  /** Copied: it stays when what was read of the manifest is let go. */
  key(): Buffer {
    const key = this.bytes()
    if (key.length < KEY_TRAILER_BYTES) throw new RangeError('the manifest has a key that is none')
    return Buffer.from(key)
  }

  table(): TableFile {
    const [level, number, bytes] = [this.level(), this.fileNumber(), this.number()]
    if (number === 0) throw new RangeError('the manifest names a table 0')
    return { level, number, bytes, smallest: this.key(), largest: this.key() }
  }
}
