import type { HrTime } from '@opentelemetry/api'
import type { InstrumentationScope } from './span.js'

/** The fields of a log record that a processor reads, common to `@opentelemetry/sdk-logs` 0.2xx and 3.x. */
export interface LogRecordLike {
  readonly eventName?: string | undefined
  readonly hrTime?: HrTime | undefined
  readonly attributes: Readonly<Record<string, unknown>>
  /** Read only where it is the name of the event. */
  readonly body?: unknown
  readonly resource?: { readonly attributes?: Readonly<Record<string, unknown>> | undefined } | undefined
  readonly spanContext?: { readonly traceId: string; readonly spanId: string; readonly traceFlags: number } | undefined
  readonly instrumentationScope?: InstrumentationScope | undefined
}
