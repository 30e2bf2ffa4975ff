import type { Context } from '@opentelemetry/api'
import type { AuditLog } from '../audit-log/index.js'
import { AuditLogError } from '../events/errors.js'
import type { AuditLogWriter } from '../log/contract.js'
import { activeContext } from '../record/flow.js'
import type { Attachment, AttachOptions } from './attachments.js'
import type { Delivery, DeliveryResult } from './delivery/delivery.js'
import type { AuditHealth } from './health/contract.js'
import type { OpeningLog } from './opening-log.js'
import { type AuditSpanProcessorOptions, type OwnLogOptions, resolveProcessorOptions } from './options.js'
import { AuditPipeline } from './pipeline.js'
import { safely, settleAll, tried } from './problems.js'
import { closeShared, openShared } from './shared-logs.js'
import type { OpenSpan, SpanLike, SpanProcessorLike } from './span.js'
import { SPANLESS_EVENTS, type SpanlessEventReceiver, type SpanlessEventSink } from './spanless-events.js'

/**
 * An OpenTelemetry span processor that records what agents do as audit events in the attached logs. Register it once,
 * beside any exporter's processor; attach and detach logs while the application runs.
 *
 * Its hooks never throw and never wait: what cannot be recorded is counted by the log and reported through `diag`.
 * Works with `@opentelemetry/sdk-trace-base` 2.x and `@opentelemetry/sdk-trace` 2.x and 3.x.
 *
 * @example
 * ```ts
 * const audit = new AuditSpanProcessor()
 * const sdk = new NodeSDK({ spanProcessors: [audit] })
 * sdk.start()
 * const attachment = audit.attach(await openAuditLog('./audit'))
 * ```
 */
export class AuditSpanProcessor implements SpanProcessorLike, SpanlessEventSink {
  /**
   * Settles with the first attempt to open the log of the `location` option; at once, with `undefined`, without that option.
   * Events that are recorded before are in a staging journal, and get into the log. After a failure opening is tried again, at
   * intervals of 30 seconds at most, unless waiting mends nothing; a later success attaches the log all the same.
   *
   * @throws AuditLogError, TypeError the reason why the log cannot be opened
   */
  readonly ready: Promise<AuditLog | undefined>

  readonly #pipeline: AuditPipeline
  #ownLog: OpeningLog<AuditLog> | undefined = undefined
  #shutdown: Promise<void> | undefined = undefined

  /** @throws TypeError for an unknown or contradictory option; AuditLogError `AUDIT_LOG_CLOSED` for a closed log */
  constructor(options: AuditSpanProcessorOptions = {}) {
    const resolved = resolveProcessorOptions(options)
    this.#pipeline = new AuditPipeline(resolved, () => this.#shutdown !== undefined)
    if (resolved.log) this.attach(resolved.log)
    this.#pipeline.health.start()
    this.ready =
      resolved.location === undefined
        ? Promise.resolve(undefined)
        : this.#openOwnLog(resolved.location, resolved.ownLog)
  }

  /** The logs that receive events just now. */
  get attachments(): readonly Attachment[] {
    return this.#pipeline.attachments.all
  }

  /**
   * From here on the log receives what agents do. A log that is attached already keeps its attachment: no event is
   * ever written twice. Runs in progress are listed in the `audit_attached` event; one that began before gets its
   * terminal event, with `startedAt`, and no invented `run_started`.
   *
   * A log that is closed while it is attached is warned of once, through `diag`; what it no longer takes it counts
   * (`counters().dropped.closed`).
   *
   * @throws TypeError when `log` is no audit log, an option is unknown or malformed, the id is taken, or the processor is
   * shut down
   * @throws AuditLogError `AUDIT_LOG_CLOSED` when the log is closed
   */
  attach(log: AuditLogWriter, options?: AttachOptions): Attachment {
    if (this.#shutdown) throw new TypeError('attach: the processor is shut down')
    return this.#pipeline.attachments.attach(log, options)
  }

  /**
   * Switches recording on or off for the whole processor; `withAuditing` overrides it for one flow of calls. Both turns
   * are on the record, as `custom` events named `auditing_enabled` and `auditing_disabled`; `auditing_suppressed` tells
   * how many spans and events were not recorded meanwhile, for each run and for what belongs to none, within seconds.
   */
  setEnabled(enabled: boolean): void {
    if (typeof enabled !== 'boolean') throw new TypeError('setEnabled: expected true or false')
    this.#pipeline.setEnabled(enabled)
  }

  /**
   * Records what spans and log records tell that are delivered after the fact: read from a file, or sent by another
   * process. The spans are whole and have ended; they may come in any order, in any batches, and more than once. Once a
   * trace has been quiet for `deliveryWaitMillis`, at the latest at `forceFlush()`, it is put in the order of its times
   * and recorded as if it had happened here, with the times of the spans. What comes after that is recorded then, and
   * finds its parent while that is remembered (about 16,000 spans).
   *
   * A span counts once, by its trace id and span id, also when this processor has seen it live: the latest 32,000 spans
   * are remembered, and of live ones the latest 8,000 that were of an agent. Nothing of the caller's context, such as
   * `withScope`, holds for what is delivered.
   *
   * A span that reaches `onStart` or `onEnd` as plain data, or `onStart` when it has ended, is taken for delivered as well.
   *
   * @returns the number of what was accepted, repeated and malformed; nothing is accepted while no log is attached
   * @throws TypeError for something else than lists of spans and log records, or a `source` that is no text of at most 256
   * characters
   *
   * @example
   * ```ts
   * const result = audit.deliver({ spans: await readSpans(file) })
   * await audit.forceFlush()
   * ```
   */
  deliver(delivery: Delivery): DeliveryResult {
    return this.#pipeline.deliver(delivery)
  }

  /** Span processor hook: a span has started. */
  onStart(span: OpenSpan, parentContext: Context): void {
    this.#pipeline.onStart(span, parentContext)
  }

  /** Span processor hook: a span has ended. */
  onEnd(span: SpanLike): void {
    this.#pipeline.onEnd(span)
  }

  /**
   * Resolves when everything seen before the call is durable in every attached log, or cannot be made so just now. It never
   * rejects: other processors of the SDK are not to suffer from a log. A failure is told through `diag` and `log.health()`;
   * `log.flush()` and `attachment.detach()` throw it.
   */
  async forceFlush(): Promise<void> {
    this.#pipeline.drain()
    await tried(this.attachments.map(({ log }) => log.flush()))
  }

  /**
   * Runs an action that must not happen unrecorded: only if every attached log can be written durably just now.
   *
   * @returns what the action returns
   * @throws AuditLogError `AUDIT_NOT_RECORDING` when no log is attached, or auditing is off here; `AUDIT_WRITE_FAILED`,
   * `AUDIT_LOG_CLOSED`; an `AggregateError` when several logs fail. The action was not called then.
   */
  async guard<T>(action: () => T | PromiseLike<T>): Promise<T> {
    if (!this.#pipeline.isRecording || !this.#pipeline.isOnIn(activeContext())) {
      const why = this.#pipeline.isRecording ? 'auditing is off' : 'no log is attached'
      throw new AuditLogError('AUDIT_NOT_RECORDING', `The action was not run, since it would not be recorded: ${why}`)
    }
    await settleAll(this.attachments.map(({ log }) => log.assertWritable()))
    return await action()
  }

  /**
   * Answers "is this process audited?": with a status, the reasons why it is not, and counts. Cheap enough for a health
   * check; it never throws and changes nothing.
   *
   * A reason that is certain is also warned of, once in the life of a process (`process.emitWarning`, type `Spanledger`,
   * code `SPANLEDGER_NO_LOG` …), when an application has started or is about to end. With the option `location`,
   * `spanledger doctor` shows the same of each living process.
   *
   * @example
   * ```ts
   * const { status, reasons } = audit.health()
   * if (status === 'unaudited') console.error(reasons[0]?.code, reasons[0]?.message)
   * ```
   */
  health(): AuditHealth {
    return this.#pipeline.health.watch.read()
  }

  /**
   * Ends runs that are still open (`run_failed` or `run_interrupted`), detaches all logs, and closes the one opened
   * through `location`. Calling it again returns the same promise. It never rejects, see `forceFlush`.
   */
  shutdown(): Promise<void> {
    this.#shutdown ??= this.#shutDown()
    return this.#shutdown
  }

  /** Receives events that no span carries. For `AuditLogRecordProcessor`, of whichever copy of this package. */
  get [SPANLESS_EVENTS](): SpanlessEventReceiver {
    return this.#pipeline.spanlessEvents
  }

  /** @internal For processors of other tracing systems: spans come from there, and need no tracer provider. */
  feedDirectly(): void {
    this.#pipeline.health.watch.isFedDirectly = true
  }

  /** Events until the log is open are staged by {@link OpeningLog}. */
  #openOwnLog(location: string, options: OwnLogOptions): Promise<AuditLog> {
    const { health } = this.#pipeline
    this.#ownLog = openShared(location, options)
    this.attach(this.#ownLog)
    health.keepFile(location, options.durability, () => this.#ownLog?.log?.ledger?.log)
    const note = () => safely(() => health.writeStatusFile())
    this.#ownLog.opened.then(note, note)
    return this.#ownLog.opened
  }

  async #shutDown(): Promise<void> {
    this.#pipeline.end()
    await tried(this.attachments.map((attachment) => attachment.detach()))
    if (this.#ownLog) await tried([closeShared(this.#ownLog.location, this.#ownLog)])
    await this.#pipeline.health.end()
  }
}
