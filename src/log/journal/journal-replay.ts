import { rm } from 'node:fs/promises'
import type { AuditEvent } from '../../events/types.js'
import type { JournalPosition, SealedEntry } from '../../store/contract.js'
import { filedEvent } from '../../store/filed-event.js'
import { sameHash } from '../../tree/index.js'
import type { JournalStart } from './journal.js'
import { HEAD_BYTES, segmentName, segmentPath, segmentsIn } from './journal-format.js'
import { type FoundGap, type JournalDamagePolicy, type JournalGap, JournalGaps } from './journal-gaps.js'
import type { JournalMac } from './journal-key.js'
import { decodeRecordedEvent } from './recorded-event.js'
import {
  decodeRecord,
  findRecord,
  isAttested,
  isCutShort,
  type JournalRecord,
  leafBefore,
  startsOfEntries,
} from './stored-record.js'
import { readStoredSegment, type StoredSegment } from './stored-segment.js'

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
  /** Bytes of what the process, or the machine, was writing when it died. */
  tornBytes = 0
  readonly #gaps: JournalGaps
  readonly #options: JournalReplayOptions
  readonly #segments: readonly number[]
  readonly #first: number
  /** The end of the records of the last segment. */
  #end = 0
  /** Leaf hash of the record directly before; `undefined` where it is not known. */
  #previous: Uint8Array | undefined = undefined

  /** @throws what the file system throws */
  constructor(options: JournalReplayOptions) {
    this.#options = options
    this.#gaps = new JournalGaps(options.onDamage, options.location)
    this.#segments = segmentsIn(options.directory)
    this.#first = options.from?.segment ?? 1
  }

  /** Those that were found so far, each once the next event is known. */
  get gaps(): readonly JournalGap[] {
    return this.#gaps.all
  }

  /** Segments with a gap that no torn end explains. */
  get damagedSegments(): ReadonlySet<number> {
    return this.#gaps.damagedSegments
  }

  /** The start of the journal that follows these segments; complete once {@link entries} has ended. */
  get next(): JournalStart {
    const { directory, from, bootId, mac } = this.#options
    const segment = Math.max(this.#segments.at(-1) ?? 0, this.#first - 1, from?.offset ? from.segment : 0) + 1
    const oldest = this.#segments[0] ?? segment
    return { directory, segment, after: this.#end, previous: this.#previous, oldest, bootId, mac }
  }

  /** Deletes the segments: the store has them all, and none is to follow. */
  async remove(): Promise<void> {
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
    this.#gaps.end()
  }

  *#entriesOf(segment: StoredSegment, next: StoredSegment | undefined): Generator<ReplayedEntry> {
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
      // Attacker-controlled: a record; it lies within its segment, and its MAC attests it where there is a key.
      const record = decodeRecord(records, at)
      if (record) {
        yield* this.#replayed(segment, records, record)
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
  *#replayed(segment: StoredSegment, records: Buffer, record: JournalRecord): Generator<ReplayedEntry> {
    const { mac } = this.#options
    const { bytes, leafHash, callerId, content, start, end } = record
    if (mac && !this.#isAttested(mac, segment.number, records, record)) {
      const why = segment.head.keyId === mac.keyId ? '' : ` (the file is of ${nameOfKey(segment.head.keyId)})`
      const what = `the record in ${segmentName(segment.number)} at byte ${start} is not attested by the journal key${why}`
      this.#gap(segment, { reason: 'journal_unattested', count: 1, what })
      return
    }
    const event = decodeRecordedEvent(bytes)
    if (!event) {
      this.#damaged(`the record in ${segmentName(segment.number)} at byte ${start} is no event of this log`, segment)
      return
    }
    this.#gaps.endBefore(event)
    this.#previous = leafHash
    this.#end = end
    const position = { segment: segment.number, offset: end }
    yield {
      entry: { bytes, byteLength: bytes.length, leafHash, callerId, event: filedEvent(event), content },
      event,
      position,
      isAttested: mac !== undefined,
    }
  }

  /**
   * The MAC covers the record before. Where that cannot be read, the record behind attests it instead: its own MAC covers
   * this one.
   */
  #isAttested(mac: JournalMac, segment: number, records: Buffer, record: JournalRecord): boolean {
    const previous = this.#previous
    if (isAttested(record, mac, { previous, segment, offset: record.start })) return true
    const behind = previous ? undefined : decodeRecord(records, record.end)
    return !!behind && isAttested(behind, mac, { previous: record.leafHash, segment, offset: record.end })
  }

  /** A segment says what it follows. */
  #follow(segment: StoredSegment): void {
    const { previous } = segment.head
    if (this.#previous && previous && !sameHash(this.#previous, previous)) {
      this.#damaged(`${segmentName(segment.number)} does not follow the records before it`, segment)
    }
    this.#previous = previous
  }

  /** Adds a gap for bytes that cannot be read. Loss of power may explain them; otherwise nothing but damage does. */
  #unreadable(segment: StoredSegment, at: number, end: number): void {
    const count = Math.max(1, startsOfEntries(segment.bytes.subarray(at, end)))
    const what = `${segmentName(segment.number)} is damaged at byte ${at}`
    this.#gap(segment, { reason: this.#lostPower(segment) ? 'power_lost' : 'journal_damaged', count, what })
  }

  #missing(segment: number): void {
    this.#gap(undefined, { reason: 'journal_damaged', count: 1, what: `${segmentName(segment)} is missing` })
  }

  #damaged(what: string, segment: StoredSegment): void {
    this.#gap(segment, { reason: 'journal_damaged', count: 1, what })
  }

  #gap(segment: StoredSegment | undefined, found: FoundGap): void {
    this.#gaps.add(found, segment?.number)
    this.#previous = undefined
  }

  /** The machine was started anew since the segment was begun. */
  #lostPower({ head }: StoredSegment): boolean {
    const { bootId } = this.#options
    return head.bootId !== '' && bootId !== '' && head.bootId !== bootId
  }

  #read(number: number | undefined): StoredSegment | undefined {
    if (number === undefined) return undefined
    const { directory, location } = this.#options
    return readStoredSegment(directory, number, location)
  }
}

function nameOfKey(keyId: string | undefined): string {
  return keyId === undefined ? 'no key' : `the key ${keyId}`
}
