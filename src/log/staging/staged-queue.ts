import type { Timestamp } from '../../events/time.js'
import type { AuditEvent } from '../../events/types.js'
import type { JournalPosition, SealedEntry } from '../../store/contract.js'
import { sizeOf } from '../../store/entry-size.js'
import type { RecordInput } from '../contract.js'
import { recordBytes } from '../journal/journal-format.js'
import { systemClock } from '../sealing/clock.js'
import { clockStepped } from '../sealing/clock-statement.js'
import { type Sealed, Sealer } from '../sealing/seal.js'
import { sealGoverned } from '../sealing/seal-governed.js'
import { type Carried, carried } from './carried.js'
import { READ_BYTES, SpilledEvents } from './spilled-events.js'
import type { Staged, StagedGap, StagedQueueOptions } from './staged.js'
import { MAX_STAGED_BYTES } from './staging-directory.js'
import { STAGING_ORIGIN, StagingJournal } from './staging-journal.js'

/** Entry bytes that are kept in memory as well: as much as a log's queue holds. */
const MAX_MEMORY_BYTES = 16 * 1024 * 1024
/**
 * Keeps what is recorded before there is a log, in order:
 *
 * ```
 *   taken │ in memory and in the staging journal │ in the staging journal alone
 * ```
 *
 * An event for which there is no room is dropped, and from then on everything until {@link takeGap}: one gap at the end.
 */
export class StagedQueue {
  readonly #options: StagedQueueOptions
  readonly #maxMemoryBytes: number
  readonly #maxStagedBytes: number
  readonly #sealer: Sealer
  #journal: StagingJournal | undefined = undefined
  #journalProblem: unknown = undefined
  #memory: Staged[] = []
  /** Events in memory that could not be written to the journal. */
  readonly #unwritten = new Set<Staged>()
  #memoryBytes = 0
  readonly #spilled = new SpilledEvents()
  #first: Timestamp | undefined = undefined
  #last: Timestamp | undefined = undefined
  #staged = 0
  #gap: StagedGap | undefined = undefined
  #dropped = 0

  constructor(options: StagedQueueOptions) {
    this.#options = options
    this.#maxMemoryBytes = options.maxMemoryBytes ?? MAX_MEMORY_BYTES
    this.#maxStagedBytes = options.maxStagedBytes ?? MAX_STAGED_BYTES
    this.#sealer = new Sealer(options.clock ?? systemClock(), STAGING_ORIGIN)
    this.#createJournal()
  }

  /** The staging journal; `undefined` while there is none. */
  get journal(): StagingJournal | undefined {
    return this.#journal
  }

  /** The reason why the staging journal cannot be written; `undefined` while it can. */
  get journalProblem(): unknown {
    return this.#journalProblem
  }

  /** The number of events that wait. */
  get events(): number {
    return this.#memory.length + this.#spilled.count
  }

  /** The number of those that are in the journal alone. */
  get spilledEvents(): number {
    return this.#spilled.count
  }

  /** Entry bytes in memory. */
  get bytes(): number {
    return this.#memoryBytes
  }

  /** The number of events that were dropped. */
  get dropped(): number {
    return this.#dropped
  }

  /** All that was ever staged, whether it has been taken or not; `undefined` where nothing was. */
  get summary(): StagedGap | undefined {
    const [from, to] = [this.#first, this.#last]
    return from === undefined || to === undefined ? undefined : { count: this.#staged, from, to }
  }

  /** Takes an event. When it returns, the event has been written to the staging journal, which outlives the process. */
  record(input: RecordInput, isStatement: boolean): AuditEvent | undefined {
    if (this.#gap) return this.#drop(this.#sealer.now())
    try {
      const sealed = isStatement ? [this.#statement(input)] : this.#governed(input)
      // The policy leaves it out, or holds it back.
      if (sealed.length === 0) return undefined
      const step = this.#sealer.takeStep()
      if (step) {
        const { entry, event } = this.#sealer.sealStatement(clockStepped(step))
        if (!this.#keep({ entry, statement: event })) this.#sealer.putBackStep(step)
      }
      for (const { entry, event } of sealed) {
        if (!this.#keep({ entry, statement: isStatement ? event : undefined })) return this.#drop(event.recordedAt)
      }
      return sealed.at(-1)?.event
    } catch {
      return this.#drop(this.#sealer.now())
    }
  }

  #statement(input: RecordInput): Sealed {
    return this.#sealer.sealStatement(this.#options.governance?.fitStatement(input) ?? input)
  }

  /** Seals an event as the policy lets it be recorded: its own entry last. */
  #governed(input: RecordInput): readonly Sealed[] {
    const verdict = this.#options.governance?.govern(input)
    if (verdict === undefined) return [this.#sealer.seal(input, true)]
    if (verdict.kind !== 'record') return []
    const recordedIn = this.#journal?.id ?? STAGING_ORIGIN
    return verdict.events.map((event) => sealGoverned(this.#sealer, event, true, recordedIn))
  }

  /** Tries whether the staging journal can be written again, or made where there is none, and writes what it lacks. */
  retryJournal(): void {
    try {
      if (!this.#journal) this.#createJournal()
      else if (this.#journal.isRemoved) this.#replaceJournal()
      else this.#writeUnwritten(this.#journal)
    } catch (problem) {
      this.#journalProblem = problem
    }
  }

  /** Makes the journal that of one log, see {@link StagingJournal.claimFor}. @throws what the file system throws */
  async claimFor(logId: string): Promise<void> {
    try {
      await this.#journal?.claimFor(logId)
    } catch (problem) {
      if ((problem as NodeJS.ErrnoException).code !== 'ENOENT') throw problem
      // The directory was replaced by another one.
      this.#replaceJournal()
      await this.#journal?.claimFor(logId)
    }
  }

  /** Makes a journal with all that is in memory, where that before is gone. What that one alone had is a gap. */
  #replaceJournal(): void {
    this.#journal?.close().catch(() => undefined)
    this.#journal = undefined
    this.#loseSpilled()
    this.#createJournal()
  }

  /** Takes the oldest events, as many as are read back at a time; none when none are left. @throws what reading throws */
  async take(): Promise<readonly Staged[]> {
    if (this.#memory.length > 0 || !this.#journal) return this.takeNow(READ_BYTES)
    return await this.#spilled.take(this.#journal)
  }

  /** Takes what is in memory, from the oldest on, until it has so many bytes. */
  takeNow(maxBytes: number): readonly Staged[] {
    let end = 0
    let bytes = 0
    for (; end < this.#memory.length && bytes < maxBytes; end++) bytes += sizeOf((this.#memory[end] as Staged).entry)
    this.#memoryBytes -= bytes
    const taken = this.#memory.splice(0, end)
    if (this.#unwritten.size > 0) for (const staged of taken) this.#unwritten.delete(staged)
    return taken
  }

  /** Puts back what was taken last and not used. */
  putBack(staged: readonly Staged[]): void {
    this.#memory = [...staged, ...this.#memory]
    for (const { entry } of staged) this.#memoryBytes += sizeOf(entry)
  }

  /** Takes over what a log had taken and not stored, before what was recorded since. @param origin - of that log */
  carry(entries: readonly SealedEntry[], origin: string): Carried {
    const { staged, unread } = carried(entries, origin)
    this.putBack(staged)
    for (const each of staged) this.#unwritten.add(each)
    this.#staged += staged.length
    this.#first = staged[0]?.entry.event.recordedAt ?? this.#first
    this.#last ??= staged.at(-1)?.entry.event.recordedAt
    this.retryJournal()
    return { staged, unread }
  }

  /** Returns what was dropped since the last call. From here on there may be room again. */
  takeGap(): StagedGap | undefined {
    const gap = this.#gap
    this.#gap = undefined
    return gap
  }

  /** Gives the journal out of hand, since a log has all of it: what comes next gets another one. */
  detachJournal(): StagingJournal | undefined {
    const journal = this.#journal
    this.#journal = undefined
    this.#staged = 0
    this.#first = undefined
    this.#last = undefined
    return journal
  }

  /** Gives up the journal, for whoever opens a log next. What is in memory alone is lost. @throws what the file system throws */
  async release(): Promise<void> {
    await this.detachJournal()?.release()
  }

  #keep(staged: Staged): boolean {
    const { entry } = staged
    // Behind what is in the journal alone nothing is in memory.
    const isSpilling = this.#spilled.count > 0 || this.#memoryBytes + sizeOf(entry) > this.#maxMemoryBytes
    const end = this.#write(entry)
    if (isSpilling && !end) return false
    if (isSpilling && end) this.#spilled.add(staged, end)
    else {
      this.#memory.push(staged)
      this.#memoryBytes += sizeOf(entry)
      if (!end) this.#unwritten.add(staged)
    }
    this.#staged++
    this.#last = entry.event.recordedAt
    this.#first ??= this.#last
    return true
  }

  /** @returns where the entry ends in the journal; `undefined` when it was not written */
  #write(entry: SealedEntry): JournalPosition | undefined {
    if (!this.#journal || this.#journal.bytes + recordBytes(entry) > this.#maxStagedBytes) return undefined
    try {
      this.#journal.append(entry)
    } catch (problem) {
      this.#journalProblem = problem
      return undefined
    }
    this.#journalProblem = undefined
    return this.#journal.end
  }

  #createJournal(): void {
    const { staging, journalKey, readers } = this.#options
    if (staging === undefined) return
    try {
      this.#journal = new StagingJournal(staging, journalKey, readers)
      for (const staged of this.#memory) this.#unwritten.add(staged)
      this.#writeUnwritten(this.#journal)
    } catch (problem) {
      this.#journalProblem = problem
    }
  }

  /** Out of their order, since what came later may be there already. @throws what the file system throws */
  #writeUnwritten(journal: StagingJournal): void {
    for (const staged of this.#unwritten) {
      journal.append(staged.entry)
      this.#unwritten.delete(staged)
    }
    this.#journalProblem = undefined
  }

  #loseSpilled(): void {
    const { count } = this.#spilled
    if (count === 0) return
    const now = this.#sealer.now()
    const from = this.#gap?.from ?? this.#first ?? now
    this.#gap = { count: (this.#gap?.count ?? 0) + count, from, to: now }
    this.#dropped += count
    this.#staged -= count
    this.#spilled.clear()
  }

  #drop(at: Timestamp): undefined {
    this.#dropped++
    this.#gap = { count: (this.#gap?.count ?? 0) + 1, from: this.#gap?.from ?? at, to: at }
  }
}
