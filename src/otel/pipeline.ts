import type { Context, HrTime, Span } from '@opentelemetry/api'
import { orKept } from '../record/flow.js'
import { type RecordListener, recordListeners } from '../record/listeners.js'
import { startUnrefInterval } from '../timers/real-timers.js'
import { Attachments } from './attachments.js'
import { createByHandListener } from './by-hand.js'
import { builtInConventions } from './conventions/index.js'
import { malformedAt } from './delivery/deliveries.js'
import type { Delivery, DeliveryResult } from './delivery/delivery.js'
import { LatePath } from './delivery/late-path.js'
import { AuditSwitch, switchedOn } from './enabled.js'
import { explainThroughDiag, startDiagnosis } from './explaining.js'
import { ProcessHealth } from './health/process-health.js'
import { toHrTime } from './hr-time.js'
import { LiveSpans } from './live-spans.js'
import { receiveLogRecord } from './log-records.js'
import type { ResolvedProcessorOptions } from './options.js'
import { reportProblem, safely } from './problems.js'
import type { OpenSpan, SpanLike } from './span.js'
import { SpanlessEvents } from './spanless-events.js'
import type { Diagnosis } from './tracking/diagnosis.js'
import { Tracker } from './tracking/tracker.js'
import { ProviderWatch } from './watch/watch.js'

/** The interval at which runs are checked for having been left open. */
const SETTLE_INTERVAL_MILLIS = 5_000
/** The clock of a span may lag behind that of the process: an event too many is better than one too few. */
const CLOCK_SLACK_MILLIS = 2

/**
 * The parts of a span processor, put together:
 *
 *     span hooks ─┬─▶ LiveSpans ──────┐
 *                 └─▶ LatePath ───────┤
 *     deliver ──────▶ LatePath ───────┼─▶ Tracker ──▶ Attachments ──▶ logs
 *     ProviderWatch ─▶ span hooks     │
 *     record*, log records ─▶ SpanlessEvents
 */
export class AuditPipeline {
  readonly attachments: Attachments
  readonly health: ProcessHealth
  readonly spanlessEvents: SpanlessEvents
  readonly #tracker: Tracker
  readonly #late: LatePath
  readonly #live: LiveSpans
  readonly #switch = new AuditSwitch(switchedOn('SPANLEDGER_ENABLED'))
  readonly #listener: RecordListener
  readonly #watch: ProviderWatch
  /** Set while spans are explained. */
  readonly #diagnosis: Diagnosis | undefined
  #attachedAt: HrTime = [0, 0]
  #endSettling: (() => void) | undefined = undefined

  constructor(options: ResolvedProcessorOptions, isShutDown: () => boolean) {
    const isRecording = () => this.isRecording
    const isOnIn = (context: Context) => this.isOnIn(context)
    this.health = new ProcessHealth({
      attachments: () => this.attachments.all,
      switchedOffBy: () => this.#switch.switchedOffBy,
      isShutDown,
      state: (event) => this.attachments.state(event),
      onProblem: reportProblem,
    })
    const counts = this.health.watch
    const onExplain = options.onExplain ?? explainThroughDiag()
    this.#diagnosis = onExplain && startDiagnosis(counts, () => (isShutDown() ? undefined : this.isRecording))
    this.#tracker = new Tracker({
      ...options,
      conventions: [...options.conventions, ...builtInConventions],
      onExplain,
      onAgentSpan: () => void counts.agentSpans++,
      outlet: {
        publish: (event) => {
          counts.events++
          this.attachments.publish(event)
        },
        state: (statement) => this.attachments.state(statement),
      },
      onProblem: reportProblem,
      nowMillis: Date.now,
      isRecording,
      isOnIn,
      since: () => this.#attachedAt,
    })
    this.#live = new LiveSpans({ tracker: this.#tracker, isRecording, isOnIn })
    this.attachments = this.#createAttachments()
    this.spanlessEvents = this.#createSpanlessEvents()
    this.#late = new LatePath({
      tracker: this.#tracker,
      waitMillis: options.deliveryWaitMillis,
      nowMillis: Date.now,
      isRecording,
      isOnIn,
      onLive: (span, context) => this.#live.start(span, context),
      onSecondRegistration: () => this.#live.warnOfSecondRegistration(),
      onLogRecord: (record, context) => receiveLogRecord(this.spanlessEvents, record, context),
      onMalformed: (count) => this.attachments.state({ type: 'events_dropped', data: malformedAt(count, Date.now()) }),
      onProblem: reportProblem,
    })
    this.#watch = this.#watchProvider()
    this.health.askAboutProvider(() => this.#watch.report())
    this.#listener = createByHandListener({
      tracker: this.#tracker,
      watch: this.#watch,
      isOnIn,
      onUse: (span) => this.#onUse(span),
      onSpanlessEvent: (event) => this.spanlessEvents.receive(event),
    })
    recordListeners().add(this.#listener)
  }

  /** A log is attached. */
  get isRecording(): boolean {
    return this.attachments.size > 0
  }

  /** Tells whether auditing is on in a context. */
  isOnIn(context: Context): boolean {
    return this.#switch.isOnIn(context)
  }

  /** Switches recording on or off, which the attached logs record. */
  setEnabled(enabled: boolean): void {
    if (!this.#switch.set(enabled) || !this.isRecording) return
    if (enabled) this.#tracker.suppressions.hurry()
    const name = enabled ? 'auditing_enabled' : 'auditing_disabled'
    this.attachments.state({ type: 'custom', data: { name } })
  }

  /** Takes what is delivered after the fact: see `AuditSpanProcessor.deliver`. */
  deliver(delivery: Delivery): DeliveryResult {
    const result = this.#late.deliver(delivery)
    this.health.watch.spans += result.accepted
    return result
  }

  /** Takes the start of a span. Never throws. */
  onStart(span: OpenSpan, parentContext: Context): void {
    this.#watch.onStart(span)
    try {
      this.health.watch.spans++
      this.#diagnosis?.onStart(span, this.isRecording)
      const context = orKept(parentContext)
      if (!this.#late.takesStart(span, context)) this.#live.start(span, context)
    } catch (problem) {
      reportProblem(problem)
    }
  }

  /** Takes the end of a span. Never throws. */
  onEnd(span: SpanLike): void {
    try {
      const isBackdated = this.#late.seesEnd(span)
      this.#diagnosis?.onEnd(span)
      if (!this.#live.end(span) && !this.#late.takesEnd(span, isBackdated)) this.#tracker.endUnfollowed(span)
    } catch (problem) {
      reportProblem(problem)
    }
  }

  /** Records everything that has come by now. */
  drain(): void {
    this.#settle({ final: false, all: true })
    this.#diagnosis?.review(this.isRecording)
  }

  /** Ends the runs that are open, and takes nothing more from the provider and from `record*`. */
  end(): void {
    this.#watch.stop()
    recordListeners().delete(this.#listener)
    this.#settle({ final: true, all: true })
    safely(() => this.health.lookAtEnd())
    this.attachments.isOver = true
    this.#diagnosis?.review(this.isRecording)
  }

  #createAttachments(): Attachments {
    return new Attachments({
      openRuns: () => {
        this.#late.release()
        this.#tracker.drain()
        return this.#tracker.openRuns
      },
      runsNow: () => this.#tracker.openRuns,
      onDetaching: () => {
        this.#settle({ final: false, all: true })
        safely(() => this.health.look(true))
      },
      onProblem: reportProblem,
      onChange: () => this.#onAttachmentsChange(),
    })
  }

  #createSpanlessEvents(): SpanlessEvents {
    return new SpanlessEvents({
      isRecording: () => this.isRecording,
      isOnIn: (context) => this.isOnIn(context),
      onEvent: () => void this.health.watch.occurrences++,
      onBeforeEvent: () => this.#late.release(),
      record: ({ origin, ...event }) => this.#tracker.record({ ...event, carrier: origin }),
      suppress: (context) => this.#tracker.suppressions.addEvent(context),
    })
  }

  /** Watches for spans that no hook brings: sampled away, of another provider, or of none. */
  #watchProvider(): ProviderWatch {
    return new ProviderWatch({
      isOnIn: (context) => this.isOnIn(context),
      hasSeen: (span) => this.#tracker.follows(span) || this.#tracker.suppressions.has(span),
      onStart: (span, context) => this.onStart(span, context),
      onEnd: (span) => this.onEnd(span),
    })
  }

  #onUse(span: Span): boolean {
    this.#late.release()
    if (!this.isRecording) return false
    this.health.watch.takeSpanInUse(span)
    return true
  }

  #onAttachmentsChange(): void {
    this.#watch.isRecording = this.isRecording
    this.health.watch.hasBeenAttached ||= this.isRecording
    if (!this.isRecording) {
      this.#tracker.forgetSpanlessRuns()
      this.#endSettling?.()
      this.#endSettling = undefined
    } else if (this.#endSettling === undefined) {
      this.#late.tick()
      this.#attachedAt = toHrTime(Date.now() - CLOCK_SLACK_MILLIS)
      this.#endSettling = startUnrefInterval(SETTLE_INTERVAL_MILLIS, () => {
        this.#settle({ final: false, all: false })
        safely(() => this.health.look(false))
      })
    }
  }

  #settle(options: { readonly final: boolean; readonly all: boolean }): void {
    this.#late.tick()
    this.#late.release()
    safely(() => this.#late.translate(options))
    safely(() => this.#tracker.settle(options))
  }
}
