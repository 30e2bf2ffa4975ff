import type {
  AuditHealth,
  AuditHealthCode,
  AuditHealthCounts,
  AuditHealthReason,
  ProviderReport,
  WatchedAttachment,
} from './contract.js'
import { hasContextManager, hasGlobalProvider } from './global-api.js'
import { bySeverity, effectOf, reason } from './reasons.js'

/** The moments at which the watch looks: now and then, once an application has started, or at the end of the process or the processor. */
export type Occasion = 'look' | 'started' | 'exit' | 'shutdown'

export interface HealthParts {
  readonly attachments: () => readonly WatchedAttachment[]
  /** Says who has switched auditing off outside of contexts. */
  readonly switchedOffBy: () => 'process' | 'environment' | undefined
  readonly isShutDown: () => boolean
  readonly provider: () => ProviderReport
  readonly warn: (reason: AuditHealthReason, status: AuditHealth['status']) => void
}

const NOTHING_DROPPED: Readonly<Record<string, number>> = Object.freeze({})

/**
 * Watches whether a process is audited: counts what comes, and finds the reasons why something does not. Each reason is
 * warned of once, and only where it is certain: an application that has just started, or is idle, is all right.
 */
export class HealthWatch {
  /** Spans that have started or were delivered. A plain field: counting costs a span next to nothing. */
  spans = 0
  /** Spans of agents. */
  agentSpans = 0
  /** Events handed to the attached logs. */
  events = 0
  /** Events that came without a span: recorded by hand, and log records. */
  occurrences = 0
  /** Spans come from somebody else than a tracer provider. */
  isFedDirectly = false
  /** A log has been attached at some time. */
  hasBeenAttached = false

  readonly #parts: HealthParts
  /** Spans in use by hand that are recorded, and that the processor was not told of. */
  readonly #strangers = new WeakSet<object>()
  #missed = 0
  /** An application has had the time to start. */
  #hasStarted = false

  constructor(parts: HealthParts) {
    this.#parts = parts
  }

  /** Returns what is known by now. */
  read(): AuditHealth {
    const counts = this.#counts()
    const reasons = this.#parts.isShutDown()
      ? [reason('shut_down')]
      : bySeverity([...this.#reasonsOfLogs(), ...this.#reasonsOfSource(counts)])
    return { status: this.#statusOf(reasons), reasons, counts }
  }

  /** Warns of what is certain by now. */
  review(occasion: Occasion): void {
    if (occasion !== 'look') this.#hasStarted = true
    const { reasons, status } = this.read()
    for (const each of reasons) if (this.#isCertain(each)) this.#parts.warn(each, status)
  }

  /** A span is in use by hand, while a log is attached. While none has come to the processor, it is one of a provider out of sight. */
  takeSpanInUse(span: { isRecording(): boolean }): void {
    if (this.spans > 0 || this.#strangers.has(span) || !span.isRecording()) return
    this.#strangers.add(span)
    this.#missed++
  }

  /** Something has come, in whatever way. */
  get #isHeard(): boolean {
    return this.spans > 0 || this.occurrences > 0 || this.events > 0 || this.isFedDirectly
  }

  #counts(): AuditHealthCounts {
    let dropped = 0
    for (const { log } of this.#parts.attachments()) {
      for (const count of Object.values(log.counters?.().dropped ?? NOTHING_DROPPED)) dropped += count
    }
    const { spans, agentSpans, events } = this
    return { spans, agentSpans, events, dropped, ...this.#parts.provider(), missed: this.#missed }
  }

  #reasonsOfLogs(): AuditHealthReason[] {
    const attachments = this.#parts.attachments()
    const reasons = attachments.length === 0 ? [reason('no_log')] : attachments.flatMap((each) => this.#reasonOf(each))
    return this.#parts.switchedOffBy() ? [reason('switched_off'), ...reasons] : reasons
  }

  #reasonOf({ id, log }: WatchedAttachment): AuditHealthReason[] {
    const { status, cause } = log.health?.() ?? { status: 'ok' }
    if (status === 'ok') return []
    if (cause === 'opening') return [reason('log_opening', { attachment: id })]
    const said = { attachment: id, cause: cause ?? `it is ${status}` }
    return [reason(log.isUnopened ? 'log_unavailable' : 'log_failing', said)]
  }

  #reasonsOfSource({ spans, suppressed, missed }: AuditHealthCounts): AuditHealthReason[] {
    const reasons: AuditHealthReason[] = []
    if (missed > 0) reasons.push(reason('foreign_provider', { spans: missed }))
    // Who feeds the processor without an SDK links spans without it as well.
    const needsContexts = spans > 0 && !this.isFedDirectly && hasGlobalProvider()
    if (needsContexts && !hasContextManager()) reasons.push(reason('no_context_manager'))
    if (this.#isHeard) {
      const isAgentAwaited =
        this.agentSpans === 0 && this.events === 0 && this.hasBeenAttached && !this.#parts.switchedOffBy()
      if (isAgentAwaited && spans > 0) reasons.push(reason('no_agent_span'))
    } else if (suppressed > 0) reasons.push(reason('tracing_suppressed', { spans: suppressed }))
    else if (!hasGlobalProvider()) reasons.push(reason('no_provider'))
    else reasons.push(reason('no_span'))
    return reasons
  }

  #statusOf(reasons: readonly AuditHealthReason[]): AuditHealth['status'] {
    if (reasons.some(({ code }) => this.#costsEverything(code))) return 'unaudited'
    if (reasons.some(({ code }) => effectOf(code) !== 'unknown')) return 'impaired'
    return reasons.length > 0 || (this.agentSpans === 0 && this.events === 0) ? 'waiting' : 'audited'
  }

  #costsEverything(code: AuditHealthCode): boolean {
    if (code === 'log_unavailable') {
      return this.#parts.attachments().every((each) => this.#reasonOf(each)[0]?.code === 'log_unavailable')
    }
    return effectOf(code) === 'everything'
  }

  /** Tells whether a reason is no passing state and nobody's intention. */
  #isCertain({ code, cause }: AuditHealthReason): boolean {
    switch (code) {
      case 'foreign_provider':
        return true
      case 'no_context_manager':
        return this.agentSpans > 0
      case 'log_failing':
        return cause !== 'it is closed'
      case 'no_log':
        // One that was detached was meant to be.
        return this.#hasStarted && this.spans > 0 && !this.hasBeenAttached
      case 'switched_off':
        return this.#hasStarted && this.#parts.switchedOffBy() === 'environment'
      default:
        // Whoever opens the log warns of that; spans and agents may come; the rest is a passing state.
        return false
    }
  }
}
