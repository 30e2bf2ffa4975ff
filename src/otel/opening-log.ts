import type { AuditEventInput } from '../events/index.js'
import type { AppendReceipt, AuditLogHealth, AuditLogStats, AuditLogWriter, RecordInput } from '../log/contract.js'

/** Events kept while a log is being opened; past it they are counted as dropped. */
const MAX_WAITING_EVENTS = 100_000

/** Stands in for a log that is still being opened: keeps what comes, and hands it over in order. */
export class OpeningLog<L extends AuditLogWriter> implements AuditLogWriter {
  readonly location: string
  /** Settles when the log is open, or cannot be. */
  readonly opened: Promise<L>
  #log: L | undefined = undefined
  #waiting: RecordInput[] = []
  #dropped = 0
  #dropReason = 'opening'

  constructor(location: string, opening: Promise<L>) {
    this.location = location
    this.opened = this.#open(opening)
  }

  record(event: RecordInput): undefined {
    if (this.#log) this.#log.record(event)
    else if (this.#dropReason === 'opening' && this.#waiting.length < MAX_WAITING_EVENTS) this.#waiting.push(event)
    else this.#dropped++
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
    const dropped: Record<string, number> = this.#dropped > 0 ? { [this.#dropReason]: this.#dropped } : {}
    if (!this.#log) {
      return {
        recorded: waiting,
        committed: 0,
        dropped,
        queuedEvents: waiting,
        spilledEvents: 0,
        queuedBytes: 0,
        journalBytes: 0,
        commits: 0,
      }
    }
    const stats = this.#log.stats()
    return { ...stats, dropped: { ...stats.dropped, ...dropped } }
  }

  /** While the log is being opened, nothing is written: what waits dies with the process. */
  health(): AuditLogHealth {
    return this.#log?.health() ?? { status: 'failing', journal: 'failing', store: 'failing', cause: this.#dropReason }
  }

  async assertWritable(): Promise<void> {
    const log = await this.opened
    await log.assertWritable()
  }

  async #open(opening: Promise<L>): Promise<L> {
    try {
      const log = await opening
      for (const event of this.#waiting) log.record(event)
      this.#log = log
      return log
    } catch (problem) {
      this.#dropReason = 'open_failed'
      this.#dropped += this.#waiting.length
      throw problem
    } finally {
      this.#waiting = []
    }
  }
}
