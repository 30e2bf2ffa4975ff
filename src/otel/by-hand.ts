import type { Context, Span } from '@opentelemetry/api'
import type { RecordListener } from '../record/listeners.js'
import { toHrTime } from './hr-time.js'
import { spanIn } from './mirrored.js'
import { safely } from './problems.js'
import type { OpenSpan } from './span.js'
import type { SpanlessEvent } from './spanless-events.js'
import { BY_HAND } from './tracking/event-recorder.js'
import type { Tracker } from './tracking/tracker.js'
import type { ProviderWatch } from './watch/watch.js'

interface ByHandParts {
  readonly tracker: Tracker
  readonly watch: ProviderWatch
  readonly isOnIn: (context: Context) => boolean
  /** A span is in use. @returns whether a log is attached */
  readonly onUse: (span: Span) => boolean
  readonly onSpanlessEvent: (event: SpanlessEvent) => void
}

/** Creates the listener for the calls of `spanledger/record`, for a processor. */
export function createByHandListener({ tracker, watch, isOnIn, onUse, onSpanlessEvent }: ByHandParts): RecordListener {
  const { suppressions } = tracker
  return {
    hears: (span, attributes) => onUse(span as Span) && tracker.takes(span as OpenSpan & Span, attributes),
    onRecord: (name, attributes, time, context) => {
      if (tracker.hasJustTaken(attributes)) return
      // What a span has taken that is not recorded is counted with that span.
      const carrier = spanIn(context)
      if (carrier && suppressions.has(carrier) && !isOnIn(context)) return
      onSpanlessEvent({ name, attributes, time: toHrTime(time), context, origin: BY_HAND })
    },
    onSpanStarted: (span, name, attributes, context) => safely(() => watch.follow(span, { name, attributes, context })),
    onSwitchedOff: (flow, outer) => safely(() => suppressions.begin(flow, outer)),
    onSwitchedOn: (flow) => safely(() => suppressions.end(flow)),
    onSpanNotStarted: (context) => safely(() => suppressions.addSpanNotStarted(context)),
  }
}
