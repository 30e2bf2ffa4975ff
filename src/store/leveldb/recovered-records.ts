import { maskedChecksum } from '../crc32c.js'
import { BLOCK_BYTES, FIRST, FULL, HEADER_BYTES, KIND_AT, LAST, MIDDLE } from './log-records.js'

/*
 * Logs are read here by the rules by which LevelDB recovers them (`log::Reader` of db/log_reader.cc), so that the same
 * bytes tell what it must have recovered. `log-records` has their format, and reads manifests, which allow for less.
 */

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
    // Attacker-controlled: LevelDB's log; a block has at most 32 KiB, and no length reaches over its end.
    for (let at = 0; block.length - at >= HEADER_BYTES; ) {
      const kind = block[at + KIND_AT] as number
      const start = at + HEADER_BYTES
      const end = start + block.readUInt16LE(at + 4)
      if (end > block.length) {
        // The writer died before it had written all of the record.
        if (block.length < BLOCK_BYTES) this.#begunLength = -1
        else this.#skip()
        return
      }
      const isEmpty = kind === 0 && end === start
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
  return block.readUInt32LE(at) === maskedChecksum(block.subarray(at + KIND_AT, end))
}

/** The records of consecutive blocks. */
export function* recordsOf(blocks: Buffer, reader: LogReader): Generator<Buffer> {
  for (let at = 0; at < blocks.length; at += BLOCK_BYTES) yield* reader.records(blocks.subarray(at, at + BLOCK_BYTES))
}
