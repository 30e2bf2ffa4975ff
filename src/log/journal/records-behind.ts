import type { JournalPosition, SealedEntry } from '../../store/contract.js'
import type { JournalWindowCounters } from '../../write-behind/window-counters.js'
import { WriteBehind, type WriteBehindOptions } from '../../write-behind/write-behind.js'
import type { EncodedRecord } from './journal-format.js'

/** A record that a thread is to write. */
export interface UnwrittenRecord {
  readonly entry: SealedEntry
  readonly start: JournalPosition
  readonly length: number
  /** The count of bytes up to which the thread has to come. */
  readonly end: number
}

/** The records that could not be written. */
export interface LostRecords {
  readonly records: readonly UnwrittenRecord[]
  /** The entry of the record before the first of them. */
  readonly previous: Pick<SealedEntry, 'leafHash'> | undefined
  /** Not even the head of the file was written whole that all of them were for. */
  readonly lacksHead: boolean
}

/** Has the records of a journal written by a thread, and knows those that are not written yet. */
export class RecordsBehind {
  readonly #behind: WriteBehind
  #unwritten: UnwrittenRecord[] = []
  /** The number of records in front of the list that are written. */
  #passed = 0
  /** The entry of the newest record that is known to be written. */
  #previous: Pick<SealedEntry, 'leafHash'> | undefined

  /** @throws Error when there is no thread that can write */
  static async start(options: WriteBehindOptions): Promise<RecordsBehind> {
    return new RecordsBehind(await WriteBehind.start(options))
  }

  private constructor(behind: WriteBehind) {
    this.#behind = behind
  }

  get counters(): JournalWindowCounters {
    return this.#behind.counters
  }

  /** Tells that no thread writes any more. */
  get isOver(): boolean {
    return this.#behind.isOver
  }

  /** Takes the file up from an offset on. @param previous - entry of the record before */
  takeUp(descriptor: number, offset: number, previous: Pick<SealedEntry, 'leafHash'> | undefined): void {
    this.#behind.begin(descriptor, offset)
    this.#previous = previous
  }

  /** Goes on to a new file. @throws what the file system throws; nothing has changed then */
  startNext(descriptor: number, head: EncodedRecord): void {
    this.#behind.begin(descriptor, 0, head)
  }

  /** Takes a record. @throws what the file system throws; the record is not taken then */
  append(entry: SealedEntry, record: EncodedRecord, start: JournalPosition): void {
    this.#behind.append(record)
    this.#pass()
    this.#unwritten.push({ entry, start, length: record.length, end: this.#behind.put })
  }

  /** Resolves when the thread has written all of them, or writes no more: see {@link settle}. */
  async drained(): Promise<void> {
    await this.#behind.drained()
  }

  /** Writes what the thread failed to write. @throws what the file system throws */
  settle(): void {
    this.#behind.settle()
  }

  /** Gives up what could not be written. */
  lose(): LostRecords {
    this.#pass()
    const records = this.#unwritten.slice(this.#passed)
    const bytes = records.reduce((sum, { length }) => sum + length, 0)
    const lacksHead = this.#behind.put - this.#behind.written > bytes
    this.#unwritten = []
    this.#passed = 0
    this.#behind.discard()
    return { records, previous: this.#previous, lacksHead }
  }

  /** Ends the thread, once it is drained. */
  async stop(): Promise<void> {
    await this.#behind.stop()
  }

  /** Forgets the records that are written. */
  #pass(): void {
    const { written } = this.#behind
    for (let next = this.#unwritten[this.#passed]; next && next.end <= written; next = this.#unwritten[this.#passed]) {
      this.#previous = next.entry
      this.#passed++
    }
    if (this.#passed < 1024 && this.#passed < this.#unwritten.length) return
    this.#unwritten = this.#unwritten.slice(this.#passed)
    this.#passed = 0
  }
}
