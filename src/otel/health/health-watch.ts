import type {
  AuditHealth,
  AuditHealthCode,
  AuditHealthCounts,
  AuditHealthReason,
  ProviderReport,
  WatchedAttachment,
} from './contract.js'
import { flushGlobalProvider, hasContextManager, hasGlobalProvider } from './global-api.js'
import { bySeverity, DIAGNOSIS_AFTER_MILLIS, effectOf, reason } from './reasons.js'

/** When the watch looks: now and then, at the end of the process, or at the shutdown of the processor. */
export type Occasion = 'look' | 'exit' | 'shutdown'

export interface HealthParts {
  readonly attachments: () => readonly WatchedAttachment[]
  /** Says who has switched auditing off outside of contexts. */
  readonly switchedOffBy: () => 'process' | 'environment' | undefined
  readonly isShutDown: () => boolean
  readonly provider: () => ProviderReport
  readonly warn: (reason: AuditHealthReason, status: AuditHealth['status']) => void
  /** `process.uptime`: a test that moves the clocks on does not move this one. */
  readonly uptimeSeconds: () => number
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
  /** What came without a span: recorded by hand, and log records. */
  occurrences = 0
  /** Calls of the processor's `forceFlush`. */
  flushes = 0
  /** Spans come from somebody else than a tracer provider. */
  isFedDirectly = false
  /** A log has been attached at some time. */
  hasBeenAttached = false

  readonly #parts: HealthParts
  /** Spans in use by hand that are recorded, and that the processor was not told of. */
  readonly #strangers = new WeakSet<object>()
  #strangerCount = 0
  readonly #madeAtSeconds: number
  /** The global provider was flushed, and this processor was not. */
  #isElsewhere = false
  /** Nobody can tell whether the global provider has this processor. */
  #isUnknowable = false

  constructor(parts: HealthParts) {
    this.#parts = parts
    this.#madeAtSeconds = parts.uptimeSeconds()
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
    const { reasons, status } = this.read()
    const isPastGrace = occasion !== 'look' || this.#isPastGrace()
    for (const each of reasons) if (this.#isCertain(each, isPastGrace)) this.#parts.warn(each, status)
  }

  /** Does the same once an application has started. Where no span has come, it finds out whether any could. */
  async reviewAfterGrace(): Promise<void> {
    // A test has moved the clocks on.
    if (!this.#isPastGrace() || this.#parts.isShutDown()) return
    if (!this.#isHeard && this.#parts.attachments().length > 0 && hasGlobalProvider()) await this.#probe()
    if (!this.#parts.isShutDown()) this.review('look')
  }

  /** A span is in use by hand. While none has come to the processor, it is another provider's. */
  noteInUse(span: { isRecording(): boolean }): void {
    if (this.spans > 0 || this.#strangers.has(span) || !span.isRecording()) return
    this.#strangers.add(span)
    this.#strangerCount++
  }

  /** Spans that other providers have recorded. */
  get foreign(): number {
    return Math.max(this.#strangerCount, this.#parts.provider().foreign)
  }

  /** Something has come, in whatever way. */
  get #isHeard(): boolean {
    return this.spans > 0 || this.occurrences > 0 || this.events > 0 || this.isFedDirectly
  }

  #isPastGrace(): boolean {
    return (this.#parts.uptimeSeconds() - this.#madeAtSeconds) * 1000 >= DIAGNOSIS_AFTER_MILLIS - 1000
  }

  async #probe(): Promise<void> {
    const before = this.flushes
    const canTell = await flushGlobalProvider()
    this.#isElsewhere = canTell && this.flushes === before
    this.#isUnknowable = !canTell
  }

  #counts(): AuditHealthCounts {
    let dropped = 0
    for (const { log } of this.#parts.attachments()) {
      for (const count of Object.values(log.stats?.().dropped ?? NOTHING_DROPPED)) dropped += count
    }
    const { spans, agentSpans, events, foreign } = this
    return { spans, agentSpans, events, dropped, sampledAway: this.#parts.provider().sampledAway, foreign }
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

  #reasonsOfSource({ spans, sampledAway, foreign }: AuditHealthCounts): AuditHealthReason[] {
    const reasons: AuditHealthReason[] = []
    const isCovered = this.#parts.provider().coversEveryProvider
    const isElsewhere = this.#isElsewhere && !this.#isHeard && !isCovered
    if (foreign > 0) reasons.push(reason('foreign_provider', { spans: foreign }))
    else if (isElsewhere) reasons.push(reason('foreign_provider'))
    if (sampledAway > 0) reasons.push(reason('spans_sampled_away', { spans: sampledAway }))
    // Who feeds the processor without an SDK links spans without it as well.
    const needsContexts = spans > 0 && !this.isFedDirectly && hasGlobalProvider()
    if (needsContexts && !hasContextManager()) reasons.push(reason('no_context_manager'))
    if (this.#isHeard) {
      const isAgentAwaited =
        this.agentSpans === 0 && this.events === 0 && this.hasBeenAttached && !this.#parts.switchedOffBy()
      if (isAgentAwaited && spans > 0) reasons.push(reason('no_agent_span'))
    } else if (!isCovered && !hasGlobalProvider()) reasons.push(reason('no_provider'))
    else if (reasons.length === 0) reasons.push(reason('no_span'))
    return reasons
  }

  #statusOf(reasons: readonly AuditHealthReason[]): AuditHealth['status'] {
    if (reasons.some(({ code }) => this.#costsEverything(code))) return 'unaudited'
    if (reasons.some(({ code }) => effectOf(code) !== 'unknown')) return 'impaired'
    return reasons.length > 0 || (this.agentSpans === 0 && this.events === 0) ? 'waiting' : 'audited'
  }

  #costsEverything(code: AuditHealthCode): boolean {
    if (code === 'foreign_provider' || code === 'spans_sampled_away') return !this.#isHeard
    if (code === 'log_unavailable') {
      return this.#parts.attachments().every((each) => this.#reasonOf(each)[0]?.code === 'log_unavailable')
    }
    return effectOf(code) === 'everything'
  }

  /** Tells whether a reason is no passing state and nobody's intention. */
  #isCertain({ code, cause }: AuditHealthReason, isPastGrace: boolean): boolean {
    switch (code) {
      case 'foreign_provider':
      case 'spans_sampled_away':
        return true
      case 'no_context_manager':
        return this.agentSpans > 0
      case 'log_failing':
        return cause !== 'it is closed'
      case 'no_log':
        // One that was detached was meant to be.
        return isPastGrace && this.spans > 0 && !this.hasBeenAttached
      case 'switched_off':
        return isPastGrace && this.#parts.switchedOffBy() === 'environment'
      case 'no_provider':
        return isPastGrace && this.#parts.attachments().length > 0
      case 'no_span':
        return this.#isUnknowable
      default:
        // Whoever opens the log warns of that; an agent may come; the rest is a passing state.
        return false
    }
  }
}
