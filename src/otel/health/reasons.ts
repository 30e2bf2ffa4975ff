import type { AuditHealthCode, AuditHealthReason } from './contract.js'

/** A first look after so long: an application has started by then. */
export const DIAGNOSIS_AFTER_MILLIS = 30_000

/** How much a reason costs: everything, a part, or nothing that is known of. */
type Effect = 'everything' | 'part' | 'unknown'

interface Meaning {
  readonly effect: Effect
  /** One line: the cause, and what mends it. */
  readonly message: string
}

/** In the order of their severity. */
const MEANINGS: Readonly<Record<AuditHealthCode, Meaning>> = {
  shut_down: {
    effect: 'everything',
    message: 'the processor is shut down, so nothing is recorded any more. Make a new AuditSpanProcessor',
  },
  switched_off: {
    effect: 'everything',
    message:
      'auditing is switched off, so nothing is recorded. Call `audit.setEnabled(true)`, or unset SPANLEDGER_ENABLED',
  },
  no_log: {
    effect: 'everything',
    message:
      'no log is attached, so nothing is recorded. Call `attach(await openAuditLog(…))`, or give the processor a `log` or a `location`',
  },
  log_unavailable: {
    effect: 'everything',
    message: 'the log could not be opened. Mend what the cause says',
  },
  no_provider: {
    effect: 'everything',
    message:
      'no tracer provider is registered, so no span reaches this processor. Call `new NodeSDK({ spanProcessors: [audit] }).start()` before the application is loaded',
  },
  foreign_provider: {
    effect: 'everything',
    message:
      'the global tracer provider does not have this processor, so spans pass it by. Give the processor to the provider that is registered first: `spanProcessors: [audit]` (Sentry: `openTelemetrySpanProcessors: [audit]`)',
  },
  log_failing: {
    effect: 'part',
    message: 'a log cannot be written. Mend what the cause says; writing is tried again',
  },
  spans_sampled_away: {
    effect: 'part',
    message:
      'spans were not recorded because of a sampler or of the traceparent header of a caller. Set `sampler: auditSampler(yours)` in the SDK',
  },
  no_context_manager: {
    effect: 'part',
    message:
      'no context manager is registered, so that spans are not linked with their parents. Call `context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())` of `@opentelemetry/context-async-hooks`',
  },
  log_opening: { effect: 'unknown', message: 'the log is still being opened. What happens meanwhile is kept' },
  no_span: {
    effect: 'unknown',
    message:
      'no span has been seen. Register this processor (`new NodeSDK({ spanProcessors: [audit] })`), start the SDK before ' +
      'the application is loaded, and look at the sampler: what is not sampled is not seen',
  },
  no_agent_span: {
    effect: 'unknown',
    message:
      'spans have been seen, but none of an agent. Switch the telemetry of the framework on (AI SDK 5 and 6: ' +
      '`experimental_telemetry: { isEnabled: true }` in each call; 7: `@ai-sdk/otel`), or register its instrumentation',
  },
}

const SEVERITY = Object.keys(MEANINGS)

/** Returns what a reason means, in one line. */
export function meaningOf(code: AuditHealthCode): string {
  return MEANINGS[code].message
}

/** Returns a reason; what is known of this very case comes before its meaning. */
export function reason(
  code: AuditHealthCode,
  more: Omit<AuditHealthReason, 'code' | 'message'> = {},
): AuditHealthReason {
  const { cause, spans, attachment } = more
  const known = [
    ...(attachment === undefined ? [] : [`'${attachment}'`]),
    ...(spans === undefined ? [] : [`${spans} span${spans === 1 ? '' : 's'}`]),
    ...(cause === undefined ? [] : [causeText(cause)]),
  ]
  const message = known.length === 0 ? meaningOf(code) : `${meaningOf(code)} (${known.join(', ')})`
  return { code, message, ...more }
}

/** Sorts reasons, the most severe first. */
export function bySeverity(reasons: readonly AuditHealthReason[]): readonly AuditHealthReason[] {
  return [...reasons].sort((one, other) => SEVERITY.indexOf(one.code) - SEVERITY.indexOf(other.code))
}

/** Returns how much a reason costs where nothing softens it. */
export function effectOf(code: AuditHealthCode): Effect {
  return MEANINGS[code].effect
}

/** Longer causes are not repeated in full. */
const MAX_CAUSE_LENGTH = 300

function causeText(cause: unknown): string {
  const text = cause instanceof Error ? cause.message : String(cause)
  return text.length > MAX_CAUSE_LENGTH ? `${text.slice(0, MAX_CAUSE_LENGTH)}…` : text
}
