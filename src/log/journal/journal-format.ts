import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { AuditLogError } from '../../events/errors.js'
import { readBeginningSync } from '../../files/regular-file.js'
import type { SealedContent, SealedEntry } from '../../store/contract.js'
import { HASH_BYTES } from '../../tree/index.js'
import { EncodedEntry, LEAF_HASH_OFFSET, RECORD_HEAD_BYTES } from '../sealing/leaf.js'
import { MAX_ENTRY_BYTES } from '../sealing/plain.js'
import { BOOT_ID_LENGTH } from './boot-id.js'
import { MAX_SECTION_BYTES, sectionBytes, writeSection } from './content-section.js'
import { type AttestedRecord, type JournalMac, NO_KEY_ID } from './journal-key.js'

/*
 * The files of a journal:
 *
 *     journal/000001.journal  │ head │ record │ record │ …
 *     journal/000002.journal  │ head │ record │ record │ torn
 *
 *     head   = "spanledger journal 2\nafter " 12 digits "\nprevious " 64 digits "\nkey " 8 digits "\nboot " 36 characters "\n"
 *     record = [length u32 BE, top bit: the id is the caller's, next: content follows][leaf hash 32][MAC 16][entry bytes][content]
 *
 * `after` is where the records of the segment before end, and `previous` the leaf hash of the last of them: so a segment
 * that was cut short, or put in place of another, is noticed. `key` names the journal key that the MACs are by; without
 * one they are zero. `boot` tells one running of the machine from the next: what is not fsynced may be torn anywhere when
 * it lost power, and nowhere but at the end when only the process died.
 */

const MAGIC = 'spanledger journal '
const VERSION = '2'
const OFFSET_DIGITS = 12
const NO_HASH = new Uint8Array(HASH_BYTES)

export const LENGTH_BYTES: number = LEAF_HASH_OFFSET
export const MAC_OFFSET: number = LENGTH_BYTES + HASH_BYTES
/** Bytes of a record before its entry. */
export const PREFIX_BYTES: number = RECORD_HEAD_BYTES
const CALLER_ID = 0x8000_0000
export const HAS_CONTENT = 0x4000_0000
const MAX_PLAIN_BYTES = PREFIX_BYTES + MAX_ENTRY_BYTES
/** Bytes of the largest record. */
export const MAX_RECORD_BYTES: number = MAX_PLAIN_BYTES + MAX_SECTION_BYTES
/** A segment that has this many bytes is followed by the next one. */
export const SEGMENT_BYTES: number = 16 * 1024 * 1024
/** A segment ends with the record that makes it full. */
export const MAX_SEGMENT_BYTES: number = SEGMENT_BYTES + MAX_RECORD_BYTES

/** The head of a segment. */
export interface SegmentHead {
  readonly after: number
  /** `undefined` where nothing is known of the record before. */
  readonly previous: Uint8Array | undefined
  /** `undefined` where no key attests the records. */
  readonly keyId: string | undefined
  /** Empty where the system has none. */
  readonly bootId: string
}

export function encodeHead({ after, previous, keyId, bootId }: SegmentHead): Buffer {
  const offset = String(after).padStart(OFFSET_DIGITS, '0')
  const leaf = Buffer.from(previous ?? NO_HASH).toString('hex')
  const text = `${MAGIC}${VERSION}\nafter ${offset}\nprevious ${leaf}\nkey ${keyId ?? NO_KEY_ID}\n`
  return Buffer.from(`${text}boot ${bootId.padEnd(BOOT_ID_LENGTH)}\n`, 'latin1')
}

const EMPTY_HEAD = encodeHead({ after: 0, previous: undefined, keyId: undefined, bootId: '' })
/** The position of the first record in a segment. */
export const HEAD_BYTES: number = EMPTY_HEAD.length
const HEAD =
  /^spanledger journal (\d+)\n(?:after (\d{12})\nprevious ([\da-f]{64})\nkey ([\da-f]{8}|none----)\nboot (.{36})\n)?/

/** The head of a segment as it was found. */
export type ReadHead = SegmentHead | 'cut short' | 'malformed' | { readonly unknownVersion: string }

export function decodeHead(segment: Buffer): ReadHead {
  // Attacker-controlled: the first HEAD_BYTES of a segment; one anchored pattern of fixed lengths.
  const text = segment.toString('latin1', 0, HEAD_BYTES)
  const [, version, after, previous, keyId, bootId] = HEAD.exec(text) ?? []
  if (version !== undefined && version !== VERSION) return { unknownVersion: version }
  if (after !== undefined && previous !== undefined && bootId !== undefined) {
    const leaf = Buffer.from(previous, 'hex')
    return {
      after: Number(after),
      previous: leaf.equals(NO_HASH) ? undefined : leaf,
      keyId: keyId === NO_KEY_ID ? undefined : keyId,
      bootId: bootId.trimEnd(),
    }
  }
  const whole = EMPTY_HEAD.toString('latin1')
  if (text.length < HEAD_BYTES && whole.startsWith(text.slice(0, MAGIC.length))) return 'cut short'
  return 'malformed'
}

type RecordedEntry = Pick<SealedEntry, 'bytes' | 'byteLength' | 'leafHash' | 'callerId' | 'content'>

/** A record in the memory that it is written from. */
export interface EncodedRecord {
  readonly buffer: Buffer
  readonly start: number
  readonly length: number
}

/** Encodes records. That of an entry which was encoded as a record already is completed in its place. */
export class RecordEncoder {
  /** Zero where the MAC of a record is that nothing attests. */
  readonly #scratch = Buffer.alloc(MAX_PLAIN_BYTES)

  /** Returns the record of an entry; it may be overwritten by the next call. */
  encode(entry: RecordedEntry): EncodedRecord {
    const { byteLength, callerId, content } = entry
    if (content !== undefined && content.length > 0) return encodeWithContent(entry, content)
    const isInPlace = entry instanceof EncodedEntry
    const buffer = isInPlace ? entry.slab : this.#scratch
    const start = isInPlace ? entry.recordStart : 0
    buffer.writeUInt32BE(callerId ? byteLength + CALLER_ID : byteLength, start)
    if (isInPlace) buffer[start + PREFIX_BYTES - 1] = 0
    else {
      buffer.set(entry.leafHash, LENGTH_BYTES)
      buffer.set(entry.bytes, PREFIX_BYTES)
    }
    return { buffer, start, length: PREFIX_BYTES + byteLength }
  }
}

/** It is put together in memory of its own: hardly any entry has content, and none of its memory is kept. */
function encodeWithContent(entry: RecordedEntry, content: readonly SealedContent[]): EncodedRecord {
  const { byteLength, callerId, leafHash, bytes } = entry
  const buffer = Buffer.alloc(recordBytes(entry))
  buffer.writeUInt32BE(byteLength + HAS_CONTENT + (callerId ? CALLER_ID : 0), 0)
  buffer.set(leafHash, LENGTH_BYTES)
  buffer.set(bytes, PREFIX_BYTES)
  writeSection(content, buffer, PREFIX_BYTES + byteLength)
  return { buffer, start: 0, length: buffer.length }
}

/** Returns the section of content in an encoded record; `undefined` where there is none. */
export function sectionOf(
  { buffer, start, length }: EncodedRecord,
  { byteLength }: Pick<SealedEntry, 'byteLength'>,
): Uint8Array | undefined {
  const bytes = PREFIX_BYTES + byteLength
  return length > bytes ? buffer.subarray(start + bytes, start + length) : undefined
}

/** Puts its MAC into an encoded record. */
export function attestRecord({ buffer, start }: EncodedRecord, mac: JournalMac, record: AttestedRecord): void {
  mac.write(buffer, start + MAC_OFFSET, record)
}

/** Bytes that an entry takes in a journal, with its content. */
export function recordBytes({ byteLength, content }: Pick<SealedEntry, 'byteLength' | 'content'>): number {
  return PREFIX_BYTES + byteLength + sectionBytes(content)
}

export function segmentName(segment: number): string {
  return `${String(segment).padStart(6, '0')}.journal`
}

/** Numbers of the segments in a directory, ascending; none when it is missing. */
export function segmentsIn(directory: string): number[] {
  // Attacker-controlled: names of files; a number has at most 15 digits.
  const segments: number[] = []
  for (const name of namesIn(directory)) {
    const [, digits] = /^(\d{6,15})\.journal$/.exec(name) ?? []
    if (digits !== undefined && segmentName(Number(digits)) === name) segments.push(Number(digits))
  }
  return segments.sort((a, b) => a - b)
}

/**
 * Reads a segment, which is a file of its own: a link, a pipe or a device in its place is neither followed nor waited for.
 *
 * @param maxBytes - no more of it is read
 * @returns its bytes; `undefined` for what is no file
 * @throws what the file system throws
 */
export function readSegment(path: string, maxBytes: number): Buffer | undefined {
  try {
    return readBeginningSync(path, maxBytes)
  } catch (problem) {
    if (problem instanceof AuditLogError && problem.code === 'AUDIT_FILE_REFUSED') return undefined
    throw problem
  }
}

/** Path of a segment. */
export function segmentPath(directory: string, segment: number): string {
  return join(directory, segmentName(segment))
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory)
  } catch (problem) {
    if ((problem as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw problem
  }
}
