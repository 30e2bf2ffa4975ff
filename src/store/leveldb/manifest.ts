import { logRecords } from './log-records.js'

/*
 * LevelDB's MANIFEST is a log of edits; all of them applied say which tables and logs make up the database. It is read
 * here because a snapshot may have no other table in its directory: LevelDB numbers new tables on from the manifest,
 * and opens their files for writing, so a link to a table that the manifest does not have yet would let it overwrite
 * the writer's own. See db/version_edit.cc of https://github.com/google/leveldb
 *
 *   edit    (tag | fields) …, numbers as varints
 */

/** What makes up a database. */
export interface Manifest {
  /** Numbers of its tables. */
  readonly tables: ReadonlySet<number>
  /** Logs of this number and above hold what is in no table. */
  readonly firstLog: number
  /** New files get this number and higher ones. */
  readonly nextFile: number
}

const COMPARATOR = 1
const LOG_NUMBER = 2
const NEXT_FILE_NUMBER = 3
const LAST_SEQUENCE = 4
const COMPACT_POINTER = 5
const DELETED_FILE = 6
const NEW_FILE = 7
const PREVIOUS_LOG_NUMBER = 9

/**
 * Applies the edits of a manifest. A record that is not all there yet is left out, as LevelDB does it. Checksums are
 * left to LevelDB, which checks them when it opens the same bytes.
 *
 * @throws RangeError at what is no edit
 */
export function parseManifest(bytes: Buffer): Manifest {
  const tables = new Set<number>()
  let firstLog = 0
  let nextFile = 0
  for (const edit of logRecords(bytes)) {
    const reader = new EditReader(edit)
    while (!reader.ended) {
      switch (reader.number()) {
        case LOG_NUMBER:
          firstLog = reader.number()
          break
        case NEXT_FILE_NUMBER:
          nextFile = reader.number()
          break
        case DELETED_FILE:
          reader.number() // its level
          tables.delete(reader.number())
          break
        case NEW_FILE:
          reader.number() // its level
          tables.add(reader.number())
          reader.number() // its size
          reader.skipBytes() // its smallest key
          reader.skipBytes() // its largest key
          break
        case COMPACT_POINTER:
          reader.number()
          reader.skipBytes()
          break
        case COMPARATOR:
          reader.skipBytes()
          break
        case LAST_SEQUENCE:
        case PREVIOUS_LOG_NUMBER:
          reader.number()
          break
        default:
          throw new RangeError('the manifest has an edit of an unknown kind')
      }
    }
  }
  return { tables, firstLog, nextFile }
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
    for (let unit = 1; unit < Number.MAX_SAFE_INTEGER; unit *= 128) {
      const byte = this.#bytes.readUInt8(this.#at++)
      value += (byte & 0x7f) * unit
      if (byte < 0x80) return value
    }
    throw new RangeError('the manifest has a number that is too large')
  }

  skipBytes(): void {
    const length = this.number()
    this.#at += length
  }
}
