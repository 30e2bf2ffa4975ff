import { type Attributes, type Context, diag, type HrTime, type Span } from '@opentelemetry/api'
import type { AuditLog } from '../audit-log/index.js'
import { AuditLogError } from '../events/errors.js'
import type { AuditLogWriter } from '../log/contract.js'
import { activeContext, orKept } from '../record/flow.js'
import { type RecordListener, recordListeners } from '../record/listeners.js'
import { startUnrefInterval } from '../timers/real-timers.js'
import { type Attachment, Attachments, type AttachOptions } from './attachments.js'
import { createByHandListener } from './by-hand.js'
import { builtInConventions } from './conventions/index.js'
import { malformedAt } from './delivery/deliveries.js'
import type { Delivery, DeliveryReceipt } from './delivery/delivery.js'
import { LatePath } from './delivery/late-path.js'
import { AuditSwitch, switchedOn } from './enabled.js'
import { explainThroughDiag, startDiagnosis } from './explaining.js'
import type { AuditHealth } from './health/contract.js'
import { ProcessHealth } from './health/process-health.js'
import { toHrTime } from './hr-time.js'
import { AuditLogRecordProcessor } from './log-records.js'
import type { OpeningLog } from './opening-log.js'
import { type AuditSpanProcessorOptions, type OwnLogOptions, resolveProcessorOptions } from './options.js'
import { reportProblem, safely, settleAll, tried } from './problems.js'
import { closeShared, openShared } from './shared-logs.js'
import type { LogOrigin, OpenSpan, SpanLike, SpanProcessorLike } from './span.js'
import type { Diagnosis } from './tracking/diagnosis.js'
import { Tracker } from './tracking/tracker.js'
import { ProviderWatch } from './watch/watch.js'

/** How often runs are checked for having been left open. */
const SETTLE_INTERVAL_MILLIS = 5_000
/** A span tells time by a clock of its own, which may lag: an event too many is better than one too few. */
const CLOCK_SLACK_MILLIS = 2

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
export class AuditSpanProcessor implements SpanProcessorLike {
  /**
   * Settles with the first attempt to open the log of the `location` option; at once, with `undefined`, without that option.
   * Events that are recorded before are in a staging journal, and get into the log. After a failure opening is tried again, at
   * intervals of 30 seconds at most, unless waiting mends nothing; a later success attaches the log all the same.
   *
   * @throws AuditLogError, TypeError the reason why the log cannot be opened
   */
  readonly ready: Promise<AuditLog | undefined>

  readonly #tracker: Tracker
  readonly #attachments: Attachments
  readonly #late: LatePath
  readonly #switch = new AuditSwitch(switchedOn('SPANLEDGER_ENABLED'))
  readonly #listener: RecordListener
  readonly #watch: ProviderWatch
  readonly #health: ProcessHealth
  /** Log records that have come. */
  readonly #logRecords = new WeakSet<object>()
  #hasWarnedOfRegistration = false
  /** While spans are explained. */
  readonly #diagnosis: Diagnosis | undefined
  #lastStarted: OpenSpan | undefined = undefined
  #attachedAt: HrTime = [0, 0]
  #endSettling: (() => void) | undefined = undefined
  #ownLog: OpeningLog<AuditLog> | undefined = undefined
  #shutdown: Promise<void> | undefined = undefined

  /** @throws TypeError for an unknown or contradictory option; AuditLogError `AUDIT_LOG_CLOSED` for a closed log */
  constructor(options: AuditSpanProcessorOptions = {}) {
    const resolved = resolveProcessorOptions(options)
    const onExplain = resolved.onExplain ?? explainThroughDiag()
    this.#health = new ProcessHealth({
      attachments: () => this.#attachments.all,
      switchedOffBy: () => this.#switch.switchedOffBy,
      isShutDown: () => this.#shutdown !== undefined,
      state: (event) => this.#attachments.state(event),
      onProblem: reportProblem,
    })
    const counts = this.#health.watch
    this.#diagnosis =
      onExplain && startDiagnosis(counts, () => (this.#shutdown ? undefined : this.#attachments.size > 0))
    this.#tracker = new Tracker({
      ...resolved,
      conventions: [...resolved.conventions, ...builtInConventions],
      onExplain,
      onAgentSpan: () => void counts.agentSpans++,
      outlet: {
        publish: (event) => {
          counts.events++
          this.#attachments.publish(event)
        },
        state: (statement) => this.#attachments.state(statement),
      },
      onProblem: reportProblem,
      nowMillis: Date.now,
      isRecording: () => this.#attachments.size > 0,
      isOnIn: (context) => this.#switch.isOnIn(context),
      since: () => this.#attachedAt,
    })
    this.#attachments = new Attachments({
      openRuns: () => {
        this.#late.release()
        this.#tracker.drain()
        return this.#tracker.openRuns
      },
      runsNow: () => this.#tracker.openRuns,
      onDetaching: () => {
        this.#settle({ final: false, all: true })
        safely(() => this.#health.look(true))
      },
      onProblem: reportProblem,
      onChange: () => this.#onAttachmentsChange(),
    })
    const logRecords = new AuditLogRecordProcessor(this)
    this.#late = new LatePath({
      tracker: this.#tracker,
      waitMillis: resolved.deliveryWaitMillis,
      nowMillis: Date.now,
      isRecording: () => this.#attachments.size > 0,
      isOnIn: (context) => this.#switch.isOnIn(context),
      onLive: (span, context) => this.#startLive(span, context),
      onSecondRegistration: () => this.#warnOfSecondRegistration(),
      onLogRecord: (record, within) => logRecords.onEmit(record, within),
      onMalformed: (count) => this.#attachments.state({ type: 'events_dropped', data: malformedAt(count, Date.now()) }),
      onProblem: reportProblem,
    })
    this.#watch = this.#watchProvider()
    this.#health.askAboutProvider(() => this.#watch.report())
    this.#listener = createByHandListener({
      tracker: this.#tracker,
      watch: this.#watch,
      isOnIn: (context) => this.#switch.isOnIn(context),
      onUse: (span) => this.#onUse(span),
      onOccurrence: (...told) => this.onOccurrence(...told),
    })
    recordListeners().add(this.#listener)
    if (resolved.log) this.attach(resolved.log)
    this.#health.start()
    this.ready =
      resolved.location === undefined
        ? Promise.resolve(undefined)
        : this.#openOwnLog(resolved.location, resolved.ownLog)
  }

  /** The logs that receive events just now. */
  get attachments(): readonly Attachment[] {
    return this.#attachments.all
  }

  /**
   * From here on the log receives what agents do. A log that is attached already keeps its attachment: no event is
   * ever written twice. Runs in progress are listed in the `audit_attached` event; one that began before gets its
   * terminal event, with `startedAt`, and no invented `run_started`.
   *
   * A log that is closed while it is attached is warned of once, through `diag`; what it no longer takes it counts
   * (`stats().dropped.closed`).
   *
   * @throws TypeError when `log` is no audit log, an option is unknown or malformed, the id is taken, or the processor is
   * shut down
   * @throws AuditLogError `AUDIT_LOG_CLOSED` when the log is closed
   */
  attach(log: AuditLogWriter, options?: AttachOptions): Attachment {
    if (this.#shutdown) throw new TypeError('attach: the processor is shut down')
    return this.#attachments.attach(log, options)
  }

  /**
   * Switches recording on or off for the whole processor; `withAuditing` overrides it for one flow of calls. Both turns
   * are on the record, as `custom` events named `auditing_enabled` and `auditing_disabled`; `auditing_suppressed` tells
   * how many spans and events were not recorded meanwhile, for each run and for what belongs to none, within seconds.
   */
  setEnabled(enabled: boolean): void {
    if (typeof enabled !== 'boolean') throw new TypeError('setEnabled: expected true or false')
    if (!this.#switch.set(enabled) || this.#attachments.size === 0) return
    if (enabled) this.#tracker.suppressions.hurry()
    const name = enabled ? 'auditing_enabled' : 'auditing_disabled'
    this.#attachments.state({ type: 'custom', data: { name } })
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
   * const receipt = audit.deliver({ spans: await readSpans(file) })
   * await audit.forceFlush()
   * ```
   */
  deliver(delivery: Delivery): DeliveryReceipt {
    const receipt = this.#late.deliver(delivery)
    this.#health.watch.spans += receipt.accepted
    return receipt
  }

  /** Span processor hook: a span has started. */
  onStart(span: OpenSpan, parentContext: Context): void {
    this.#watch.onStart(span)
    try {
      this.#health.watch.spans++
      this.#diagnosis?.onStart(span, this.#attachments.size > 0)
      const context = orKept(parentContext)
      if (!this.#late.takesStart(span, context)) this.#startLive(span, context)
    } catch (problem) {
      reportProblem(problem)
    }
  }

  /** Span processor hook: a span has ended. */
  onEnd(span: SpanLike): void {
    try {
      const isTold = this.#late.seesEnd(span)
      this.#diagnosis?.onEnd(span)
      if (this.#attachments.size === 0) this.#tracker.forget(span)
      else if (this.#tracker.follows(span)) this.#tracker.end(span)
      else if (!this.#late.takesEnd(span, isTold)) this.#tracker.endUnfollowed(span)
    } catch (problem) {
      reportProblem(problem)
    }
  }

  /**
   * Resolves when everything seen before the call is durable in every attached log, or cannot be made so just now. It never
   * rejects: other processors of the SDK are not to suffer from a log. A failure is told through `diag` and `log.health()`;
   * `log.flush()` and `attachment.detach()` throw it.
   */
  async forceFlush(): Promise<void> {
    this.#settle({ final: false, all: true })
    this.#diagnosis?.review(this.#attachments.size > 0)
    await tried(this.#attachments.all.map(({ log }) => log.flush()))
  }

  /**
   * Runs an action that must not happen unrecorded: only if every attached log can be written durably just now.
   *
   * @returns what the action returns
   * @throws AuditLogError `AUDIT_NOT_RECORDING` when no log is attached, or auditing is off here; `AUDIT_WRITE_FAILED`,
   * `AUDIT_LOG_CLOSED`; an `AggregateError` when several logs fail. The action was not called then.
   */
  async guard<T>(action: () => T | PromiseLike<T>): Promise<T> {
    if (this.#attachments.size === 0 || !this.#switch.isOnIn(activeContext())) {
      const why = this.#attachments.size === 0 ? 'no log is attached' : 'auditing is off'
      throw new AuditLogError('AUDIT_NOT_RECORDING', `The action was not run, since it would not be recorded: ${why}`)
    }
    await settleAll(this.#attachments.all.map(({ log }) => log.assertWritable()))
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
    return this.#health.watch.read()
  }

  /**
   * Ends runs that are still open (`run_failed` or `run_interrupted`), detaches all logs, and closes the one opened
   * through `location`. Calling it again returns the same promise. It never rejects, see `forceFlush`.
   */
  shutdown(): Promise<void> {
    this.#shutdown ??= this.#shutDown()
    return this.#shutdown
  }

  /** @internal For `AuditLogRecordProcessor`: tells whether the record comes for the first time. It may be registered twice. */
  isNew(record: object): boolean {
    if (this.#logRecords.has(record)) return false
    this.#logRecords.add(record)
    return true
  }

  /** @internal For processors of other tracing systems: spans come from there, and need no tracer provider. */
  feedDirectly(): void {
    this.#health.watch.isFedDirectly = true
  }

  /** @internal For `AuditLogRecordProcessor`: an event that no span of ours carries. */
  onOccurrence(name: string, attributes: Attributes, time: HrTime, context: Context, scope: LogOrigin): void {
    this.#health.watch.occurrences++
    if (this.#attachments.size === 0) return
    this.#late.release()
    try {
      if (this.#switch.isOnIn(context)) this.#tracker.record({ name, attributes, time, context, carrier: scope })
      else this.#tracker.suppressions.addEvent(context)
    } catch (problem) {
      reportProblem(problem)
    }
  }

  #startLive(span: OpenSpan, context: Context): void {
    try {
      if (!this.#switch.isOnIn(context)) {
        if (!this.#tracker.suppressions.has(span)) this.#tracker.suppressions.addSpan(span, context)
      } else if (this.#attachments.size === 0) this.#tracker.remember(span, context)
      else if (this.#isFollowed(span)) this.#warnOfSecondRegistration()
      else {
        this.#lastStarted = span
        this.#tracker.start(span, context)
      }
    } catch (problem) {
      reportProblem(problem)
    }
  }

  /** A second registration brings the span right after the first, and looking it up would cost each span something. */
  #isFollowed(span: OpenSpan): boolean {
    return span === this.#lastStarted || (this.#hasWarnedOfRegistration && this.#tracker.follows(span))
  }

  /** A span starts once: it comes from two registrations of this processor. */
  #warnOfSecondRegistration(): void {
    if (this.#hasWarnedOfRegistration) return
    this.#hasWarnedOfRegistration = true
    diag.warn(
      'spanledger: the same AuditSpanProcessor is registered twice. Each span is recorded once; register it once.',
    )
  }

  #onUse(span: Span): boolean {
    this.#late.release()
    if (this.#attachments.size === 0) return false
    this.#health.watch.noteInUse(span)
    return true
  }

  /** Spans that no hook tells of: sampled away, of another provider, or of none. */
  #watchProvider(): ProviderWatch {
    return new ProviderWatch({
      isOnIn: (context) => this.#switch.isOnIn(context),
      hasSeen: (span) => this.#tracker.follows(span) || this.#tracker.suppressions.has(span),
      onStart: (span, context) => this.onStart(span, context),
      onEnd: (span) => this.onEnd(span),
    })
  }

  #onAttachmentsChange(): void {
    this.#watch.isRecording = this.#attachments.size > 0
    this.#health.watch.hasBeenAttached ||= this.#attachments.size > 0
    if (this.#attachments.size === 0) {
      this.#tracker.forgetSpanlessRuns()
      this.#endSettling?.()
      this.#endSettling = undefined
    } else if (this.#endSettling === undefined) {
      this.#late.tick()
      this.#attachedAt = toHrTime(Date.now() - CLOCK_SLACK_MILLIS)
      this.#endSettling = startUnrefInterval(SETTLE_INTERVAL_MILLIS, () => {
        this.#settle({ final: false, all: false })
        safely(() => this.#health.look(false))
      })
    }
  }

  #settle(options: { readonly final: boolean; readonly all: boolean }): void {
    this.#late.tick()
    this.#late.release()
    safely(() => this.#late.translate(options))
    safely(() => this.#tracker.settle(options))
  }

  /** Events until the log is open are staged by {@link OpeningLog}. */
  #openOwnLog(location: string, options: OwnLogOptions): Promise<AuditLog> {
    this.#ownLog = openShared(location, options)
    this.attach(this.#ownLog)
    this.#health.keepFile(location, options.durability, () => this.#ownLog?.log?.ledger?.log)
    const note = () => safely(() => this.#health.noteInFile())
    this.#ownLog.opened.then(note, note)
    return this.#ownLog.opened
  }

  async #shutDown(): Promise<void> {
    this.#watch.stop()
    recordListeners().delete(this.#listener)
    this.#settle({ final: true, all: true })
    safely(() => this.#health.lookAtEnd())
    this.#attachments.isOver = true
    this.#diagnosis?.review(this.#attachments.size > 0)
    await tried(this.#attachments.all.map((attachment) => attachment.detach()))
    if (this.#ownLog) await tried([closeShared(this.#ownLog.location, this.#ownLog)])
    await this.#health.end()
  }
}
