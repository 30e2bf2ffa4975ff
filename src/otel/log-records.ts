import { type Attributes, type Context, trace } from '@opentelemetry/api'
import { activeContext } from '../record/flow.js'
import { toHrTime } from './hr-time.js'
import type { LogRecordLike } from './log-record.js'
import type { AuditSpanProcessor } from './processor.js'
import type { InstrumentationScope } from './span.js'

export type { LogRecordLike } from './log-record.js'

/** The log record processor interface of `@opentelemetry/sdk-logs`. */
export interface LogRecordProcessorLike {
  onEmit(record: LogRecordLike, context?: Context): void
  forceFlush(): Promise<void>
  shutdown(): Promise<void>
}

const UNKNOWN_SCOPE: InstrumentationScope = Object.freeze({ name: 'unknown' })

/**
 * Records log records that carry an event name as what they are: events. OpenTelemetry is moving span events there, so
 * an instrumentation may say `spanledger.agent_handoff` with either. The logs and all settings are those of the span
 * processor, and a record finds its run through the span it was emitted in.
 *
 * @example
 * ```ts
 * const audit = new AuditSpanProcessor({ location: './audit' })
 * new NodeSDK({ spanProcessors: [audit], logRecordProcessors: [new AuditLogRecordProcessor(audit)] }).start()
 * ```
 */
export class AuditLogRecordProcessor implements LogRecordProcessorLike {
  readonly #audit: AuditSpanProcessor

  constructor(audit: AuditSpanProcessor) {
    if (typeof audit?.onOccurrence !== 'function')
      throw new TypeError('AuditLogRecordProcessor: expected an AuditSpanProcessor')
    this.#audit = audit
  }

  /** Log record processor hook. Never throws. */
  onEmit(record: LogRecordLike, context: Context = activeContext()): void {
    const name = record.eventName ?? record.attributes?.['event.name']
    if (typeof name !== 'string' || name === '' || !this.#audit.isNew(record)) return
    const { spanContext } = record
    const within = spanContext && !trace.getSpanContext(context) ? trace.setSpanContext(context, spanContext) : context
    const time = record.hrTime ?? toHrTime(undefined)
    this.#audit.onOccurrence(
      name,
      (record.attributes ?? {}) as Attributes,
      time,
      within,
      record.instrumentationScope ?? UNKNOWN_SCOPE,
    )
  }

  /** @see AuditSpanProcessor.forceFlush */
  forceFlush(): Promise<void> {
    return this.#audit.forceFlush()
  }

  /** Flushes. Shutting down is left to the span processor, which the SDK shuts down as well. */
  shutdown(): Promise<void> {
    return this.#audit.forceFlush()
  }
}
