import type { StoredEvent } from '../../src/events/index.js'
import type { AuditLogWriter, RecordInput } from '../../src/log/contract.js'

/** A log that only keeps what it is given: for tests of what is recorded, not of how it is stored. */
export class CollectingLog implements AuditLogWriter {
  readonly location = 'memory'
  readonly events: StoredEvent[] = []

  record(event: RecordInput): undefined {
    this.events.push({ ...event, seq: this.events.length } as unknown as StoredEvent)
  }

  /** The types of what was recorded, in order. Attaching and detaching are left out, and names that came late. */
  get types(): string[] {
    return this.events.map(({ type }) => type).filter((type) => !type.startsWith('audit_') && type !== 'run_identified')
  }

  /** The events of one type. */
  of<T extends StoredEvent['type']>(type: T): StoredEvent<T>[] {
    return this.events.filter((event) => event.type === type) as unknown as StoredEvent<T>[]
  }

  async append(): Promise<never> {
    throw new Error('not part of these tests')
  }

  async flush(): Promise<void> {}

  health(): ReturnType<AuditLogWriter['health']> {
    return { status: 'ok', journal: 'off', store: 'ok', checkpoints: 'off', index: 'ok' }
  }

  async assertWritable(): Promise<void> {}

  counters(): ReturnType<AuditLogWriter['counters']> {
    const recorded = this.events.length
    return {
      recorded,
      committed: recorded,
      dropped: {},
      queuedEvents: 0,
      spilledEvents: 0,
      queuedBytes: 0,
      journalBytes: 0,
      commits: 0,
    }
  }
}
