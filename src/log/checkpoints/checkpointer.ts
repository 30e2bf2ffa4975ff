import {
  formatCheckpoint,
  isSignedBy,
  parseCheckpoint,
  parseNote,
  type Signer,
  signNote,
} from '../../checkpoint/index.js'
import type { StartTimer } from '../commit-schedule.js'
import type { CheckpointFile } from './checkpoint-file.js'

/**
 * Publishes a checkpoint. What it returns, if it is a string, replaces the checkpoint: the same text with further
 * signatures, those of witnesses, which want a proof that it continues what they have seen: `log` has it.
 */
export type OnCheckpoint = (checkpoint: string, log: CheckpointedLog) => unknown

/** The log of a checkpoint, as it was when that was signed. */
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
  /** Where the log has a directory. */
  readonly file: CheckpointFile | undefined
  /** What the file holds: a checkpoint that the log continues. */
  readonly published: string | undefined
  /** The checkpoint that the store has. */
  readonly stored: string | undefined
  readonly intervalMillis: number
  readonly onCheckpoint: OnCheckpoint | undefined
  readonly proveConsistency: (olderSize: number, size: number) => Promise<readonly Uint8Array[]>
  readonly onProblem: (problem: Error) => void
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
  #isFailing = false
  #isClosed = false

  constructor(parts: CheckpointerParts) {
    this.#parts = parts
    const { published, stored, signer } = parts
    if (published === undefined) return
    const note = parseNote(published)
    if (isSignedBy(note, signer)) this.#signed = { size: Number(parseCheckpoint(note.text).size), note: published }
    if (published !== stored) this.#unstored = published
  }

  /** The last checkpoint could not be signed, or not be written. */
  get isFailing(): boolean {
    return this.#isFailing
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

  /** Signs what is not signed yet. Never rejects: whoever opens the log next signs it then. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#cancelTimer?.()
    await this.checkpoint().catch(() => undefined)
  }

  #schedule(): void {
    if (this.#cancelTimer || this.#isClosed) return
    const { intervalMillis, startTimer } = this.#parts
    const elapsedMillis = performance.now() - this.#signedAtMillis
    const delayMillis = Math.max(0, intervalMillis - elapsedMillis)
    this.#cancelTimer = startTimer(delayMillis, () => {
      this.checkpoint().then(
        () => this.#settle(),
        () => this.#settle(),
      )
    })
  }

  #settle(): void {
    this.#cancelTimer = undefined
    if (this.#head && this.#head.size !== this.#signed?.size) this.#schedule()
  }

  async #sign(): Promise<string | undefined> {
    const { signer, file } = this.#parts
    const head = this.#head
    if (!head || head.size === this.#signed?.size) return this.#signed?.note
    this.#signedAtMillis = performance.now()
    try {
      const { size, root } = head
      const text = formatCheckpoint({ origin: signer.name, size: BigInt(size), root, extensions: [] })
      let note = await signNote(text, [signer])
      await file?.write(note)
      const cosigned = await this.#publish(note, text, size)
      if (cosigned) {
        note = cosigned
        await file?.write(note)
      }
      this.#signed = { size, note }
      this.#unstored = note
      this.#isFailing = false
      return note
    } catch (problem) {
      this.#fail(problem)
      throw problem
    }
  }

  /** What the listener does is its own affair: the checkpoint stands. */
  async #publish(note: string, text: string, size: number): Promise<string | undefined> {
    const { onCheckpoint, proveConsistency } = this.#parts
    try {
      const log = { proveConsistency: (olderSize: number) => proveConsistency(olderSize, size) }
      const answer = await onCheckpoint?.(note, log)
      if (typeof answer !== 'string' || answer === note) return undefined
      if (parseNote(answer).text === text) return answer
      throw new TypeError('onCheckpoint returned the text of another checkpoint')
    } catch (problem) {
      this.#tell(problem)
      return undefined
    }
  }

  #fail(problem: unknown): void {
    if (!this.#isFailing) this.#tell(problem)
    this.#isFailing = true
  }

  #tell(problem: unknown): void {
    try {
      this.#parts.onProblem(problem instanceof Error ? problem : new Error(String(problem)))
    } catch {}
  }
}
