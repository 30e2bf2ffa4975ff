import { AuditLogError } from '../../../events/errors.js'
import type { IndexState } from '../../contract.js'
import { storeClosed } from '../../store-closed.js'
import { messageOf, readError } from '../errors.js'
import type { FollowedLog } from '../followed-log.js'
import { CatchUp, type CatchUpOptions, MAX_SMALL_LAG } from './catch-up.js'
import { IndexDatabase } from './database.js'
import { type IndexedEntry, IndexTail, isFull, MAX_TAIL_ENTRIES } from './tail.js'

/** The parts of an index and the positions that each covers, at one moment. */
export interface IndexView {
  readonly database: IndexDatabase
  /** The database counts for positions below this one. */
  readonly covered: number
  /** The parts in memory, which cover the positions from there on, in order. */
  readonly tails: readonly IndexTail[]
}

/** An entry that was committed. */
export interface AddedEntry extends IndexedEntry {
  readonly byteLength: number
}

interface Frozen {
  readonly tail: IndexTail
  readonly root: Uint8Array
}

/**
 * The index of a log: its database, and in memory what the newest entries file.
 *
 * ```
 *  0                     covered                         size
 *  ├────── database ───────┼── frozen ──┼───── tail ───────┤
 *                          (being written)
 * ```
 */
export class LogIndex {
  readonly #path: string
  readonly #log: () => FollowedLog
  readonly #options: CatchUpOptions
  #database: IndexDatabase | undefined
  #frozen: Frozen | undefined
  #tail: IndexTail | undefined
  #root: Uint8Array | undefined
  #writing: Promise<void> | undefined
  /** Runs while the index takes in what it lacks. */
  #catchingUp: Promise<void> | undefined
  #catchUpPass: CatchUp | undefined
  #problem: unknown
  /** Entries that were added since it could not be written. */
  #missed = 0
  /** The database gives way to an empty one when it is opened again. */
  #isDamaged = false
  #isClosed = false

  /**
   * @param path - of the database
   * @param log - as it is now, each time it is asked
   */
  constructor(path: string, log: () => FollowedLog, options: CatchUpOptions = {}) {
    this.#path = path
    this.#log = log
    this.#options = options
  }

  get state(): IndexState {
    if (this.#problem !== undefined) return 'failing'
    return this.#tail ? 'ok' : 'rebuilding'
  }

  /** Opens the database. Resolves when the index is up to date, or when it is known to lack more than a little. */
  async open(): Promise<void> {
    try {
      this.#database = await IndexDatabase.open(this.#path, this.#log())
    } catch (problem) {
      // It is never a reason to refuse a log. Whoever needs it tries again.
      this.#fail(problem)
      return
    }
    const lag = this.#log().size - this.#database.covered
    const caughtUp = this.#catchUp()
    if (lag <= MAX_SMALL_LAG) await caughtUp.catch(() => undefined)
  }

  /** Takes in a group that was committed. @param root - of the tree behind it */
  add(entries: readonly AddedEntry[], root: Uint8Array): void {
    if (entries.length === 0 || this.#isClosed) return
    let bytes = 0
    for (const { byteLength } of entries) bytes += byteLength
    if (!this.#tail) {
      this.#catchUpPass?.add({ entries, bytes, root })
      this.#missed += entries.length
      if (!this.#catchingUp && this.#missed >= MAX_TAIL_ENTRIES) void this.#catchUp()
      return
    }
    this.#tail.add(entries, bytes)
    this.#root = root
    if (isFull(this.#tail)) this.#freeze()
  }

  /** Entries were committed that it did not get: it reads them. */
  async followAgain(): Promise<void> {
    await this.#catchingUp?.catch(() => undefined)
    await this.#writing
    this.#frozen = undefined
    this.#tail = undefined
    await this.#catchUp().catch(() => undefined)
  }

  /** Resolves when a further group may be added: when the index does not lag by more than it may. */
  async settled(): Promise<void> {
    if (this.#writing && this.#tail && isFull(this.#tail)) await this.#writing
  }

  /**
   * Returns the index as it is now, up to date with the log.
   *
   * @throws AuditLogError `AUDIT_READ_FAILED` when the index cannot be written; what reading entries throws
   */
  view(): IndexView | Promise<IndexView> {
    return this.#tail && !this.#isClosed ? this.#viewNow() : this.#viewCaughtUp()
  }

  async #viewCaughtUp(): Promise<IndexView> {
    if (this.#isClosed) throw storeClosed(this.#log().location)
    try {
      if (!this.#tail) await this.#catchUp()
    } catch (problem) {
      if (problem instanceof AuditLogError) throw problem
      throw unreadable(this.#log().location, `cannot be brought up to date: ${messageOf(problem)}`, problem)
    }
    if (!this.#tail) throw storeClosed(this.#log().location)
    return this.#viewNow()
  }

  /**
   * Returns what a read of the database is to fail with. One that is damaged gives way to another, which is derived from
   * the entries.
   */
  failure(problem: unknown): unknown {
    const { location } = this.#log()
    const failure = readError(problem, location)
    if (this.#isClosed || problem instanceof AuditLogError || !(failure instanceof AuditLogError)) return failure
    if (failure.code === 'AUDIT_LOG_CORRUPT') {
      this.#fail(problem)
      void this.#catchUp()
    } else if (failure.code !== 'AUDIT_LOG_CLOSED') return failure
    return unreadable(location, 'is being rebuilt: ask again', problem)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#catchUpPass?.stop()
    await this.#catchingUp?.catch(() => undefined)
    await this.#writing
    try {
      if (this.#tail && this.#root && this.#tail.to > this.#tail.from) {
        await this.#database?.write(this.#tail, this.#root)
      }
    } catch {
      // The next opening derives it.
    }
    this.#tail = undefined
    await this.#database?.close()
  }

  #viewNow(): IndexView {
    const database = this.#database as IndexDatabase
    const tail = this.#tail as IndexTail
    const frozen = this.#frozen?.tail
    return { database, covered: (frozen ?? tail).from, tails: frozen ? [frozen, tail] : [tail] }
  }

  /** Begins to write the tail, once the one before is written. */
  #freeze(): void {
    if (this.#writing || !this.#tail || !this.#root) return
    const frozen = { tail: this.#tail, root: this.#root }
    this.#frozen = frozen
    this.#tail = new IndexTail(frozen.tail.to, frozen.tail.lastTimeBlocks)
    this.#writing = this.#write(frozen)
  }

  async #write({ tail, root }: Frozen): Promise<void> {
    try {
      await this.#database?.write(tail, root)
      this.#frozen = undefined
      this.#writing = undefined
      if (this.#tail && isFull(this.#tail)) this.#freeze()
    } catch (problem) {
      this.#writing = undefined
      this.#fail(problem)
    }
  }

  /** Gives the parts in memory up, so that memory does not grow. The entries have all that the database lacks. */
  #fail(problem: unknown): void {
    this.#frozen = undefined
    this.#tail = undefined
    this.#problem = problem
    this.#isDamaged ||= isDamage(problem)
  }

  #catchUp(): Promise<void> {
    if (this.#catchingUp) return this.#catchingUp
    this.#missed = 0
    const caughtUp = this.#takeIn()
      .catch((problem: unknown) => {
        this.#fail(problem)
        throw problem
      })
      .finally(() => {
        this.#catchingUp = undefined
        this.#catchUpPass = undefined
      })
    // Whoever needs it waits for it.
    caughtUp.catch(() => undefined)
    this.#catchingUp = caughtUp
    return caughtUp
  }

  async #takeIn(): Promise<void> {
    if (this.#problem !== undefined) await this.#reopen()
    this.#catchUpPass = new CatchUp(this.#database as IndexDatabase, this.#log, this.#options)
    if (this.#isClosed) this.#catchUpPass.stop()
    await this.#catchUpPass.run((tail, root) => {
      this.#tail = tail
      this.#root = root
      this.#problem = undefined
    })
  }

  /** Opens the database anew: a failed write may have left a part of a batch behind. */
  async #reopen(): Promise<void> {
    await this.#database?.close().catch(() => undefined)
    this.#database = undefined
    const open = this.#isDamaged ? IndexDatabase.create : IndexDatabase.open
    this.#database = await open(this.#path, this.#log())
    this.#isDamaged = false
  }
}

function isDamage(problem: unknown): boolean {
  const failure = readError(problem, '')
  return failure instanceof AuditLogError && failure.code === 'AUDIT_LOG_CORRUPT'
}

function unreadable(location: string, what: string, cause: unknown): AuditLogError {
  return new AuditLogError('AUDIT_READ_FAILED', `The index of the audit log ${location} ${what}`, { cause })
}
