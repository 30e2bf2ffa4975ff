import { closeSync, fstatSync, ftruncateSync, write, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { readersOfLog } from '../../files/readers.js'
import { openToRewriteSync, readRegularFileSync } from '../../files/regular-file.js'

const SIZE_DIGITS = 16
const HASH_BYTES = 32

/**
 * The size of the log as it is committed, kept outside of the database: a text of fixed length, written in place.
 *
 * ```
 * spanledger head 1
 * size 0000000000000042
 * leaf 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
 * ```
 *
 * A database that has less, or another entry there, was cut, rolled back or replaced. It is not signed, and not fsynced:
 * after a loss of power it may be behind, never ahead.
 */
export class HeadFile {
  readonly #descriptor: number
  readonly #isBehind: boolean
  /** The text to write next, while another one is being written. */
  #next: Buffer | undefined = undefined
  #writing: Promise<void> | undefined = undefined

  /**
   * @param isBehind - nobody waits for it to be written: it is behind for as long as a write takes
   * @throws AuditLogError `AUDIT_FILE_REFUSED`; what the file system throws
   */
  constructor(path: string, isBehind = false) {
    this.#isBehind = isBehind
    this.#descriptor = openToRewriteSync(path, false, readersOfLog(dirname(path)))
    // What somebody added would stay behind what is written.
    if (fstatSync(this.#descriptor).size > TEXT_BYTES) ftruncateSync(this.#descriptor, TEXT_BYTES)
  }

  /** Does what it can: a head that is behind is still true. */
  write(size: number, leafHash: Uint8Array): void {
    // As bytes: Deno ignores the position of a string, and appends it.
    const text = Buffer.from(headText(size, leafHash), 'latin1')
    if (this.#isBehind) {
      this.#next = text
      this.#writing ??= this.#writeAll()
      return
    }
    try {
      writeSync(this.#descriptor, text, 0, text.length, 0)
    } catch {}
  }

  async close(): Promise<void> {
    await this.#writing
    closeSync(this.#descriptor)
  }

  async #writeAll(): Promise<void> {
    for (let text = this.#next; text; text = this.#next) {
      const { length } = text
      this.#next = undefined
      await new Promise<void>((resolve) => write(this.#descriptor, text, 0, length, 0, () => resolve()))
    }
    this.#writing = undefined
  }
}

function headText(size: number, leafHash: Uint8Array): string {
  return `spanledger head 1\nsize ${String(size).padStart(SIZE_DIGITS, '0')}\nleaf ${hex(leafHash)}\n`
}

const TEXT_BYTES = headText(0, new Uint8Array(HASH_BYTES)).length
/** The largest head file that is read. A log never writes one as large. */
const MAX_FILE_BYTES = 2 ** 20

/** The content of a head file: the number of entries, and the leaf hash of the last in hexadecimal. */
export interface HeadFileContent {
  readonly size: number
  readonly leaf: string
}

/** @returns `undefined` when there is none yet */
export function readHeadFile(path: string): HeadFileContent | 'malformed' | undefined {
  // Attacker-controlled: the file `head`; at most MAX_FILE_BYTES, one anchored pattern.
  let text: string
  try {
    text = readRegularFileSync(path, MAX_FILE_BYTES).toString('latin1')
  } catch (problem) {
    if ((problem as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw problem
  }
  // Loss of power leaves a new file empty, or full of zeros.
  if (/^\0*$/.test(text)) return undefined
  const [, size, leaf] = /^spanledger head 1\nsize (\d{16})\nleaf ([\da-f]{64})\n$/.exec(text) ?? []
  return size === undefined || leaf === undefined ? 'malformed' : { size: Number(size), leaf }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex')
}
