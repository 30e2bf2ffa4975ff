import { AuditLogError } from '../events/errors.js'
import type { LogEntry } from '../reader/log-entry.js'

/** Chunks are of this size, about: large enough that handing one on costs nothing to speak of. */
export const CHUNK_LENGTH: number = 512 * 1024
const NEWLINE = 0x0a
/** Stands between entries until it is known that none of them has a newline. */
const PLACEHOLDER = 0x00

/**
 * Puts entries together as JSON Lines, in chunks that are not touched again once they were handed on.
 *
 * Each entry is copied once. A chunk is looked through for newlines as a whole before the lines get theirs: a look
 * into each entry takes as long as copying it.
 */
export class LineChunks {
  #chunk = Buffer.allocUnsafe(CHUNK_LENGTH)
  #used = 0
  /** Position in the chunk behind each line. */
  readonly #ends: number[] = []
  readonly #seqs: number[] = []

  /** Adds an entry. @returns the chunk that was full without it; `undefined` while there is room */
  add({ seq, bytes }: LogEntry): Uint8Array | undefined {
    const end = this.#used + bytes.length
    const full = end < this.#chunk.length ? undefined : this.#take(bytes.length + 1)
    this.#chunk.set(bytes, this.#used)
    this.#used += bytes.length
    this.#ends.push(this.#used)
    this.#seqs.push(seq)
    this.#chunk[this.#used++] = PLACEHOLDER
    return full
  }

  /** Returns the lines that were not handed on yet; `undefined` when there are none. */
  end(): Uint8Array | undefined {
    return this.#take(0)
  }

  #take(needed: number): Uint8Array | undefined {
    const lines = this.#chunk.subarray(0, this.#used)
    const broken = lines.indexOf(NEWLINE)
    if (broken >= 0) {
      const seq = this.#seqs[this.#ends.findIndex((end) => end > broken)]
      throw new AuditLogError('AUDIT_LOG_CORRUPT', `Entry ${seq} is not JSON in one line; keep the log as evidence`)
    }
    for (const end of this.#ends) lines[end] = NEWLINE
    this.#ends.length = 0
    this.#seqs.length = 0
    this.#used = 0
    // What was handed on belongs to its consumer.
    if (needed > 0) this.#chunk = Buffer.allocUnsafe(Math.max(CHUNK_LENGTH, needed))
    return lines.length > 0 ? lines : undefined
  }
}
