import { HASH_BYTES } from '../../../tree/index.js'
import type { CommitMarks, JournalPosition } from '../../contract.js'
import { readSeq, SEQ_BYTES, writeSeq } from '../../seq-bytes.js'
import { corrupt } from '../errors.js'

/** The marks of the last commit, see `CommitMarks`. */
export interface WriterState {
  readonly journal: JournalPosition | undefined
  readonly closed: boolean
}

/** Returns what the writer says with a commit: a position that it does not mention stays as it was. */
export function nextWriter({ journal }: WriterState, marks: CommitMarks | undefined): WriterState {
  return { journal: marks?.journal ?? journal, closed: marks?.closed === true }
}

/** The decoded value of a head. */
export interface StoredHead {
  /** Number of entries. */
  readonly size: number
  /** Root hash over them. */
  readonly root: Uint8Array
  /** Position of the first entry in a small block, see `OpenBlocks`. */
  readonly openFrom: number
  readonly writer: WriterState
  /** Number of entries when the checkpoint was stored. */
  readonly checkpointSize: number | undefined
}

/*
 * A head:
 *
 *   size (8) | root hash (32) | position of the first entry in a small block (8)
 *   | number of entries when the checkpoint was stored, and 1 (8), or 0 | closed (1)
 *   | the journal's position, if there is one: segment (8) | offset (8)
 */
const OPEN_FROM_AT = SEQ_BYTES + HASH_BYTES
const CHECKPOINT_AT = OPEN_FROM_AT + SEQ_BYTES
const CLOSED_AT = CHECKPOINT_AT + SEQ_BYTES
const JOURNAL_AT = CLOSED_AT + 1
const SHORT_BYTES = JOURNAL_AT
const LONG_BYTES = JOURNAL_AT + 2 * SEQ_BYTES

/** Returns the value of a head. */
export function encodeHead({ size, root, openFrom, checkpointSize, writer: { journal, closed } }: StoredHead): Buffer {
  const value = Buffer.allocUnsafe(journal ? LONG_BYTES : SHORT_BYTES)
  writeSeq(value, size, 0)
  value.set(root, SEQ_BYTES)
  writeSeq(value, openFrom, OPEN_FROM_AT)
  writeSeq(value, checkpointSize === undefined ? 0 : checkpointSize + 1, CHECKPOINT_AT)
  value[CLOSED_AT] = closed ? 1 : 0
  if (journal) {
    writeSeq(value, journal.segment, JOURNAL_AT)
    writeSeq(value, journal.offset, JOURNAL_AT + SEQ_BYTES)
  }
  return value
}

/**
 * Returns what {@link encodeHead} encoded.
 *
 * @throws AuditLogError `AUDIT_LOG_CORRUPT` when the value is none, or tells of positions behind the end of its log
 */
export function decodeHead(value: Uint8Array, location: string): StoredHead {
  // Attacker-controlled: the head of a log; its length is fixed, and no position in it may lie behind its end.
  if (!isHead(value)) throw corrupt(location, 'its head is malformed')
  const size = readSeq(value, 0)
  const openFrom = readSeq(value, OPEN_FROM_AT)
  const checkpoint = readSeq(value, CHECKPOINT_AT)
  if (!Number.isSafeInteger(size) || openFrom > size || checkpoint > size + 1) {
    throw corrupt(location, 'its head is malformed')
  }
  const journal =
    value.length === LONG_BYTES
      ? { segment: readSeq(value, JOURNAL_AT), offset: readSeq(value, JOURNAL_AT + SEQ_BYTES) }
      : undefined
  return {
    size,
    root: value.subarray(SEQ_BYTES, OPEN_FROM_AT),
    openFrom,
    writer: { journal, closed: value[CLOSED_AT] === 1 },
    checkpointSize: checkpoint === 0 ? undefined : checkpoint - 1,
  }
}

/** Returns the number of removed entries out of its value, 0 without one; `undefined` for a value that is no number. */
export function decodeRemoved(value: Uint8Array | undefined): number | undefined {
  // Attacker-controlled: a stored value; it has 8 bytes that make a safe integer.
  if (!value) return 0
  const count = value.length === SEQ_BYTES ? readSeq(value, 0) : 0
  return Number.isSafeInteger(count) && count > 0 ? count : undefined
}

/** Returns whether a value can be a head. */
export function isHead(value: Uint8Array): boolean {
  return value.length === SHORT_BYTES || value.length === LONG_BYTES
}

/** Returns whether a value can be the head of a log of so many entries. */
export function isHeadOf(size: number, value: Uint8Array): boolean {
  return isHead(value) && readSeq(value, 0) === size
}
