import type { HrTime } from '@opentelemetry/api'
import type { InstrumentationScope } from './span.js'

/** The part of a log record that is needed: the structure that `@opentelemetry/sdk-logs` 0.2xx and 3.x share. */
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
