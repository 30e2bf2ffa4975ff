import { readdirSync, readFileSync } from 'node:fs'
import { isTransient } from '../store/transient.js'
import { hashLeaf } from '../tree/index.js'
import { MAX_ENTRY_BYTES } from './plain.js'

/*
 * The files of a journal:
 *
 *     journal/000001.journal  │ head │ record │ record │ …
 *     journal/000002.journal  │ head │ record │ record │ torn
 *
 *     head   = "spanledger journal 1\nafter " 12 digits "\nboot " 36 characters "\n"
 *     record = [length u32 BE, top bit: the id is the caller's][leaf hash 32][entry bytes]
 *
 * `after` is where the records of the segment before end, so that one which was cut short is noticed. `boot` tells one
 * running of the machine from the next: what is not fsynced may be torn anywhere when it lost power, and nowhere but at
 * the end when only the process died.
 */

const MAGIC = 'spanledger journal '
const VERSION = '1'
const OFFSET_DIGITS = 12
const BOOT_ID_LENGTH = 36

/** Where the first record of a segment begins. */
export const HEAD_BYTES = `${MAGIC}${VERSION}\nafter \nboot \n`.length + OFFSET_DIGITS + BOOT_ID_LENGTH
const LENGTH_BYTES = 4
const PREFIX_BYTES = LENGTH_BYTES + 32
const CALLER_ID = 0x8000_0000
export const MAX_RECORD_BYTES = PREFIX_BYTES + MAX_ENTRY_BYTES
/** Every entry begins with it: the place to look for the next record behind damage. */
const ENTRY_START = Buffer.from('{"v":')

/** What stands at the start of a segment. */
export interface SegmentHead {
  readonly after: number
  /** Empty where the system has none. */
  readonly bootId: string
}

export function encodeHead({ after, bootId }: SegmentHead): Buffer {
  const offset = String(after).padStart(OFFSET_DIGITS, '0')
  return Buffer.from(`${MAGIC}${VERSION}\nafter ${offset}\nboot ${bootId.padEnd(BOOT_ID_LENGTH)}\n`, 'latin1')
}

/** What a segment's first bytes are. */
export type ReadHead = SegmentHead | 'cut short' | 'malformed' | { readonly unknownVersion: string }

export function decodeHead(segment: Buffer): ReadHead {
  const text = segment.toString('latin1', 0, HEAD_BYTES)
  const [, version, after, bootId] = /^spanledger journal (\d+)\n(?:after (\d{12})\nboot (.{36})\n)?/.exec(text) ?? []
  if (version !== undefined && version !== VERSION) return { unknownVersion: version }
  if (after !== undefined && bootId !== undefined) return { after: Number(after), bootId: bootId.trimEnd() }
  const whole = encodeHead({ after: 0, bootId: '' }).toString('latin1')
  if (text.length < HEAD_BYTES && whole.startsWith(text.slice(0, MAGIC.length))) return 'cut short'
  return 'malformed'
}

/** @returns the length of the record in `target` */
export function encodeRecord(target: Buffer, bytes: Uint8Array, leafHash: Uint8Array, callerId: boolean): number {
  target.writeUInt32BE(callerId ? bytes.length + CALLER_ID : bytes.length, 0)
  target.set(leafHash, LENGTH_BYTES)
  target.set(bytes, PREFIX_BYTES)
  return PREFIX_BYTES + bytes.length
}

/** Bytes that an entry takes in a journal. */
export function recordBytes(entryBytes: number): number {
  return PREFIX_BYTES + entryBytes
}

export interface JournalRecord {
  readonly bytes: Uint8Array
  readonly leafHash: Uint8Array
  readonly callerId: boolean
  /** Where the next record begins. */
  readonly end: number
}

/** The record at an offset; `undefined` where no whole, undamaged one is. */
export function decodeRecord(segment: Buffer, at: number): JournalRecord | undefined {
  const end = claimedEnd(segment, at)
  if (end === undefined || end > segment.length) return undefined
  const bytes = segment.subarray(at + PREFIX_BYTES, end)
  const leafHash = segment.subarray(at + LENGTH_BYTES, at + PREFIX_BYTES)
  if (Buffer.compare(hashLeaf(bytes), leafHash) !== 0) return undefined
  return { bytes, leafHash, callerId: (segment[at] as number) >= 0x80, end }
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

/** How many entries seem to begin there. */
export function startsOfEntries(bytes: Buffer): number {
  let starts = 0
  for (let at = bytes.indexOf(ENTRY_START); at !== -1; at = bytes.indexOf(ENTRY_START, at + 1)) starts++
  return starts
}

/** Whether what stands at an offset, up to the end, can be the beginning of a record that was being written. */
export function isCutShort(segment: Buffer, at: number): boolean {
  if (segment.length - at < LENGTH_BYTES) return true
  const end = claimedEnd(segment, at)
  if (end === undefined || end <= segment.length) return false
  if (segment.length - at <= PREFIX_BYTES) return true
  // A whole entry behind a length that is too large: the length was altered.
  const leafHash = segment.subarray(at + LENGTH_BYTES, at + PREFIX_BYTES)
  return Buffer.compare(hashLeaf(segment.subarray(at + PREFIX_BYTES)), leafHash) !== 0
}

/** Where a record says it ends; `undefined` where no record says so. */
function claimedEnd(segment: Buffer, at: number): number | undefined {
  if (at + LENGTH_BYTES > segment.length) return undefined
  const length = segment.readUInt32BE(at) % CALLER_ID
  return length > 0 && length <= MAX_ENTRY_BYTES ? at + PREFIX_BYTES + length : undefined
}

export function segmentName(segment: number): string {
  return `${String(segment).padStart(6, '0')}.journal`
}

/** Numbers of the segments in a directory, ascending; none when it is missing. */
export function segmentsIn(directory: string): number[] {
  const segments: number[] = []
  for (const name of namesIn(directory)) {
    const [, digits] = /^(\d{6,15})\.journal$/.exec(name) ?? []
    if (digits !== undefined && segmentName(Number(digits)) === name) segments.push(Number(digits))
  }
  return segments.sort((a, b) => a - b)
}

/** Tells this running of the machine from others; empty where the system does not say. */
export function currentBootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim().slice(0, BOOT_ID_LENGTH)
  } catch (problem) {
    if (isTransient(problem)) throw problem
    return ''
  }
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory)
  } catch (problem) {
    if ((problem as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw problem
  }
}
