import type { Attributes } from '@opentelemetry/api'
import type { Timestamp } from '../../../events/index.js'
import type { InstrumentationScope } from '../../span.js'
import type { Activity } from './activity.js'
import type { ConventionState } from './ancestors.js'

/** A named event of OpenTelemetry: one added to a span, or a log record with an event name. */
export interface TelemetryEvent {
  readonly name: string
  readonly attributes: Attributes
  readonly scope: InstrumentationScope
  /** The activity of the span it happened in, if one was recognised. */
  readonly activity: Activity | undefined
  /** State that conventions keep for the life of the run it happened in. */
  readonly runState?: ConventionState | undefined
  /** The event came as a log record. */
  readonly isLogRecord?: boolean | undefined
  readonly time?: Timestamp | undefined
  /** Attributes of the resource of a log record. */
  readonly resource?: Attributes | undefined
  /** The ids of the span it happened in. */
  readonly span?: { readonly traceId: string; readonly spanId: string } | undefined
}
