import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { AuditLogError } from '../events/errors.js'
import { readRegularFileSync } from '../files/regular-file.js'
import type { JournalPosition, SealedEntry } from '../store/contract.js'
import { type JournalStart, MAX_SEGMENT_BYTES } from './journal.js'
import {
  decodeHead,
  decodeRecord,
  findRecord,
  HEAD_BYTES,
  isCutShort,
  type SegmentHead,
  segmentName,
  segmentsIn,
  startsOfEntries,
} from './journal-format.js'

/** What to do about a journal that is damaged: not to open the log, or to go on with what can be read. */
export type DamagePolicy = 'refuse' | 'discard'

/** A stretch of a journal that cannot be read. */
export interface JournalGap {
  readonly reason: 'journal_damaged' | 'power_lost'
  /** Events that were there, as far as can be told; at least 1. */
  readonly count: number
  /** Last event before it, first one behind it; `undefined` where there is none. */
  readonly before: SealedEntry['event'] | undefined
  readonly after: SealedEntry['event'] | undefined
}

export interface JournalReplayOptions {
  readonly directory: string
  /** Up to where the store has it all; `undefined` when it knows of no journal. */
  readonly from: JournalPosition | undefined
  /** The log was closed in order: what is missing was not needed any more. */
  readonly closedInOrder: boolean
  readonly bootId: string
  readonly onDamage: DamagePolicy
  /** Of the log, for messages. */
  readonly location: string
}

export interface ReplayedEntry {
  readonly entry: SealedEntry
  /** After its record. */
  readonly position: JournalPosition
}

/** Reads what a journal has for the store, segment by segment. */
export class JournalReplay {
  readonly gaps: JournalGap[] = []
  /** Bytes of what the process, or the machine, was writing when it died. */
  tornBytes = 0
  readonly #options: JournalReplayOptions
  readonly #segments: readonly number[]
  readonly #first: number
  /** Where the records of the last segment end. */
  #end = 0
  #last: SealedEntry['event'] | undefined = undefined
  #openGap: Omit<JournalGap, 'after'> | undefined = undefined

  /** @throws what the file system throws */
  constructor(options: JournalReplayOptions) {
    this.#options = options
    this.#segments = segmentsIn(options.directory)
    this.#first = options.from?.segment ?? 1
  }

  /** How a journal goes on behind these segments; to be asked after {@link entries}. */
  get next(): JournalStart {
    const { directory, from, bootId } = this.#options
    const segment = Math.max(this.#segments.at(-1) ?? 0, this.#first - 1, from?.offset ? from.segment : 0) + 1
    return { directory, segment, after: this.#end, oldest: this.#segments[0] ?? segment, bootId }
  }

  /** Deletes the segments: the store has them all, and none is to follow. */
  async delete(): Promise<void> {
    const { directory } = this.#options
    await Promise.all(this.#segments.map((segment) => rm(join(directory, segmentName(segment)), { force: true })))
  }

  /**
   * The entries that the store does not have, in the order in which they were recorded.
   *
   * @throws AuditLogError `AUDIT_LOG_CORRUPT` naming file and byte, `AUDIT_FORMAT_UNSUPPORTED`
   */
  *entries(): Generator<ReplayedEntry> {
    const { from, closedInOrder } = this.#options
    const needed = this.#segments.filter((segment) => segment >= this.#first)
    if (needed.length === 0 && from !== undefined && from.offset > 0 && !closedInOrder) this.#missing(from.segment)
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
    const { from, closedInOrder } = this.#options
    const { bytes, number } = segment
    const isFirst = number === from?.segment
    let at = isFirst ? Math.max(from.offset, HEAD_BYTES) : HEAD_BYTES
    this.#end = Math.min(at, bytes.length)
    const stated = next?.number === number + 1 && typeof next.head === 'object' ? next.head.after : undefined
    if (segment.head === 'cut short') {
      // It could not be begun; what follows it says whether it had records.
      if (stated !== undefined && stated > HEAD_BYTES) this.#unreadable(segment, 0, 0)
      this.tornBytes += bytes.length
      return
    }
    if (segment.head === 'malformed') this.#unreadable(segment, 0, HEAD_BYTES)
    const limit = Math.min(stated ?? bytes.length, bytes.length)
    const records = bytes.subarray(0, limit)
    // What is gone before that place is in the store; who knows what followed it. Loss of power explains it.
    const isShort = at > bytes.length && !closedInOrder && !this.#lostPower(segment)
    if (isShort) this.#damaged(`${segmentName(number)} ends at byte ${bytes.length}, before byte ${at}`)
    while (at < limit) {
      const record = decodeRecord(records, at)
      if (record) {
        const { bytes: entryBytes, leafHash, callerId, end } = record
        const event = JSON.parse(Buffer.from(entryBytes).toString()) as SealedEntry['event']
        this.#closeGap(event)
        this.#last = event
        at = end
        this.#end = end
        const position = { segment: number, offset: end }
        yield { entry: { bytes: entryBytes, leafHash, callerId, event }, position }
        continue
      }
      const found = findRecord(records, at + 1)
      if (found === undefined && !next && (isCutShort(records, at) || this.#lostPower(segment))) {
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

  /** What the loss of power leaves is told as a gap; nothing but damage explains it otherwise. */
  #unreadable(segment: Segment, at: number, end: number): void {
    const count = Math.max(1, startsOfEntries(segment.bytes.subarray(at, end)))
    if (this.#lostPower(segment)) this.#openGapOf('power_lost', count)
    else this.#damaged(`${segmentName(segment.number)} is damaged at byte ${at}`, count)
  }

  #missing(segment: number): void {
    this.#damaged(`${segmentName(segment)} is missing`)
  }

  #damaged(what: string, count = 1): void {
    const { onDamage, location } = this.#options
    if (onDamage === 'discard') {
      this.#openGapOf('journal_damaged', count)
      return
    }
    throw new AuditLogError(
      'AUDIT_LOG_CORRUPT',
      `The journal of the audit log ${location} is damaged: ${what}. It has events that are stored nowhere else. Keep the directory as evidence, and restore the file or open with onDamagedJournal: 'discard', which goes on without them and records the gap`,
    )
  }

  #openGapOf(reason: JournalGap['reason'], count: number): void {
    if (this.#openGap?.reason === reason) {
      this.#openGap = { ...this.#openGap, count: this.#openGap.count + count }
      return
    }
    this.#closeGap(undefined)
    this.#openGap = { reason, count, before: this.#last }
  }

  #closeGap(after: SealedEntry['event'] | undefined): void {
    if (this.#openGap) this.gaps.push({ ...this.#openGap, after })
    this.#openGap = undefined
  }

  /** The machine was started anew since the segment was begun. */
  #lostPower({ head }: Segment): boolean {
    const { bootId } = this.#options
    return typeof head === 'object' && head.bootId !== '' && bootId !== '' && head.bootId !== bootId
  }

  #read(number: number | undefined): Segment | undefined {
    if (number === undefined) return undefined
    const bytes = readRegularFileSync(join(this.#options.directory, segmentName(number)), MAX_SEGMENT_BYTES)
    const head = decodeHead(bytes)
    if (typeof head === 'object' && 'unknownVersion' in head) {
      throw new AuditLogError(
        'AUDIT_FORMAT_UNSUPPORTED',
        `The journal of the audit log ${this.#options.location} has format version ${head.unknownVersion}, which this Spanledger does not know`,
      )
    }
    return { number, bytes, head }
  }
}

interface Segment {
  readonly number: number
  readonly bytes: Buffer
  readonly head: SegmentHead | 'cut short' | 'malformed'
}
