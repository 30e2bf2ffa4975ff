import type { AuditHealthCode, AuditHealthReason } from './contract.js'

/** A first look after so long: an application has started by then. */
export const DIAGNOSIS_AFTER_MILLIS = 30_000

/** The loss that a reason stands for: everything, a part, or nothing that is known of. */
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
    message: 'the log could not be opened, or its directory is gone. Mend what the cause says',
  },
  log_failing: {
    effect: 'part',
    message: 'a log cannot be written. Mend what the cause says; writing is tried again',
  },
  foreign_provider: {
    effect: 'part',
    message:
      'spans are in use of a tracer provider that is not the global one and does not have this processor, so they pass it by. ' +
      'Give the processor to that provider as well: `spanProcessors: [audit]`',
  },
  no_context_manager: {
    effect: 'part',
    message:
      'no context manager is registered, so that spans are not linked with their parents. Call `context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())` of `@opentelemetry/context-async-hooks`',
  },
  log_opening: { effect: 'unknown', message: 'the log is still being opened. What happens meanwhile is kept' },
  no_provider: {
    effect: 'unknown',
    message:
      'nothing has been seen, and no tracer provider is registered. Set OpenTelemetry up before the application is loaded: ' +
      '`new NodeSDK({ spanProcessors: [audit] }).start()`',
  },
  tracing_suppressed: {
    effect: 'unknown',
    message:
      'no spans have been seen but some that were started where tracing is suppressed, which are not audited. ' +
      'Run agents outside of `suppressTracing`',
  },
  no_span: {
    effect: 'unknown',
    message:
      'no span has been seen. Load and start OpenTelemetry before the application, and switch the telemetry of the framework ' +
      'on; give this processor to a tracer provider that is not global (`spanProcessors: [audit]`)',
  },
  no_agent_span: {
    effect: 'unknown',
    message:
      'spans have been seen, but none of an agent. Switch the telemetry of the framework on (AI SDK 5 and 6: ' +
      '`experimental_telemetry: { isEnabled: true }` in each call; 7: `@ai-sdk/otel`), or register its instrumentation',
  },
}

const SEVERITY = Object.keys(MEANINGS)

/** Agents are awaited, and Sentry keeps them away. It registers no provider by default. */
const SENTRY_MAY_CAUSE: ReadonlySet<AuditHealthCode> = new Set(['no_provider', 'no_span', 'no_agent_span'])
const SENTRY =
  '. Sentry 11 can switch the telemetry of the AI SDK off; leave its integration out: ' +
  "`Sentry.init({ integrations: (all) => all.filter(({ name }) => name !== 'VercelAI') })`"

/** Returns what a reason means, in one line. */
export function meaningOf(code: AuditHealthCode): string {
  const { message } = MEANINGS[code]
  return SENTRY_MAY_CAUSE.has(code) && isSentry11() ? message + SENTRY : message
}

/** Sentry keeps what its copies share in a global object, with the version of the first of them. */
function isSentry11(): boolean {
  const { __SENTRY__: carrier } = globalThis as { __SENTRY__?: { readonly version?: unknown } | null }
  return Number.parseInt(String(carrier?.version), 10) >= 11
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
