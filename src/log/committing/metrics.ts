import type { AuditLogCounters } from '../contract.js'

/** The methods of an OpenTelemetry `Meter` that a log uses. */
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
 *
 * A meter that throws costs the log a metric, nothing else. It is reported once.
 */
export class LogMetrics {
  readonly #attributes: Attributes
  readonly #observed: (readonly [ObservableInstrument, Observe])[] = []
  readonly #report: (problem: Error) => void
  #duration: ReturnType<AuditLogMeter['createHistogram']> | undefined = undefined
  #hasFailed = false

  constructor(
    meter: AuditLogMeter,
    location: string,
    counters: () => AuditLogCounters,
    report: (problem: Error) => void,
  ) {
    const attributes = { 'spanledger.log': location }
    this.#attributes = attributes
    this.#report = report
    this.#attempt(() => {
      this.#duration = meter.createHistogram('spanledger.commit.duration', {
        description: 'Time that a commit takes, with fsync',
        unit: 'ms',
      })
    })
    this.#observe(
      () =>
        meter.createObservableCounter('spanledger.events.recorded', {
          description: 'Events taken by the log',
          unit: '{event}',
        }),
      (result) => result.observe(counters().recorded, attributes),
    )
    this.#observe(
      () =>
        meter.createObservableCounter('spanledger.events.dropped', {
          description: 'Events that were not kept, by reason',
          unit: '{event}',
        }),
      (result) => {
        for (const [reason, count] of Object.entries(counters().dropped))
          result.observe(count, { ...attributes, reason })
      },
    )
    this.#observe(
      () =>
        meter.createObservableGauge('spanledger.queue.bytes', {
          description: 'Entries that wait in memory for a commit',
          unit: 'By',
        }),
      (result) => result.observe(counters().queuedBytes, attributes),
    )
    this.#observe(
      () =>
        meter.createObservableGauge('spanledger.journal.bytes', {
          description: 'Size of the files of the journal',
          unit: 'By',
        }),
      (result) => result.observe(counters().journalBytes, attributes),
    )
  }

  committed({ durationMillis }: { readonly durationMillis: number }): void {
    this.#attempt(() => this.#duration?.record(durationMillis, this.#attributes))
  }

  /** The instruments stay with the meter; they observe this log no more. */
  close(): void {
    for (const [instrument, observe] of this.#observed) this.#attempt(() => instrument.removeCallback(observe))
  }

  #observe(create: () => ObservableInstrument, observe: Observe): void {
    this.#attempt(() => {
      const instrument = create()
      instrument.addCallback(observe)
      this.#observed.push([instrument, observe])
    })
  }

  #attempt(act: () => void): void {
    try {
      act()
    } catch (cause) {
      if (this.#hasFailed) return
      this.#hasFailed = true
      const location = this.#attributes['spanledger.log']
      this.#report(new Error(`The audit log ${location} lacks metrics: its meter throws`, { cause }))
    }
  }
}
