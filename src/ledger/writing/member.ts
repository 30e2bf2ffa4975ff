import { Ed25519Signer, type Signer } from '../../checkpoint/index.js'
import type { AuditEventInput } from '../../events/types.js'
import type { ResolvedCheckpointOptions } from '../../log/checkpoints/options.js'
import type { AuditStore } from '../../store/contract.js'
import { type StartTimer, startUnrefTimer } from '../../timers/real-timers.js'
import type { LogDirectory } from '../log-directories.js'
import { hasJoined, ledgerJoined } from './joining.js'
import { type LedgerKey, ledgerKey } from './ledger-key.js'
import { ownStatements } from './own-statements.js'
import { siblingHeads } from './sibling-heads.js'
import { SiblingNotes } from './sibling-notes.js'

export interface LedgerMemberParts {
  /** Of the ledger. Absolute. */
  readonly location: string
  readonly directory: LogDirectory
  /** Of the log. Open. */
  readonly store: AuditStore
  /** Signs the checkpoints of the log. */
  readonly signer: Signer | undefined
  /** Name of the log. */
  readonly origin: string
  /** Those of the ledger. */
  readonly options: ResolvedCheckpointOptions
  readonly record: (statement: AuditEventInput) => unknown
  readonly report: (problem: Error) => void
  readonly startTimer?: StartTimer
}

/** The shortest time from one note of the other logs to the next. */
const MIN_INTERVAL_MILLIS = 1_000
/** A log that has recorded as many entries since its last note may note again after one interval. */
const BUSY_ENTRIES = 64
/** The most intervals from one note to the next, for a log that records little itself. */
const MAX_INTERVALS = 64

/**
 * The statements of a log of a ledger beside the events of its process: that it belongs to the ledger, and how far the others are.
 * A ledger at rest records nothing.
 */
export class LedgerMember {
  readonly #parts: LedgerMemberParts
  readonly #notes: SiblingNotes
  #hasJoined: boolean
  #hasRemembered = false
  /** The last statement of this log about its ledger. */
  #statement: unknown
  #sizeAtNote = 0
  /** Intervals from one note to the next, and how many of them have passed. */
  #intervals = 1
  #passed = 0
  #hasReported = false
  #isStopped = false
  #resolveStopped = () => {}
  readonly #stopping = new Promise<void>((resolve) => {
    this.#resolveStopped = resolve
  })
  #cancelTimer = () => {}
  #working: Promise<void> = Promise.resolve()

  constructor(parts: LedgerMemberParts) {
    this.#parts = parts
    this.#notes = new SiblingNotes(parts.location, parts.report)
    // Log 0 has the key of the ledger.
    this.#hasJoined = parts.directory.number === 0 || !parts.signer
  }

  /** Records that a new log belongs to the ledger before anything else, unless its key is far away. Never rejects. */
  async begin(): Promise<void> {
    if (this.#parts.store.size > 0) return
    this.#hasRemembered = true
    await this.#safely(() => this.#join((key) => !key.signer || key.signer instanceof Ed25519Signer))
  }

  /** Goes on in the background until it is stopped. */
  start(): void {
    this.#working = this.#safely(() => this.#work(true)).then(() => this.#schedule())
  }

  /** From here on nothing is recorded any more. */
  stop(): void {
    this.#isStopped = true
    this.#resolveStopped()
    this.#cancelTimer()
  }

  /** Returns the statement that is due when the log is closed. */
  async lastStatements(): Promise<readonly AuditEventInput[]> {
    await this.#working
    if (!this.#hasRemembered || this.#isOfOther) return []
    const { location, directory } = this.#parts
    const note = this.#notes.next(await siblingHeads(location, directory.number), true)
    return note ? [note] : []
  }

  /** A log that states that it is another than log 0, in the place of log 0: one of another ledger that is opened by its own path. */
  get #isOfOther(): boolean {
    return this.#parts.directory.number === 0 && (this.#statement !== undefined || this.#notes.hasNoted(0))
  }

  #schedule(): void {
    if (this.#isStopped || this.#isOfOther) return
    const { startTimer = startUnrefTimer, options } = this.#parts
    this.#cancelTimer = startTimer(Math.max(MIN_INTERVAL_MILLIS, options.checkpointIntervalMillis), () => {
      this.#working = this.#safely(() => this.#work(false)).then(() => this.#schedule())
    })
  }

  async #work(isFirst: boolean): Promise<void> {
    if (!this.#hasRemembered) {
      // An index that is rebuilt does not hold up whoever closes the log.
      await Promise.race([this.#parts.store.indexReady?.(), this.#stopping])
      if (this.#isStopped) return
      await this.#remember()
    }
    if (this.#isOfOther) return
    await this.#join(() => true)
    const isBusy = this.#parts.store.size - this.#sizeAtNote >= BUSY_ENTRIES
    if (!isFirst && ++this.#passed < this.#intervals && !isBusy) return
    const heads = await siblingHeads(this.#parts.location, this.#parts.directory.number)
    if (isFirst) this.#notes.reportMissing(heads)
    const note = this.#isStopped ? undefined : this.#notes.next(heads, isFirst)
    if (!note) return
    this.#parts.record(note)
    this.#intervals = isBusy ? 1 : Math.min(this.#intervals * 2, MAX_INTERVALS)
    this.#passed = 0
    this.#sizeAtNote = this.#parts.store.size
  }

  async #remember(): Promise<void> {
    const { store, origin } = this.#parts
    for await (const data of ownStatements(store, 'siblings_noted', origin)) this.#notes.remember(data)
    for await (const data of ownStatements(store, 'ledger_joined', origin)) {
      this.#statement = data
      break
    }
    this.#hasRemembered = true
  }

  async #join(isAtHand: (key: LedgerKey) => boolean): Promise<void> {
    const { location, options, directory, signer, record } = this.#parts
    if (this.#hasJoined || !signer) return
    const ledger = await ledgerKey(location, options)
    if (!ledger || !isAtHand(ledger)) return
    const membership = { ledger, log: directory.number, signer }
    if (!hasJoined(this.#statement, membership)) {
      const statement = await ledgerJoined(membership, options.checkpointTimeoutMillis)
      if (this.#isStopped) return
      record(statement)
    }
    this.#hasJoined = true
  }

  async #safely(act: () => Promise<void>): Promise<void> {
    try {
      await act()
    } catch (problem) {
      if (this.#hasReported || this.#isStopped) return
      this.#hasReported = true
      this.#parts.report(problem instanceof Error ? problem : new Error(String(problem)))
    }
  }
}
