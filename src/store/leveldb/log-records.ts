import { crc32c } from './crc32c.js'

/*
 * The format of LevelDB's logs, of which the manifest is one:
 * https://github.com/google/leveldb/blob/main/doc/log_format.md
 *
 *   block   32 KiB:  part | part | … | trailer, when fewer than 7 bytes are left
 *   part    checksum (4) | length (2, little-endian) | kind (1) | a whole record, or its first, middle or last part
 *
 * They are read here by the rules by which LevelDB recovers them (`log::Reader` of db/log_reader.cc), so that the same
 * bytes tell what it must have recovered.
 */

/** A log is read in blocks of so many bytes. */
export const BLOCK_BYTES = 32 * 1024
const HEADER_BYTES = 7
/** Added to a rotated checksum, so that bytes which hold checksums have a good one themselves. */
const MASK_DELTA = 0xa282ead8

const ZERO = 0
const FULL = 1
const FIRST = 2
const MIDDLE = 3
const LAST = 4

export interface LogReaderOptions {
  /**
   * With checksums, the records are those that LevelDB recovers. Without, they are these and those that LevelDB drops
   * since they are damaged, in a tenth of the time.
   */
  readonly checksums: boolean
}

/** Finds the records of one log, block by block. A record is valid until the next one is asked for. */
export class LogReader {
  readonly #checksums: boolean
  /** Holds the parts of a record that has begun. */
  #begun = Buffer.alloc(0)
  /** -1 when no record has begun. */
  #begunLength = -1
  #hasGap = false

  constructor({ checksums }: LogReaderOptions) {
    this.#checksums = checksums
  }

  /** Something was passed over that is not the beginning of a record at the very end of the log. */
  get hasGap(): boolean {
    return this.#hasGap
  }

  /** @param block - the next 32 KiB; fewer are the last block */
  *records(block: Buffer): Generator<Buffer> {
    for (let at = 0; block.length - at >= HEADER_BYTES; ) {
      const kind = block[at + 6] as number
      const start = at + HEADER_BYTES
      const end = start + block.readUInt16LE(at + 4)
      if (end > block.length) {
        // The writer died before it had written all of the record.
        if (block.length < BLOCK_BYTES) this.#begunLength = -1
        else this.#skip()
        return
      }
      const isEmpty = kind === ZERO && end === start
      if (isEmpty || (this.#checksums && !isSound(block, at, end))) {
        this.#skip()
        return
      }
      const record = this.#take(kind, block.subarray(start, end))
      if (record) yield record
      at = end
    }
  }

  #take(kind: number, part: Buffer): Buffer | undefined {
    const hasBegun = this.#begunLength >= 0
    const isContinued = kind === MIDDLE || kind === LAST
    if (hasBegun !== isContinued || kind < FULL || kind > LAST) this.#hasGap = true
    if (kind === FULL) {
      this.#begunLength = -1
      return part
    }
    if (kind === FIRST) this.#begunLength = 0
    else if (!hasBegun || !isContinued) {
      this.#begunLength = -1
      return undefined
    }
    this.#append(part)
    if (kind !== LAST) return undefined
    const record = this.#begun.subarray(0, this.#begunLength)
    this.#begunLength = -1
    return record
  }

  #append(part: Buffer): void {
    const length = this.#begunLength + part.length
    if (length > this.#begun.length) {
      const larger = Buffer.allocUnsafeSlow(2 * length)
      this.#begun.copy(larger, 0, 0, this.#begunLength)
      this.#begun = larger
    }
    part.copy(this.#begun, this.#begunLength)
    this.#begunLength = length
  }

  #skip(): void {
    this.#hasGap = true
    this.#begunLength = -1
  }
}

function isSound(block: Buffer, at: number, end: number): boolean {
  const crc = crc32c(block.subarray(at + 6, end))
  const masked = (((crc >>> 15) | (crc << 17)) + MASK_DELTA) >>> 0
  return block.readUInt32LE(at) === masked
}

/**
 * The records of a log, checksums left to LevelDB. One that is not all there yet is left out. Each is valid until the
 * next one is asked for.
 */
export function* logRecords(log: Buffer): Generator<Buffer> {
  yield* recordsOf(log, new LogReader({ checksums: false }))
}

/** Whether nothing but the end of the last record can be missing: LevelDB passes over a gap of zeros without a word. */
export function hasNoGap(log: Buffer): boolean {
  const reader = new LogReader({ checksums: false })
  for (const _ of recordsOf(log, reader));
  return !reader.hasGap
}

/** The records of consecutive blocks. */
export function* recordsOf(blocks: Buffer, reader: LogReader): Generator<Buffer> {
  for (let at = 0; at < blocks.length; at += BLOCK_BYTES) yield* reader.records(blocks.subarray(at, at + BLOCK_BYTES))
}
