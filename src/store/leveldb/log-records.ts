/*
 * The format of LevelDB's logs, of which the manifest is one:
 * https://github.com/google/leveldb/blob/main/doc/log_format.md
 *
 *   block   32 KiB:  part | part | … | trailer, when fewer than 7 bytes are left
 *   part    checksum (4) | length (2, little-endian) | kind (1) | a whole record, or its first, middle or last part
 *
 * Checksums are left to LevelDB, which checks them when it opens the same bytes.
 */

const BLOCK_BYTES = 32 * 1024
const HEADER_BYTES = 7

const FULL = 1
const FIRST = 2
const MIDDLE = 3
const LAST = 4

interface Part {
  readonly kind: number
  readonly start: number
  readonly end: number
}

/** The records of a log. One that is not all there yet is left out, as LevelDB does it. */
export function* logRecords(log: Buffer): Generator<Buffer> {
  let parts: Buffer[] = []
  for (const { kind, start, end } of partsOf(log)) {
    if (kind === FULL || kind === FIRST) parts = []
    parts.push(log.subarray(start, end))
    if (kind === FULL || kind === LAST) yield Buffer.concat(parts)
  }
}

/** Whether nothing but the end of the last record can be missing: LevelDB passes over a gap of zeros without a word. */
export function hasNoGap(log: Buffer): boolean {
  let isWithinRecord = false
  for (const { kind } of partsOf(log)) {
    if (kind < FULL || kind > LAST || isWithinRecord !== (kind === MIDDLE || kind === LAST)) return false
    isWithinRecord = kind === FIRST || kind === MIDDLE
  }
  return true
}

function* partsOf(log: Buffer): Generator<Part> {
  for (let at = 0; at + HEADER_BYTES <= log.length; ) {
    const left = BLOCK_BYTES - (at % BLOCK_BYTES)
    if (left < HEADER_BYTES) {
      at += left
      continue
    }
    const start = at + HEADER_BYTES
    const end = start + log.readUInt16LE(at + 4)
    if (end > log.length) return
    yield { kind: log[at + 6] as number, start, end }
    at = end
  }
}
