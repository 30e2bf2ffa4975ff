import { maskedChecksum } from '../crc32c.js'

/*
 * The format of LevelDB's logs, of which the manifest is one:
 * https://github.com/google/leveldb/blob/main/doc/log_format.md
 *
 *   block   32 KiB:  part | part | … | trailer, when fewer than 7 bytes are left
 *   part    checksum (4) | length (2, little-endian) | kind (1) | a whole record, or its first, middle or last part
 */

/** A log is read in blocks of so many bytes. */
export const BLOCK_BYTES = 32 * 1024
export const HEADER_BYTES = 7
/** Place of a part's kind in its header. */
export const KIND_AT = 6

export const FULL = 1
export const FIRST = 2
export const MIDDLE = 3
export const LAST = 4

/** Bytes of a record in each block that the record fills. */
const PART_BYTES = BLOCK_BYTES - HEADER_BYTES

/** No write batch is shorter: its sequence number and its count. */
const MIN_BATCH_BYTES = 12

interface Part {
  /** The kind, and what it is of; what the checksum is over. */
  readonly checked: Buffer
  readonly checksum: number
  readonly kind: number
  readonly bytes: Buffer
}

/** Its length leads past the end of its block: LevelDB goes on with the next one. */
const NO_PART = { checked: Buffer.alloc(0), checksum: -1, kind: -1 }

/**
 * Puts together the records of a log that is read piece by piece. It is as strict as LevelDB is about a manifest, and
 * leaves out a record that is not all there yet, as LevelDB does it.
 */
export class RecordReader {
  readonly #maxBytes: number
  #parts: Buffer[] = []
  #length = 0

  /** @param maxBytes - of a record */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /**
   * Gives the records that end in these bytes.
   *
   * @param bytes - whole blocks, up to the end of the log
   * @throws RangeError at what LevelDB refuses
   */
  *read(bytes: Buffer): Generator<Buffer> {
    for (const { checked, checksum, kind, bytes: part } of partsOf(bytes)) {
      if (isZeros(kind, part) && this.#parts.length === 0) continue
      if (maskedChecksum(checked) !== checksum) throw new RangeError('a checksum is wrong')
      const isFirst = kind === FULL || kind === FIRST
      if (kind < FULL || kind > LAST || isFirst !== (this.#parts.length === 0)) {
        throw new RangeError('a record begins or ends where none can')
      }
      this.#parts.push(part)
      this.#length += part.length
      if (this.#length > this.#maxBytes) throw new RangeError(`a record has more than ${this.#maxBytes} bytes`)
      // LevelDB fills a block before it begins the next part: tiny parts would take many times their bytes in memory.
      if (this.#parts.length > this.#maxBytes / PART_BYTES + 2) throw new RangeError('a record has too many parts')
      if (kind !== FULL && kind !== LAST) continue
      yield this.#parts.length === 1 ? part : Buffer.concat(this.#parts)
      this.#parts = []
      this.#length = 0
    }
  }
}

/** A log that has these records, as LevelDB writes it. */
export function encodeLog(records: Iterable<Uint8Array>): Buffer {
  const log: Buffer[] = []
  let at = 0
  const add = (bytes: Buffer) => {
    log.push(bytes)
    at += bytes.length
  }
  for (const record of records) {
    for (let from = 0, isFirst = true; isFirst || from < record.length; isFirst = false) {
      const left = BLOCK_BYTES - (at % BLOCK_BYTES)
      if (left < HEADER_BYTES) add(Buffer.alloc(left))
      const room = BLOCK_BYTES - (at % BLOCK_BYTES) - HEADER_BYTES
      const bytes = record.subarray(from, from + room)
      from += bytes.length
      const isLast = from === record.length
      add(encodePart(isFirst ? (isLast ? FULL : FIRST) : isLast ? LAST : MIDDLE, bytes))
    }
  }
  return Buffer.concat(log)
}

function encodePart(kind: number, bytes: Uint8Array): Buffer {
  const part = Buffer.alloc(HEADER_BYTES + bytes.length)
  part.writeUInt16LE(bytes.length, 4)
  part[KIND_AT] = kind
  part.set(bytes, HEADER_BYTES)
  part.writeUInt32LE(maskedChecksum(part.subarray(KIND_AT)), 0)
  return part
}

/**
 * Counts the places of a log of write batches where a record is not what a writer left there. LevelDB passes over a gap
 * of zeros without a word, and writes a line for most others. The end of the last record may be missing.
 */
export function countGaps(log: Buffer): number {
  let gaps = 0
  let isWithinRecord = false
  for (const { kind, bytes } of partsOf(log)) {
    const isKnown = kind >= FULL && kind <= LAST
    const isGap = !isKnown || isWithinRecord !== (kind === MIDDLE || kind === LAST)
    if (isGap || (kind === FULL && bytes.length < MIN_BATCH_BYTES)) gaps++
    isWithinRecord = kind === FIRST || kind === MIDDLE
  }
  return gaps
}

function* partsOf(log: Buffer): Generator<Part> {
  // Attacker-controlled: a log of LevelDB; no part reaches over its block or the end of the log.
  for (let at = 0; at + HEADER_BYTES <= log.length; ) {
    const left = BLOCK_BYTES - (at % BLOCK_BYTES)
    if (left < HEADER_BYTES) {
      at += left
      continue
    }
    const start = at + HEADER_BYTES
    const end = start + log.readUInt16LE(at + 4)
    if (end > at + left && log.length >= at + left) {
      yield { ...NO_PART, bytes: log.subarray(start, at + left) }
      at += left
      continue
    }
    if (end > log.length) return
    const checked = log.subarray(at + KIND_AT, end)
    yield {
      checked,
      checksum: log.readUInt32LE(at),
      kind: log[at + KIND_AT] as number,
      bytes: log.subarray(start, end),
    }
    // LevelDB passes over the rest of the block.
    at = isZeros(log[at + KIND_AT] as number, log.subarray(start, end)) ? Math.min(at + left, log.length) : end
  }
}

/** Tells whether a record is the zeros that a file system leaves at places that were never written. */
function isZeros(kind: number, part: Buffer): boolean {
  return kind === 0 && part.length === 0
}
