import { AuditLogError } from '../../events/errors.js'
import { decodeHead, MAX_SEGMENT_BYTES, readSegment, type SegmentHead, segmentPath } from './journal-format.js'

/** A segment of a journal as it is found. */
export interface StoredSegment {
  readonly number: number
  /** None where it is no file, or longer than any segment. */
  readonly bytes: Buffer
  /** An empty one where it cannot be read. */
  readonly head: SegmentHead
  readonly state: 'whole' | 'cut short' | 'malformed' | 'no segment'
}

const NO_HEAD: SegmentHead = { after: 0, previous: undefined, keyId: undefined, bootId: '' }

/**
 * Reads a segment whole.
 *
 * @param location - of the log, for messages
 * @throws AuditLogError `AUDIT_FORMAT_UNSUPPORTED`; what the file system throws
 */
export function readStoredSegment(directory: string, number: number, location: string): StoredSegment {
  // Attacker-controlled: a file in the directory of a journal; no more than MAX_SEGMENT_BYTES + 1 of it are read.
  const bytes = readSegment(segmentPath(directory, number), MAX_SEGMENT_BYTES + 1)
  if (!bytes || bytes.length > MAX_SEGMENT_BYTES) {
    return { number, bytes: Buffer.alloc(0), head: NO_HEAD, state: 'no segment' }
  }
  const head = decodeHead(bytes)
  if (typeof head === 'string') return { number, bytes, head: NO_HEAD, state: head }
  if (!('unknownVersion' in head)) return { number, bytes, head, state: 'whole' }
  throw new AuditLogError(
    'AUDIT_FORMAT_UNSUPPORTED',
    `The journal of the audit log ${location} has format version ${head.unknownVersion}, which this Spanledger does not know: open and close the log with the version that wrote it`,
  )
}
