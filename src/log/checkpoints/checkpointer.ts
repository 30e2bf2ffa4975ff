import { formatCheckpoint, isSignedBy, parseCheckpoint, parseNote, type Signer } from '../../checkpoint/index.js'
import { monotonicMillis, type StartTimer } from '../../timers/real-timers.js'
import { retryDelayMillis } from '../retry-delay.js'
import type { CheckpointFile } from './checkpoint-file.js'
import { signatureFits, signInTime } from './signature.js'
import { within } from './time-limit.js'

/** Publishes the checkpoints of a log. `witnessedBy` returns one. @see CheckpointOptions.publishCheckpoint */
export interface CheckpointPublisher {
  /**
   * Publishes a checkpoint. What it returns, if it is a string, replaces the checkpoint: the same text with further
   * signatures, those of witnesses, which want a proof that it continues what they have seen: `log` has it.
   */
  (checkpoint: string, log: CheckpointedLog): unknown
  /**
   * Compares the newest checkpoint with what was published before, when the log is opened and before it signs anything:
   * throws `AUDIT_LOG_ROLLED_BACK` when more was published, `AUDIT_PROOF_INVALID` when the checkpoint does not continue
   * that. The publisher that `witnessedBy` returns has it.
   */
  readonly confirm?: (checkpoint: string, log: CheckpointedLog) => unknown
}

/** The log of a checkpoint, as of the moment when the checkpoint was signed. */
export interface CheckpointedLog {
  /**
   * Proves that the checkpoint continues the log's tree of so many entries (RFC 6962 section 2.1.2).
   *
   * @param olderSize - from 1 to the size of the checkpoint
   */
  proveConsistency(olderSize: number): Promise<readonly Uint8Array[]>
}

export interface CheckpointerParts {
  readonly signer: Signer
  /** The file `checkpoint`; `undefined` for a log without a directory. */
  readonly file: CheckpointFile | undefined
  /** The external checkpoint file, from which the next opening knows how far the log was. */
  readonly counter: CheckpointFile | undefined
  /** The newest checkpoint that the log continues. */
  readonly newest: string | undefined
  /** The checkpoint that the store has. */
  readonly stored: string | undefined
  readonly intervalMillis: number
  /** The time that signer and publisher have, each. */
  readonly timeoutMillis: number
  readonly publish: CheckpointPublisher | undefined
  readonly proveConsistency: (olderSize: number, size: number) => Promise<readonly Uint8Array[]>
  /** Called with each new checkpoint once it is in place. Never throws. */
  readonly signed: (checkpoint: { readonly note: string; readonly size: number; readonly origin: string }) => void
  readonly report: (problem: Error) => void
  readonly startTimer: StartTimer
}

interface TreeHead {
  readonly size: number
  readonly root: Uint8Array
}

/**
 * Signs the head of a log's tree: soon after a commit, and at most once an interval. The file gets a checkpoint before
 * the database does, with a later commit: a database that knows of a checkpoint proves that there was a file.
 */
export class Checkpointer {
  readonly #parts: CheckpointerParts
  #head: TreeHead | undefined
  #signed: { readonly size: number; readonly note: string } | undefined
  #unstored: string | undefined
  #signedAtMillis = Number.NEGATIVE_INFINITY
  #cancelTimer: (() => void) | undefined
  /** One signing after the other. */
  #signing: Promise<unknown> = Promise.resolve()
  #failedAttempts = 0
  #isCounting = true
  #isClosed = false
  /** Nothing is written any more: the log may be another's by now. */
  #isOver = false

  constructor(parts: CheckpointerParts) {
    this.#parts = parts
    const { newest, stored, signer } = parts
    if (newest === undefined) return
    const note = parseNote(newest)
    if (isSignedBy(note, signer)) this.#signed = { size: Number(parseCheckpoint(note.text).size), note: newest }
    if (newest !== stored) this.#unstored = newest
  }

  /** The last checkpoint could not be signed, or not be written. */
  get isFailing(): boolean {
    return this.#failedAttempts > 0
  }

  /** The newest checkpoint, when the store does not have it. */
  get unstored(): string | undefined {
    return this.#unstored
  }

  /** @param checkpoint - which a commit brought to the store */
  stored(checkpoint: string): void {
    if (this.#unstored === checkpoint) this.#unstored = undefined
  }

  /** The log has grown to this. */
  committed(size: number, root: Uint8Array): void {
    this.#head = { size, root }
    if (size !== this.#signed?.size) this.#schedule()
  }

  /**
   * Signs the newest head now, unless that has been done.
   *
   * @returns the checkpoint; `undefined` while the log has no entries
   * @throws AuditLogError `AUDIT_SIGNING_FAILED`; what the file system throws
   */
  checkpoint(): Promise<string | undefined> {
    const signed = this.#signing.then(() => this.#sign())
    this.#signing = signed.catch(() => undefined)
    return signed
  }

  /** Signs what is not signed yet, if there is time. Never rejects: whoever opens the log next signs it then. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#cancelTimer?.()
    const { timeoutMillis } = this.#parts
    const late = () => new Error(`The audit log was closed without a checkpoint of its end within ${timeoutMillis} ms`)
    await within(timeoutMillis, this.checkpoint(), late).catch((problem) => {
      if (this.#failedAttempts === 0) this.#report(problem)
    })
    this.#isOver = true
  }

  #schedule(): void {
    if (this.#cancelTimer || this.#isClosed) return
    const { intervalMillis, startTimer } = this.#parts
    const elapsedMillis = monotonicMillis() - this.#signedAtMillis
    const delayMillis = Math.max(0, intervalMillis - elapsedMillis, this.#retryDelayMillis)
    this.#cancelTimer = startTimer(delayMillis, () => {
      this.checkpoint().then(
        () => this.#settle(),
        () => this.#settle(),
      )
    })
  }

  get #retryDelayMillis(): number {
    if (this.#failedAttempts === 0) return 0
    return retryDelayMillis(this.#failedAttempts)
  }

  #settle(): void {
    this.#cancelTimer = undefined
    if (this.#head && this.#head.size !== this.#signed?.size) this.#schedule()
  }

  async #sign(): Promise<string | undefined> {
    const { signer, timeoutMillis, startTimer } = this.#parts
    const head = this.#head
    if (this.#isOver || !head || head.size === this.#signed?.size) return this.#signed?.note
    this.#signedAtMillis = monotonicMillis()
    try {
      const { size, root } = head
      const text = formatCheckpoint({ origin: signer.name, size: BigInt(size), root, extensions: [] })
      let note = await signInTime(text, signer, timeoutMillis, startTimer)
      await this.#write(note)
      const cosigned = await this.#publish(note, text, size)
      if (cosigned) {
        note = cosigned
        await this.#write(note)
      }
      this.#signed = { size, note }
      this.#unstored = note
      this.#failedAttempts = 0
      if (!this.#isOver) this.#parts.signed({ note, size, origin: signer.name })
      return note
    } catch (problem) {
      this.#fail(problem)
      throw problem
    }
  }

  async #write(note: string): Promise<void> {
    if (this.#isOver) return
    await this.#parts.file?.write(note)
    await this.#count(note)
  }

  /** A counter that is behind is still true. */
  async #count(note: string): Promise<void> {
    const wasCounting = this.#isCounting
    try {
      await this.#parts.counter?.write(note)
      this.#isCounting = true
    } catch (problem) {
      this.#isCounting = false
      if (wasCounting) this.#report(problem)
    }
  }

  /** A publisher that fails takes nothing away: the checkpoint stands. */
  async #publish(note: string, text: string, size: number): Promise<string | undefined> {
    const { signer } = this.#parts
    try {
      const answer = await this.#answerTo(note, size)
      if (typeof answer !== 'string' || answer === note) return undefined
      const answered = parseNote(answer)
      if (answered.text !== text) throw new TypeError('publishCheckpoint returned the text of another checkpoint')
      if (isSignedBy(answered, signer) && signatureFits(answer, signer)) return answer
      throw new TypeError("publishCheckpoint returned the checkpoint without the log's signature")
    } catch (problem) {
      this.#report(problem)
      return undefined
    }
  }

  async #answerTo(note: string, size: number): Promise<unknown> {
    const { publish, proveConsistency, timeoutMillis, startTimer } = this.#parts
    if (!publish) return undefined
    const log = { proveConsistency: (olderSize: number) => proveConsistency(olderSize, size) }
    const late = () => new Error(`publishCheckpoint did not answer within ${timeoutMillis} ms`)
    return await within(timeoutMillis, Promise.resolve(publish(note, log)), late, startTimer)
  }

  #fail(problem: unknown): void {
    this.#failedAttempts++
    if (this.#failedAttempts === 1) this.#report(problem)
  }

  #report(problem: unknown): void {
    this.#parts.report(problem instanceof Error ? problem : new Error(String(problem)))
  }
}
