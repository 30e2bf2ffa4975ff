import type { AuditLogStats } from './contract.js'

/** What a log needs of an OpenTelemetry `Meter`. */
export interface AuditLogMeter {
  createHistogram(name: string, options: InstrumentOptions): { record(value: number, attributes: Attributes): void }
  createObservableCounter(name: string, options: InstrumentOptions): ObservableInstrument
  createObservableGauge(name: string, options: InstrumentOptions): ObservableInstrument
}

interface InstrumentOptions {
  readonly description: string
  readonly unit: string
}

interface ObservableInstrument {
  addCallback(callback: Observe): void
  removeCallback(callback: Observe): void
}

type Attributes = Record<string, string>
type Observe = (result: { observe(value: number, attributes?: Attributes): void }) => void

/**
 * Reports a log's counters when they are collected, and the time of each commit:
 * `spanledger.events.recorded`, `spanledger.events.dropped` (by `reason`), `spanledger.queue.bytes`,
 * `spanledger.journal.bytes`, `spanledger.commit.duration`, each with the attribute `spanledger.log`.
 */
export class LogMetrics {
  readonly #attributes: Attributes
  readonly #observed: readonly (readonly [ObservableInstrument, Observe])[]
  readonly #duration: ReturnType<AuditLogMeter['createHistogram']>

  constructor(meter: AuditLogMeter, location: string, stats: () => AuditLogStats) {
    const attributes = { 'spanledger.log': location }
    this.#attributes = attributes
    this.#duration = meter.createHistogram('spanledger.commit.duration', {
      description: 'Time that a commit takes, with fsync',
      unit: 'ms',
    })
    this.#observed = [
      [
        meter.createObservableCounter('spanledger.events.recorded', {
          description: 'Events taken by the log',
          unit: '{event}',
        }),
        (result) => result.observe(stats().recorded, attributes),
      ],
      [
        meter.createObservableCounter('spanledger.events.dropped', {
          description: 'Events that were not kept, by reason',
          unit: '{event}',
        }),
        (result) => {
          for (const [reason, count] of Object.entries(stats().dropped))
            result.observe(count, { ...attributes, reason })
        },
      ],
      [
        meter.createObservableGauge('spanledger.queue.bytes', {
          description: 'Entries that wait in memory for a commit',
          unit: 'By',
        }),
        (result) => result.observe(stats().queuedBytes, attributes),
      ],
      [
        meter.createObservableGauge('spanledger.journal.bytes', {
          description: 'Size of the files of the journal',
          unit: 'By',
        }),
        (result) => result.observe(stats().journalBytes, attributes),
      ],
    ]
    for (const [instrument, observe] of this.#observed) instrument.addCallback(observe)
  }

  /** A meter that fails is no reason to take a commit for failed. */
  committed(durationMillis: number): void {
    try {
      try {
        this.#duration.record(durationMillis, this.#attributes)
      } catch {
        // A meter's failure must not be taken for one of the commit.
      }
    } catch {
      // Nor is there anybody to tell of it but the meter.
    }
  }

  /** The instruments stay with the meter; they observe this log no more. */
  close(): void {
    for (const [instrument, observe] of this.#observed) instrument.removeCallback(observe)
  }
}
