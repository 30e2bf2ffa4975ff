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

/** Finds the records of one log, block by block. */
export class LogReader {
  readonly #checksums: boolean
  /** Parts of a record that has begun. */
  #parts: Buffer[] | undefined
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
        if (block.length < BLOCK_BYTES) this.#parts = undefined
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
    const begun = this.#parts
    this.#parts = undefined
    switch (kind) {
      case FULL:
        if (begun) this.#hasGap = true
        return part
      case FIRST:
        if (begun) this.#hasGap = true
        this.#parts = [part]
        return undefined
      case MIDDLE:
        if (begun) this.#parts = [...begun, part]
        else this.#hasGap = true
        return undefined
      case LAST:
        if (begun) return Buffer.concat([...begun, part])
        this.#hasGap = true
        return undefined
      default:
        this.#hasGap = true
        return undefined
    }
  }

  #skip(): void {
    this.#hasGap = true
    this.#parts = undefined
  }
}

function isSound(block: Buffer, at: number, end: number): boolean {
  const crc = crc32c(block.subarray(at + 6, end))
  const masked = (((crc >>> 15) | (crc << 17)) + MASK_DELTA) >>> 0
  return block.readUInt32LE(at) === masked
}

/** The records of a log, checksums left to LevelDB. One that is not all there yet is left out. */
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
