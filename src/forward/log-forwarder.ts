import { AuditLogError } from '../events/errors.js'
import type { Timestamp } from '../events/time.js'
import type { AuditStore } from '../store/contract.js'
import type { Forwarder, ForwardProgress } from './contract.js'
import { withContent } from './forwarded-content.js'
import { compareStored, compareTrees, readGroup } from './groups.js'
import type { ForwardedLog, ResolvedForwardOptions } from './options.js'

const FIRST_RETRY_DELAY_MILLIS = 100
const LAST_RETRY_DELAY_MILLIS = 30_000

/** The trees are compared when the remote log has caught up, and after so many entries where it never does. */
const MAX_UNCOMPARED = 65_536

interface Waiting {
  readonly size: number
  resolve(): void
  reject(problem: unknown): void
}

export class LogForwarder implements Forwarder {
  readonly #log: ForwardedLog
  readonly #remote: AuditStore
  readonly #options: ResolvedForwardOptions
  readonly #closing = new AbortController()
  readonly #run: Promise<void>
  #status: ForwardProgress['status'] = 'forwarding'
  #cause: unknown
  #localSize = 0
  #remoteSize = 0
  #lagSince: Timestamp | undefined
  #safeToTrim = 0
  #forwarded = 0
  #failedAttempts = 0
  #isOpen = false
  /** The remote log was compared since it was opened, or since an attempt failed. */
  #isCompared = false
  #waiting: Waiting[] = []
  #retryNow: () => void = () => {}
  #closed: Promise<void> | undefined

  constructor(log: ForwardedLog, remote: AuditStore, options: ResolvedForwardOptions) {
    this.#log = log
    this.#remote = remote
    this.#options = options
    this.#run = this.#forwardAuditLog()
  }

  progress(): ForwardProgress {
    return {
      status: this.#status,
      ...(this.#cause === undefined ? {} : { cause: this.#cause }),
      localSize: this.#localSize,
      remoteSize: this.#remoteSize,
      lagEvents: Math.max(0, this.#localSize - this.#remoteSize),
      lagSince: this.#lagSince,
      safeToTrim: this.#safeToTrim,
      forwarded: this.#forwarded,
    }
  }

  async flush(): Promise<void> {
    this.#assertRunning()
    const { size } = await this.#log.head()
    this.#localSize = Math.max(this.#localSize, size)
    if (size <= this.#safeToTrim) return
    this.#assertRunning()
    await new Promise<void>((resolve, reject) => {
      this.#waiting.push({ size, resolve, reject })
      this.#retryNow()
    })
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    this.#closing.abort()
    this.#retryNow()
    await this.#run
    if (this.#status !== 'stopped') this.#status = 'closed'
    this.#rejectWaiting(new AuditLogError('AUDIT_LOG_CLOSED', `Forwarding ${this.#log.location} was ended`))
    if (this.#isOpen) await this.#remote.close()
  }

  /** Goes on until it is closed, or until trying again is of no use. Never rejects. */
  async #forwardAuditLog(): Promise<void> {
    while (!this.#closing.signal.aborted) {
      try {
        await this.#catchUp()
        this.#status = 'forwarding'
        this.#cause = undefined
        this.#failedAttempts = 0
        await this.#untilGrown()
      } catch (problem) {
        if (this.#closing.signal.aborted) return
        this.#onFailed(problem)
        if (this.#status === 'stopped') return
        await this.#untilRetry()
      }
    }
  }

  /** Carries over what there is, group by group: while one is under way, whatever comes waits in the local log. */
  async #catchUp(): Promise<void> {
    this.#localSize = (await this.#log.head()).size
    await this.#assertSame()
    for (;;) {
      const from = this.#remoteSize
      this.#localSize = (await this.#log.head()).size
      const { maxGroupEntries, content } = this.#options
      const { from: first, entries: group } = await readGroup(this.#log, from, maxGroupEntries, content)
      this.#lagSince = group[0]?.event.recordedAt
      if (group.length === 0 || this.#closing.signal.aborted) break
      // The remote log would have other positions. This says that the entry was removed.
      if (first !== from) await this.#log.get(from)
      await this.#remote.commit(await withContent(this.#log, first, group, content), { at: from })
      this.#remoteSize = from + group.length
      this.#forwarded += group.length
      this.#lagSince = undefined
      await compareStored(this.#remote, from, group)
      const uncompared = this.#remoteSize - this.#safeToTrim
      if (this.#remoteSize >= this.#localSize || uncompared >= MAX_UNCOMPARED) await this.#compare()
    }
  }

  /** Before anything is added, the remote log must be the beginning of the local one, down to what it stores. */
  async #assertSame(): Promise<void> {
    if (this.#isCompared) return
    if (!this.#isOpen) {
      await this.#remote.open()
      this.#isOpen = true
    }
    // A commit that gave no answer may have taken place: it is as durable as one behind it that does.
    await this.#remote.commit([], {})
    this.#remoteSize = this.#remote.size
    // What was committed last may not have been read back.
    const from = Math.max(this.#safeToTrim, this.#remoteSize - this.#options.maxGroupEntries)
    await this.#compare(from)
    this.#isCompared = true
  }

  /** @param from - where reading back begins, if what lies behind it was not read back yet */
  async #compare(from = this.#remoteSize): Promise<void> {
    await compareTrees(this.#log, this.#remote)
    for (let at = from; at < this.#remoteSize; ) {
      const { from: first, entries } = await readGroup(this.#log, at, this.#remoteSize - at)
      const group = entries.slice(0, this.#remoteSize - first)
      await compareStored(this.#remote, first, group)
      if (group.length === 0) break
      at = first + group.length
    }
    this.#safeToTrim = this.#remoteSize
    const done = this.#waiting.filter(({ size }) => size <= this.#safeToTrim)
    this.#waiting = this.#waiting.filter(({ size }) => size > this.#safeToTrim)
    for (const { resolve } of done) resolve()
  }

  /** Waits for an entry behind the last. */
  async #untilGrown(): Promise<void> {
    const options = { afterSeq: this.#remoteSize - 1, signal: this.#closing.signal }
    for await (const _ of this.#log.follow({}, options)) return
  }

  async #untilRetry(): Promise<void> {
    const delayMillis = Math.min(FIRST_RETRY_DELAY_MILLIS * 2 ** (this.#failedAttempts - 1), LAST_RETRY_DELAY_MILLIS)
    await new Promise<void>((resolve) => {
      const cancel = this.#options.startTimer(delayMillis, resolve)
      this.#retryNow = () => {
        cancel()
        resolve()
      }
    })
    this.#retryNow = () => {}
  }

  #onFailed(problem: unknown): void {
    const wasFailing = this.#status === 'failing'
    this.#isCompared = false
    this.#failedAttempts++
    this.#cause = problem
    this.#status = isFinal(problem, this.#isOpen) ? 'stopped' : 'failing'
    this.#rejectWaiting(problem)
    if (wasFailing && this.#status === 'failing') return
    try {
      this.#options.onProblem(problem instanceof Error ? problem : new Error(String(problem)))
    } catch {
      // The listener's own failure is no concern of the forwarder's.
    }
  }

  #rejectWaiting(problem: unknown): void {
    for (const { reject } of this.#waiting.splice(0)) reject(problem)
  }

  #assertRunning(): void {
    if (this.#status === 'stopped') throw this.#cause
    if (this.#closed) throw new AuditLogError('AUDIT_LOG_CLOSED', `Forwarding ${this.#log.location} was ended`)
  }
}

/** Somebody has to look at it. */
const FINAL_CODES: ReadonlySet<string> = new Set([
  'AUDIT_ENTRY_REMOVED',
  'AUDIT_LOG_DIVERGED',
  'AUDIT_LOG_CORRUPT',
  'AUDIT_LOG_CLOSED',
])

/** @param isOpen - a store that cannot be opened because it is locked may be free again later */
function isFinal(problem: unknown, isOpen: boolean): boolean {
  if (!(problem instanceof AuditLogError)) return false
  return FINAL_CODES.has(problem.code) || (isOpen && problem.code === 'AUDIT_LOG_LOCKED')
}
