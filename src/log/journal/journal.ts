import { closeSync, fstatSync, ftruncateSync, lstatSync, rmSync } from 'node:fs'
import { readersIn } from '../../files/readers.js'
import { openToWriteSync } from '../../files/regular-file.js'
import type { JournalPosition, SealedEntry } from '../../store/contract.js'
import { syncDirectory } from '../../store/directory.js'
import type { JournalWindowCounters } from '../../write-behind/window-counters.js'
import type { WriteBehindOptions } from '../../write-behind/write-behind.js'
import { writeFully } from '../../write-behind/write-fully.js'
import {
  attestRecord,
  type EncodedRecord,
  encodeHead,
  HEAD_BYTES,
  MAX_RECORD_BYTES,
  RecordEncoder,
  SEGMENT_BYTES,
  sectionOf,
  segmentName,
  segmentPath,
} from './journal-format.js'
import type { JournalMac } from './journal-key.js'
import { type JournalSpan, readSpan } from './journal-span.js'
import { RecordsBehind, type UnwrittenRecord } from './records-behind.js'
import { SegmentsBefore } from './segments-before.js'

/** The start of a journal behind the segments that are there. */
export interface JournalStart {
  readonly directory: string
  /** Number of the segment to begin; none that is there may have it or a higher one. */
  readonly segment: number
  /** The end of the records of the segment before. */
  readonly after: number
  /** Leaf hash of the last of them, where it is known. */
  readonly previous?: Uint8Array | undefined
  /** The lowest number of the segments that are there. */
  readonly oldest: number
  readonly bootId: string
  /** Attests the records; without it nothing does. */
  readonly mac?: JournalMac | undefined
  readonly segmentBytes?: number
}

/**
 * The write-ahead files that make a returned call survive the death of the process. A record is one write(2) before
 * `append` returns, so that a process which dies leaves whole records and at most one torn one, at the very end.
 * Nothing is fsynced: what has to survive loss of power is committed to the store, which says with each commit up to
 * where it has taken over the journal. Behind {@link Journal.goBehind} a thread writes the same bytes to the same places.
 */
export class Journal {
  #directory: string
  /** Another directory of that name is not that of this journal. */
  readonly #directoryId: string | undefined
  readonly #bootId: string
  readonly #mac: JournalMac | undefined
  readonly #segmentBytes: number
  readonly #encoder = new RecordEncoder()
  #descriptor: number
  #segment: number
  /** The entry of the last record. */
  #last: Pick<SealedEntry, 'leafHash'> | undefined
  /** After the last whole record. */
  #offset = HEAD_BYTES
  /** A write failed, so that a part of a record may follow `#offset`, or the file is gone: another segment is to follow. */
  #spoilt = false
  #listing: Promise<void> = Promise.resolve()
  readonly #before: SegmentsBefore
  #behind: RecordsBehind | undefined = undefined
  /** The thread gets the records of this segment. */
  #isBehind = false
  #lost: readonly UnwrittenRecord[] = []

  /** @throws what the file system throws */
  constructor(start: JournalStart) {
    const { directory, segment, after, previous, oldest, bootId, mac, segmentBytes = SEGMENT_BYTES } = start
    this.#directory = directory
    this.#directoryId = idOf(directory)
    this.#bootId = bootId
    this.#mac = mac
    this.#last = previous && { leafHash: previous }
    this.#segmentBytes = segmentBytes
    this.#segment = segment
    this.#before = new SegmentsBefore(oldest)
    this.#descriptor = this.#create(segment, after, (descriptor, head) => writeFully(descriptor, head, 0))
  }

  /**
   * Has records written by a thread from now on: `append` returns when it has a copy of the record. While the thread cannot
   * write, and once it has ended, the caller writes.
   *
   * @throws Error when there is no thread that can write; nothing has changed then
   */
  async goBehind(options: Omit<WriteBehindOptions, 'descriptor' | 'maxStretchBytes'>): Promise<void> {
    const maxStretchBytes = MAX_RECORD_BYTES
    this.#behind = await RecordsBehind.start({ ...options, maxStretchBytes, descriptor: this.#descriptor })
    this.#passOn()
  }

  /** The state of the records on their way to the thread; `undefined` without one. */
  get window(): JournalWindowCounters | undefined {
    return this.#behind?.counters
  }

  /** After the last record, and after what could not be cut off behind it. */
  get end(): JournalPosition {
    if (this.#spoilt) return { segment: this.#segment + 1, offset: 0 }
    return { segment: this.#segment, offset: this.#offset }
  }

  /** A position as the store is to keep it: where nothing follows in a file that is spoilt, that file is not needed. */
  settled(position: JournalPosition): JournalPosition {
    const { segment, offset } = position
    return this.#spoilt && segment === this.#segment && offset === this.#offset ? this.end : position
  }

  /** Bytes of the segments written since the journal was opened and not deleted. */
  get bytes(): number {
    return this.#offset + this.#before.bytes
  }

  /** @throws what the file system throws; the record is not part of the journal then */
  append(entry: SealedEntry): void {
    if (this.#offset >= this.#segmentBytes || this.#spoilt) this.startNext()
    const record = this.#encoder.encode(entry)
    if (this.#mac) {
      const { leafHash, callerId } = entry
      const section = sectionOf(record, entry)
      const previous = this.#last?.leafHash
      const [segment, offset] = [this.#segment, this.#offset]
      attestRecord(record, this.#mac, { previous, leafHash, callerId, section, segment, offset })
    }
    try {
      if (this.#isBehind) this.#behind?.append(entry, record, { segment: this.#segment, offset: this.#offset })
      else writeFully(this.#descriptor, record, this.#offset)
    } catch (problem) {
      this.#cut()
      throw problem
    }
    this.#offset += record.length
    this.#last = entry
    if (!this.#isBehind) this.#passOn()
  }

  /** Resolves when all records are in their files. @throws what the file system throws: see {@link takeLost} */
  async written(): Promise<void> {
    if (!this.#isBehind) return
    await this.#behind?.drained()
    // It may have been noticed meanwhile.
    if (!this.#isBehind) return
    try {
      this.#behind?.settle()
    } catch (problem) {
      this.#cut()
      throw problem
    }
  }

  /** Returns the records that were taken, and are no part of the journal after all; once. They are the last ones that were taken. */
  takeLost(): readonly UnwrittenRecord[] {
    const lost = this.#lost
    this.#lost = []
    return lost
  }

  /**
   * Resolves when loss of power keeps the newest file in its directory. Recording does not wait for it; a commit does,
   * which gives the store a position in that file.
   */
  get listed(): Promise<void> {
    return this.#listing
  }

  /** Tells whether the newest file was removed. One can write into it all the same. @throws what the file system throws */
  get isRemoved(): boolean {
    return fstatSync(this.#descriptor).nlink === 0
  }

  /** Notices that the file is gone, into which one can write all the same. @throws Error saying so */
  check(): void {
    if (!this.#spoilt && !this.isRemoved) return
    this.#spoilt = true
    throw new Error(`the journal file ${segmentName(this.#segment)} was removed`)
  }

  /** Reads records back that are in their files. @throws what the file system throws; Error when a record is damaged */
  async read(span: JournalSpan): Promise<SealedEntry[]> {
    return await readSpan(this.#directory, span, this.#before.sizes)
  }

  /** The directory of the segments has another name now. */
  movedTo(directory: string): void {
    this.#directory = directory
  }

  /** Begins the next segment. @throws what the file system throws; nothing has changed then */
  startNext(): void {
    if (idOf(this.#directory) !== this.#directoryId) throw new Error(`${this.#directory} was removed or replaced`)
    const isBehind = this.#isBehind
    const next = this.#create(this.#segment + 1, this.#offset, (descriptor, head) => {
      if (isBehind) this.#startNextBehind(descriptor, head)
      else writeFully(descriptor, head, 0)
    })
    if (!isBehind) closeSync(this.#descriptor)
    this.#before.add(this.#segment, this.#offset)
    this.#descriptor = next
    this.#segment++
    this.#offset = HEAD_BYTES
    this.#spoilt = false
  }

  /** Deletes segments that the store has taken over whole, but keeps some. */
  release(committed: JournalPosition): void {
    this.#before.release(this.#directory, committed)
  }

  /** Ends the thread, once all is written or cannot be. */
  async finish(): Promise<void> {
    await this.written().catch(() => {})
    await this.#behind?.stop()
  }

  close(): void {
    closeSync(this.#descriptor)
  }

  /** The thread goes on behind the last record. */
  #passOn(): void {
    if (!this.#behind || this.#behind.isOver) return
    this.#behind.takeUp(this.#descriptor, this.#offset, this.#last)
    this.#isBehind = true
  }

  #startNextBehind(descriptor: number, head: EncodedRecord): void {
    try {
      this.#behind?.startNext(descriptor, head)
    } catch (problem) {
      this.#cut()
      throw problem
    }
  }

  /** A segment that could not be written is not gone on with: it may be at a limit for files. */
  #cut(): void {
    this.#spoilt = true
    if (this.#isBehind && !this.#loseUnwritten()) return
    try {
      ftruncateSync(this.#descriptor, this.#offset)
    } catch {
      // The next segment says where the records of this one end.
    }
  }

  /** Goes back to the last record that is written. @returns whether it is in this segment: else that was not begun */
  #loseUnwritten(): boolean {
    this.#isBehind = false
    const { records, previous, lacksHead } = (this.#behind as RecordsBehind).lose()
    this.#lost = [...this.#lost, ...records]
    this.#last = records.length > 0 ? previous : this.#last
    const [first] = records
    const isHere = first === undefined || first.start.segment === this.#segment
    if (isHere && !lacksHead) {
      this.#offset = first?.start.offset ?? this.#offset
      return true
    }
    this.#segment--
    const size = this.#before.remove(this.#segment) ?? HEAD_BYTES
    this.#offset = isHere ? size : first.start.offset
    return false
  }

  /**
   * Creates a segment. Removes any file of that name and never opens it: it could be a link to somebody else's file.
   */
  #create(segment: number, after: number, begin: (descriptor: number, head: EncodedRecord) => void): number {
    const path = segmentPath(this.#directory, segment)
    rmSync(path, { force: true })
    const descriptor = openToWriteSync(path, readersIn(this.#directory))
    try {
      const head = encodeHead({ after, previous: this.#last?.leafHash, keyId: this.#mac?.keyId, bootId: this.#bootId })
      begin(descriptor, { buffer: head, start: 0, length: head.length })
    } catch (problem) {
      closeSync(descriptor)
      throw problem
    }
    this.#listing = syncDirectory(this.#directory).catch(() => {})
    return descriptor
  }
}

/** Tells a directory from any other that takes its place; `undefined` when there is none. */
function idOf(directory: string): string | undefined {
  const found = lstatSync(directory, { throwIfNoEntry: false })
  return found && `${found.dev}:${found.ino}`
}
