import { rm } from 'node:fs/promises'
import { AuditLogError } from '../../events/errors.js'
import { textOf } from '../../events/text.js'
import { isTimestamp } from '../../events/time.js'
import type { AuditEvent } from '../../events/types.js'
import type { JournalPosition, SealedEntry } from '../../store/contract.js'
import { filedEvent } from '../../store/filed-event.js'
import { sameHash } from '../../tree/index.js'
import { type JournalStart, MAX_SEGMENT_BYTES } from './journal.js'
import {
  decodeHead,
  decodeRecord,
  findRecord,
  HEAD_BYTES,
  isAttested,
  isCutShort,
  type JournalRecord,
  leafBefore,
  readSegment,
  type SegmentHead,
  segmentName,
  segmentPath,
  segmentsIn,
  startsOfEntries,
} from './journal-format.js'
import type { JournalMac } from './journal-key.js'

/** The reaction to a damaged journal: not to open the log, or to go on with what can be read. */
export type JournalDamagePolicy = 'refuse' | 'discard'

/** A stretch of a journal that cannot be read, or that is not the log's own. */
export interface JournalGap {
  readonly reason: 'journal_damaged' | 'journal_unattested' | 'power_lost'
  /** Events that were there, as far as can be told; at least 1. */
  readonly count: number
  /** Last event before it, first one behind it; `undefined` where there is none. */
  readonly before: AuditEvent | undefined
  readonly after: AuditEvent | undefined
}

export interface JournalReplayOptions {
  readonly directory: string
  /** Up to where the store has it all; `undefined` when it knows of no journal. */
  readonly from: JournalPosition | undefined
  /** The log was closed in order: the store has all that the journal had, and nothing else is taken from it. */
  readonly closedInOrder: boolean
  readonly bootId: string
  readonly onDamage: JournalDamagePolicy
  /** Tells the records of the log from those of others; without it all are taken, and none is attested. */
  readonly mac?: JournalMac | undefined
  /** Of the log, for messages. */
  readonly location: string
}

export interface ReplayedEntry {
  readonly entry: SealedEntry
  /** The event that the entry holds. */
  readonly event: AuditEvent
  /** After its record. */
  readonly position: JournalPosition
  /** The log's journal key attests it. */
  readonly isAttested: boolean
}

/** Reads what a journal has for the store, segment by segment. */
export class JournalReplay {
  readonly gaps: JournalGap[] = []
  /** Bytes of what the process, or the machine, was writing when it died. */
  tornBytes = 0
  /** Segments with a gap that no torn end explains. */
  readonly damagedSegments: Set<number> = new Set()
  readonly #options: JournalReplayOptions
  readonly #segments: readonly number[]
  readonly #first: number
  /** Where the records of the last segment end. */
  #end = 0
  /** Leaf hash of the record directly before; `undefined` where it is not known. */
  #previous: Uint8Array | undefined = undefined
  #last: AuditEvent | undefined = undefined
  #openGap: Omit<JournalGap, 'after'> | undefined = undefined

  /** @throws what the file system throws */
  constructor(options: JournalReplayOptions) {
    this.#options = options
    this.#segments = segmentsIn(options.directory)
    this.#first = options.from?.segment ?? 1
  }

  /** How a journal goes on behind these segments; to be asked after {@link entries}. */
  get next(): JournalStart {
    const { directory, from, bootId, mac } = this.#options
    const segment = Math.max(this.#segments.at(-1) ?? 0, this.#first - 1, from?.offset ? from.segment : 0) + 1
    const oldest = this.#segments[0] ?? segment
    return { directory, segment, after: this.#end, previous: this.#previous, oldest, bootId, mac }
  }

  /** Deletes the segments: the store has them all, and none is to follow. */
  async delete(): Promise<void> {
    const { directory } = this.#options
    await Promise.all(this.#segments.map((segment) => rm(segmentPath(directory, segment), { force: true })))
  }

  /**
   * The entries that the store does not have, in the order in which they were recorded. None after the log was closed in
   * order: what is there all the same, nobody who had the log has written.
   *
   * @throws AuditLogError `AUDIT_LOG_CORRUPT` naming file and byte, `AUDIT_FORMAT_UNSUPPORTED`
   */
  *entries(): Generator<ReplayedEntry> {
    const { from, closedInOrder } = this.#options
    if (closedInOrder) {
      this.#end = from?.offset ?? 0
      return
    }
    const needed = this.#segments.filter((segment) => segment >= this.#first)
    if (needed.length === 0 && from !== undefined && from.offset > 0) this.#missing(from.segment)
    let expected = this.#first
    let segment = this.#read(needed[0])
    for (let at = 1; segment; at++) {
      if (segment.number !== expected) this.#missing(expected)
      const next = this.#read(needed[at])
      expected = segment.number + 1
      yield* this.#entriesOf(segment, next)
      segment = next
    }
    this.#closeGap(undefined)
  }

  *#entriesOf(segment: Segment, next: Segment | undefined): Generator<ReplayedEntry> {
    const { from } = this.#options
    const { bytes, number } = segment
    const isFirst = number === from?.segment
    let at = isFirst ? Math.max(from.offset, HEAD_BYTES) : HEAD_BYTES
    this.#end = Math.min(at, bytes.length)
    const stated = next?.number === number + 1 && next.state === 'whole' ? next.head.after : undefined
    if (segment.state === 'no segment') {
      this.#damaged(`${segmentName(number)} is no file, or longer than any segment`, segment)
      return
    }
    if (segment.state === 'cut short') {
      // It could not be begun; what follows it says whether it had records.
      if (stated !== undefined && stated > HEAD_BYTES) this.#unreadable(segment, 0, 0)
      this.tornBytes += bytes.length
      return
    }
    if (segment.state === 'malformed') this.#unreadable(segment, 0, HEAD_BYTES)
    const limit = Math.min(stated ?? bytes.length, bytes.length)
    const records = bytes.subarray(0, limit)
    // A file is made before the thread of a journal has written all of the one before.
    const isLast = !next || next.bytes.length === 0
    // What is gone before that place is in the store; who knows what followed it. Loss of power explains it.
    const isShort = at > bytes.length && !this.#lostPower(segment)
    if (isShort) this.#damaged(`${segmentName(number)} ends at byte ${bytes.length}, before byte ${at}`, segment)
    if (at === HEAD_BYTES) this.#follow(segment)
    else this.#previous = leafBefore(records, at)
    while (at < limit) {
      const record = decodeRecord(records, at)
      if (record) {
        yield* this.#replayed(segment, records, record, at)
        at = record.end
        continue
      }
      const found = findRecord(records, at + 1)
      if (found === undefined && isLast && (isCutShort(records, at) || this.#lostPower(segment))) {
        this.tornBytes += limit - at
        return
      }
      this.#unreadable(segment, at, found ?? limit)
      at = found ?? limit
    }
    if (stated !== undefined && stated > bytes.length && (from === undefined || !isFirst || from.offset < stated)) {
      this.#unreadable(segment, bytes.length, bytes.length)
    }
  }

  /** Yields the entry of a record, unless the record is not the log's own. */
  *#replayed(segment: Segment, records: Buffer, record: JournalRecord, at: number): Generator<ReplayedEntry> {
    const { mac } = this.#options
    const { bytes, leafHash, callerId, end } = record
    if (mac && !this.#isAttested(mac, segment.number, records, record, at)) {
      const why = segment.head.keyId === mac.keyId ? '' : ` (the file is of ${nameOfKey(segment.head.keyId)})`
      const what = `the record in ${segmentName(segment.number)} at byte ${at} is not attested by the journal key${why}`
      this.#gap(segment, { reason: 'journal_unattested', count: 1, what })
      return
    }
    const event = eventIn(bytes)
    if (!event) {
      this.#damaged(`the record in ${segmentName(segment.number)} at byte ${at} is no event of this log`, segment)
      return
    }
    this.#closeGap(event)
    this.#last = event
    this.#previous = leafHash
    this.#end = end
    const position = { segment: segment.number, offset: end }
    yield {
      entry: { bytes, byteLength: bytes.length, leafHash, callerId, event: filedEvent(event) },
      event,
      position,
      isAttested: mac !== undefined,
    }
  }

  /**
   * The MAC covers the record before. Where that cannot be read, the record behind attests it instead: its own MAC covers
   * this one.
   */
  #isAttested(mac: JournalMac, segment: number, records: Buffer, record: JournalRecord, at: number): boolean {
    const previous = this.#previous
    if (isAttested(record, mac, { previous, segment, offset: at })) return true
    const behind = previous ? undefined : decodeRecord(records, record.end)
    return !!behind && isAttested(behind, mac, { previous: record.leafHash, segment, offset: record.end })
  }

  /** A segment says what it follows. */
  #follow(segment: Segment): void {
    const { previous } = segment.head
    if (this.#previous && previous && !sameHash(this.#previous, previous)) {
      this.#damaged(`${segmentName(segment.number)} does not follow the records before it`, segment)
    }
    this.#previous = previous
  }

  /** What the loss of power leaves is told as a gap; nothing but damage explains it otherwise. */
  #unreadable(segment: Segment, at: number, end: number): void {
    const count = Math.max(1, startsOfEntries(segment.bytes.subarray(at, end)))
    const what = `${segmentName(segment.number)} is damaged at byte ${at}`
    this.#gap(segment, { reason: this.#lostPower(segment) ? 'power_lost' : 'journal_damaged', count, what })
  }

  #missing(segment: number): void {
    this.#gap(undefined, { reason: 'journal_damaged', count: 1, what: `${segmentName(segment)} is missing` })
  }

  #damaged(what: string, segment: Segment): void {
    this.#gap(segment, { reason: 'journal_damaged', count: 1, what })
  }

  #gap(segment: Segment | undefined, { reason, count, what }: FoundGap): void {
    const { onDamage, location } = this.#options
    if (reason !== 'power_lost' && onDamage === 'refuse') throw refusal(location, reason, what)
    this.#previous = undefined
    if (segment && reason !== 'power_lost') this.damagedSegments.add(segment.number)
    if (this.#openGap?.reason === reason) {
      this.#openGap = { ...this.#openGap, count: this.#openGap.count + count }
      return
    }
    this.#closeGap(undefined)
    this.#openGap = { reason, count, before: this.#last }
  }

  #closeGap(after: AuditEvent | undefined): void {
    if (this.#openGap) this.gaps.push({ ...this.#openGap, after })
    this.#openGap = undefined
  }

  /** The machine was started anew since the segment was begun. */
  #lostPower({ head }: Segment): boolean {
    const { bootId } = this.#options
    return head.bootId !== '' && bootId !== '' && head.bootId !== bootId
  }

  #read(number: number | undefined): Segment | undefined {
    if (number === undefined) return undefined
    const { directory, location } = this.#options
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
}

interface Segment {
  readonly number: number
  readonly bytes: Buffer
  /** An empty one where it cannot be read. */
  readonly head: SegmentHead
  readonly state: 'whole' | 'cut short' | 'malformed' | 'no segment'
}

const NO_HEAD: SegmentHead = { after: 0, previous: undefined, keyId: undefined, bootId: '' }

interface FoundGap extends Pick<JournalGap, 'reason' | 'count'> {
  /** For a person. */
  readonly what: string
}

function refusal(location: string, reason: JournalGap['reason'], what: string): AuditLogError {
  const isForged = reason === 'journal_unattested'
  return new AuditLogError(
    'AUDIT_LOG_CORRUPT',
    isForged
      ? `The journal of the audit log ${location} has what the log did not write: ${what}. Keep the directory as evidence, and give the journal key that the log was written with, or open with damagedJournal: 'discard', which keeps such records aside and records the gap`
      : `The journal of the audit log ${location} is damaged: ${what}. It has events that are stored nowhere else. Keep the directory as evidence, and restore the file or open with damagedJournal: 'discard', which goes on without them and records the gap`,
  )
}

function nameOfKey(keyId: string | undefined): string {
  return keyId === undefined ? 'no key' : `the key ${keyId}`
}

/** Statements that opening a log makes, and that no journal holds. */
const MADE_BY_OPENING: ReadonlySet<unknown> = new Set([
  'audit_log_diverged',
  'events_recovered',
  'journal_set_aside',
  'run_interrupted',
  'signing_key_changed',
])
const NAMES = ['id', 'type', 'tenantId', 'sessionId'] as const
const OPTIONAL_NAMES = ['runId', 'parentRunId', 'supersedes', 'statementOf'] as const

/** The event that a record holds; `undefined` where no log wrote it: engines file an entry by these fields. */
function eventIn(bytes: Uint8Array): AuditEvent | undefined {
  let event: Partial<AuditEvent> | null
  try {
    event = JSON.parse(textOf(bytes)) as Partial<AuditEvent> | null
  } catch {
    return undefined
  }
  if (typeof event !== 'object' || event === null) return undefined
  const { time, recordedAt, agent = {}, statementOf, type } = event
  const isSound =
    isTimestamp(time) &&
    isTimestamp(recordedAt) &&
    NAMES.every((name) => isName(event[name])) &&
    OPTIONAL_NAMES.every((name) => event[name] === undefined || isName(event[name])) &&
    typeof agent === 'object' &&
    agent !== null &&
    [agent.id, agent.name].every((name) => name === undefined || isName(name)) &&
    !(statementOf !== undefined && MADE_BY_OPENING.has(type))
  return isSound ? (event as AuditEvent) : undefined
}

function isName(value: unknown): boolean {
  return typeof value === 'string' && value !== ''
}
