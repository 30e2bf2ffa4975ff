import { Buffer } from 'node:buffer'
import { type AuditEvent, type AuditEventInput, type Timestamp, timestampFromMillis } from '../events/index.js'
import type { AppendReceipt, AuditLogHealth, AuditLogStats, AuditLogWriter, RecordInput } from '../log/contract.js'
import { RECORD_STATEMENT, recordStatement, type StatementWriter } from '../log/statements.js'

/** Bytes of the events kept while a log is being opened, as JSON: as much as a log's queue holds. */
const MAX_WAITING_BYTES = 16 * 1024 * 1024
/** Counted for an event that is no JSON before the log mends it: the most an entry can have. */
const LARGEST_EVENT_BYTES = 65_536

/**
 * Stands in for a log that is still being opened: keeps what comes, and hands it over in order. What there is no room
 * for is dropped, and from then on everything until the log is open: one gap, which the log then tells of.
 */
export class OpeningLog<L extends AuditLogWriter> implements AuditLogWriter, StatementWriter {
  readonly location: string
  /** Settles when the log is open, or cannot be. */
  readonly opened: Promise<L>
  #log: L | undefined = undefined
  #waiting: { readonly event: RecordInput; readonly isStatement: boolean }[] = []
  #waitingBytes = 0
  #gap: { count: number; readonly from: Timestamp; to: Timestamp } | undefined = undefined
  /** Events that came to nothing because the log could not be opened. */
  #unopened = 0
  #state: 'opening' | 'open' | 'open_failed' = 'opening'
  readonly #maxWaitingBytes: number

  constructor(location: string, opening: Promise<L>, maxWaitingBytes = MAX_WAITING_BYTES) {
    this.location = location
    this.#maxWaitingBytes = maxWaitingBytes
    this.opened = this.#open(opening)
  }

  /** The log, once it is open. */
  get log(): L | undefined {
    return this.#log
  }

  record(event: RecordInput): AuditEvent | undefined {
    if (this.#log) return this.#log.record(event)
    this.#keep(event, false)
    return undefined
  }

  [RECORD_STATEMENT](statement: AuditEventInput): AuditEvent | undefined {
    if (this.#log) return recordStatement(this.#log, statement)
    this.#keep(statement, true)
    return undefined
  }

  async append(event: AuditEventInput): Promise<AppendReceipt> {
    const log = await this.opened
    return await log.append(event)
  }

  async flush(): Promise<void> {
    const log = await this.opened
    await log.flush()
  }

  stats(): AuditLogStats {
    const waiting = this.#waiting.length
    const before = this.#gap?.count ?? 0
    if (!this.#log) {
      return {
        recorded: waiting,
        committed: 0,
        dropped: {
          ...(before > 0 && { queue_full: before }),
          ...(this.#unopened > 0 && { open_failed: this.#unopened }),
        },
        queuedEvents: waiting,
        spilledEvents: 0,
        queuedBytes: this.#waitingBytes,
        journalBytes: 0,
        commits: 0,
      }
    }
    const stats = this.#log.stats()
    if (before === 0) return stats
    return { ...stats, dropped: { ...stats.dropped, queue_full: before + (stats.dropped.queue_full ?? 0) } }
  }

  /** While the log is being opened, nothing is written: what waits dies with the process. */
  health(): AuditLogHealth {
    if (this.#log) return this.#log.health()
    return {
      status: 'failing',
      journal: 'failing',
      store: 'failing',
      checkpoints: 'off',
      index: 'ok',
      cause: this.#state,
    }
  }

  async assertWritable(): Promise<void> {
    const log = await this.opened
    await log.assertWritable()
  }

  #keep(event: RecordInput, isStatement: boolean): void {
    if (this.#state === 'open_failed') {
      this.#unopened++
      return
    }
    const bytes = this.#gap ? 0 : bytesOf(event)
    if (!this.#gap && this.#waitingBytes + bytes <= this.#maxWaitingBytes) {
      this.#waiting.push({ event, isStatement })
      this.#waitingBytes += bytes
      return
    }
    const now = timestampFromMillis(Date.now())
    this.#gap ??= { count: 0, from: now, to: now }
    this.#gap.count++
    this.#gap.to = now
  }

  async #open(opening: Promise<L>): Promise<L> {
    try {
      const log = await opening
      for (const { event, isStatement } of this.#waiting) {
        if (isStatement) recordStatement(log, event)
        else log.record(event)
      }
      if (this.#gap) {
        const data = { ...this.#gap, reason: 'queue_full' }
        recordStatement(log, {
          type: 'events_dropped',
          data,
          source: { convention: 'spanledger', scope: 'spanledger' },
        })
      }
      this.#log = log
      this.#state = 'open'
      return log
    } catch (problem) {
      this.#state = 'open_failed'
      this.#unopened = this.#waiting.length
      throw problem
    } finally {
      this.#waiting = []
      this.#waitingBytes = 0
    }
  }
}

function bytesOf(event: RecordInput): number {
  try {
    return Buffer.byteLength(JSON.stringify(event))
  } catch {
    return LARGEST_EVENT_BYTES
  }
}
