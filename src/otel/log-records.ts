import { type Attributes, type Context, trace } from '@opentelemetry/api'
import { activeContext } from '../record/flow.js'
import { toHrTime } from './hr-time.js'
import type { LogRecordLike } from './log-record.js'
import { safely, tried } from './problems.js'
import type { InstrumentationScope } from './span.js'
import {
  isSpanlessEventSink,
  SPANLESS_EVENTS,
  type SpanlessEventReceiver,
  type SpanlessEventSink,
} from './spanless-events.js'

export type { LogRecordLike } from './log-record.js'

/** The log record processor interface of `@opentelemetry/sdk-logs`. */
export interface LogRecordProcessorLike {
  onEmit(record: LogRecordLike, context?: Context): void
  forceFlush(): Promise<void>
  shutdown(): Promise<void>
}

/** A body that is longer is no name. */
const MAX_NAME_LENGTH = 256

const UNKNOWN_SCOPE: InstrumentationScope = Object.freeze({ name: 'unknown' })

/**
 * A log record processor that records named log records as audit events. OpenTelemetry is moving span events there, so
 * an instrumentation may say `spanledger.agent_handoff` with either. The logs and all settings are those of the span
 * processor, and a record finds its run through the span it was emitted in. Agents on a command line (Claude Code,
 * Codex, Gemini CLI, Qwen Code) tell of whole runs so: their records name the run by ids, and need no span.
 *
 * @example
 * ```ts
 * const audit = new AuditSpanProcessor({ location: './audit' })
 * new NodeSDK({ spanProcessors: [audit], logRecordProcessors: [new AuditLogRecordProcessor(audit)] }).start()
 * ```
 */
export class AuditLogRecordProcessor implements LogRecordProcessorLike {
  readonly #audit: SpanlessEventSink

  /**
   * @param audit - the `AuditSpanProcessor` whose logs and settings count
   * @throws TypeError when it is none
   */
  constructor(audit: SpanlessEventSink) {
    if (!isSpanlessEventSink(audit)) throw new TypeError('AuditLogRecordProcessor: expected an AuditSpanProcessor')
    this.#audit = audit
  }

  /** Log record processor hook. Never throws. */
  onEmit(record: LogRecordLike, context: Context = activeContext()): void {
    safely(() => receiveLogRecord(this.#audit[SPANLESS_EVENTS], record, context))
  }

  /** @see AuditSpanProcessor.forceFlush */
  async forceFlush(): Promise<void> {
    // A span processor of another copy of the package may fail where this one does not.
    await tried([(async () => this.#audit.forceFlush())()])
  }

  /** Flushes. Shutting down is left to the span processor, which the SDK shuts down as well. */
  async shutdown(): Promise<void> {
    await this.forceFlush()
  }
}

/** Records a log record as an event, if it carries the name of one. */
export function receiveLogRecord(receiver: SpanlessEventReceiver, record: LogRecordLike, context: Context): void {
  // Attacker-controlled: a log record, which may repeat what a client said; a name from its body has at most 256
  // characters, and conventions read its attributes bounded.
  const name = eventNameOf(record)
  if (name === undefined) return
  const { spanContext } = record
  const within = spanContext && !trace.getSpanContext(context) ? trace.setSpanContext(context, spanContext) : context
  const resource = record.resource?.attributes as Attributes
  receiver.receive(
    {
      name,
      attributes: (record.attributes ?? {}) as Attributes,
      time: record.hrTime ?? toHrTime(undefined),
      context: within,
      origin: { ...namedScope(record.instrumentationScope), resource },
    },
    record,
  )
}

/** An emitter without an SDK may hand over anything as its scope. */
function namedScope(scope: InstrumentationScope | undefined): InstrumentationScope {
  return typeof scope?.name === 'string' ? scope : { ...scope, ...UNKNOWN_SCOPE }
}

/**
 * The name of the event: its own, an attribute, or the body where that repeats the attribute with the emitter's prefix. A
 * name that is a place in a source file is none.
 */
function eventNameOf({ eventName, attributes, body }: LogRecordLike): string | undefined {
  if (typeof eventName === 'string' && eventName !== '' && !eventName.includes(' ')) return eventName
  const name = attributes?.['event.name']
  if (typeof name !== 'string' || name === '') return undefined
  return typeof body === 'string' && body.length <= MAX_NAME_LENGTH && body.endsWith(`.${name}`) ? body : name
}
