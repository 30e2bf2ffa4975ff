import { keptFieldsIn } from '../../events/stated-content.js'
import type { SealedContent } from '../../store/contract.js'
import { HASH_BYTES, leafDigestIn } from '../../tree/index.js'
import { MAX_ENTRY_BYTES } from '../sealing/plain.js'
import { isSectionCutShort, readSection, sectionEnd } from './content-section.js'
import { HAS_CONTENT, HEAD_BYTES, LENGTH_BYTES, MAC_OFFSET, PREFIX_BYTES } from './journal-format.js'
import type { AttestedRecord, JournalMac } from './journal-key.js'
import { objectEnd } from './object-end.js'

/** Every entry begins with it: the place to look for the next record behind damage. */
const ENTRY_START = Buffer.from('{"v":')

/** A record as it is stored. */
export interface JournalRecord {
  readonly start: number
  readonly bytes: Uint8Array
  readonly leafHash: Uint8Array
  readonly mac: Uint8Array
  readonly callerId: boolean
  /** Left out where there is none. */
  readonly content?: readonly SealedContent[]
  /** The bytes that hold it. */
  readonly section?: Uint8Array
  /** The offset of the next record. */
  readonly end: number
}

/** Holds the leaf hash of the record that is looked at. */
const computed = Buffer.alloc(HASH_BYTES)

/**
 * The record at an offset; `undefined` where no whole, undamaged one is. That content follows says the entry itself, which its leaf
 * hash covers, and not the bit in front of it, which nothing does: an entry that promises content is no record without it.
 */
export function decodeRecord(segment: Buffer, at: number): JournalRecord | undefined {
  // Attacker-controlled: a record; it lies within its segment, has at most MAX_ENTRY_BYTES, and its leaf hash.
  const entryEnd = wholeEntryEnd(segment, at)
  if (entryEnd === undefined) return undefined
  const leafHash = segment.subarray(at + LENGTH_BYTES, at + MAC_OFFSET)
  const bytes = segment.subarray(at + PREFIX_BYTES, entryEnd)
  const mac = segment.subarray(at + MAC_OFFSET, at + PREFIX_BYTES)
  const record = { bytes, leafHash, mac, callerId: (segment[at] as number) >= 0x80, start: at, end: entryEnd }
  const fields = keptFieldsIn(bytes)
  if (fields.length === 0) return record
  const end = sectionEnd(segment, entryEnd)
  if (end === undefined || end > segment.length) return undefined
  const content = readSection(segment, entryEnd, end)
  if (content?.length !== fields.length || content.some(({ field }, nth) => field !== fields[nth])) return undefined
  return { ...record, content, section: segment.subarray(entryEnd, end), end }
}

/** Returns the end of an entry that is whole and has its leaf hash. */
function wholeEntryEnd(segment: Buffer, at: number): number | undefined {
  const end = claimedEntryEnd(segment, at)
  if (end === undefined || end > segment.length) return undefined
  computed.write(leafDigestIn(segment, at + PREFIX_BYTES, end), 0, 'latin1')
  return computed.equals(segment.subarray(at + LENGTH_BYTES, at + MAC_OFFSET)) ? end : undefined
}

/** Returns whether whoever has the key wrote the record in that place. */
export function isAttested(
  { mac: stated, leafHash, callerId, section }: JournalRecord,
  mac: JournalMac,
  { previous, segment, offset }: Pick<AttestedRecord, 'previous' | 'segment' | 'offset'>,
): boolean {
  return mac.fits(stated, { previous, leafHash, callerId, section, segment, offset })
}

/**
 * Leaf hash of the record that ends at an offset: goes by the lengths alone, since what is in front of it is in the store.
 * `undefined` where no record ends there.
 */
export function leafBefore(segment: Buffer, offset: number): Uint8Array | undefined {
  let at = HEAD_BYTES
  let leaf: Uint8Array | undefined
  while (at < offset) {
    const end = claimedEnd(segment, at)
    if (end === undefined) return undefined
    leaf = segment.subarray(at + LENGTH_BYTES, at + MAC_OFFSET)
    at = end
  }
  return at === offset ? leaf : undefined
}

/** The nearest whole record at or after an offset. */
export function findRecord(segment: Buffer, from: number): number | undefined {
  for (
    let at = segment.indexOf(ENTRY_START, from + PREFIX_BYTES);
    at !== -1;
    at = segment.indexOf(ENTRY_START, at + 1)
  ) {
    if (decodeRecord(segment, at - PREFIX_BYTES)) return at - PREFIX_BYTES
  }
  return undefined
}

/** Counts the entries that seem to begin there. */
export function startsOfEntries(bytes: Buffer): number {
  let starts = 0
  for (let at = bytes.indexOf(ENTRY_START); at !== -1; at = bytes.indexOf(ENTRY_START, at + 1)) starts++
  return starts
}

/** Tells whether the bytes at an offset, up to the end, can be the beginning of a record that was being written. */
export function isCutShort(segment: Buffer, at: number): boolean {
  if (segment.length - at < LENGTH_BYTES) return true
  const claimed = claimedEntryEnd(segment, at)
  if (claimed === undefined) return false
  if (segment.length - at <= PREFIX_BYTES) return true
  // A whole entry behind a length that is too large: the length was altered.
  if (claimed > segment.length) return objectEnd(segment.subarray(at + PREFIX_BYTES)) === undefined
  const end = wholeEntryEnd(segment, at)
  if (end === undefined) return false
  const fields = keptFieldsIn(segment.subarray(at + PREFIX_BYTES, end))
  return fields.length > 0 && isSectionCutShort(segment, end, fields.length)
}

/** Returns the end that a record states; `undefined` where no record does. */
function claimedEnd(segment: Buffer, at: number): number | undefined {
  const end = claimedEntryEnd(segment, at)
  if (end === undefined || end > segment.length) return end
  return keptFieldsIn(segment.subarray(at + PREFIX_BYTES, end)).length === 0 ? end : sectionEnd(segment, end)
}

/** Returns the end that a record states for the bytes of its entry. */
function claimedEntryEnd(segment: Buffer, at: number): number | undefined {
  if (at + LENGTH_BYTES > segment.length) return undefined
  const length = segment.readUInt32BE(at) % HAS_CONTENT
  return length > 0 && length <= MAX_ENTRY_BYTES ? at + PREFIX_BYTES + length : undefined
}
