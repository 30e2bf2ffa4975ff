import { type Attributes, type Context, type HrTime, trace } from '@opentelemetry/api'
import { type EventSource, timestampFromHrTime } from '../../events/index.js'
import { type CallerClaims, partFacts } from '../caller-claims.js'
import type { Convention, ScopeIds, TelemetryEvent } from '../conventions/contract.js'
import type { LogOrigin, SpanLike } from '../span.js'
import type { Ask } from './ask.js'
import { sourceOf } from './emitter.js'
import type { ReportQueue } from './report-queue.js'
import type { Senders } from './senders.js'

/** The origin of a report: a span, or a log record. */
interface ReportOrigin {
  readonly time: HrTime
  readonly context: Context | undefined
  readonly span: SpanLike | undefined
  readonly scope: LogOrigin
}

/** Reads events in which agents report runs that no span need carry. */
export class EventReports {
  readonly #ask: Ask
  readonly #queue: ReportQueue
  readonly #senders: Senders
  readonly #callers: CallerClaims

  constructor(ask: Ask, queue: ReportQueue, senders: Senders, callers: CallerClaims) {
    this.#ask = ask
    this.#callers = callers
    this.#senders = senders
    this.#queue = queue
  }

  /** @returns false where the event reports no run */
  read(convention: Convention, event: TelemetryEvent, origin: ReportOrigin): boolean {
    if (!convention.report) return false
    const { context, span, scope } = origin
    const { resource } = scope
    const time = timestampFromHrTime(origin.time)
    const ids = span?.spanContext() ?? (context && trace.getSpanContext(context))
    const occurrence = { ...event, time, span: ids, isLogRecord: !span, resource }
    const found = this.#ask(() => convention.report?.(occurrence))
    if (!found) return false
    const report = { ...found, scope: this.#scopeOf(found.scope, event, context) }
    const source = span ? sourceOf(convention.name, span) : logSource(convention.name, scope)
    const { current: sender } = this.#senders
    this.#queue.add({ report, time, source, signal: span ? 'span' : 'log', sender }, occurrence)
    return true
  }

  /** The scope of a report: by the application's own names first, without what only repeats the baggage of a caller. */
  #scopeOf(reported: ScopeIds | undefined, { attributes }: TelemetryEvent, context: Context | undefined): ScopeIds {
    const named = this.#callers.names?.scopeIn(attributes)
    const facts = {
      ...reported,
      tenantId: named?.tenantId ?? reported?.tenantId,
      userId: named?.userId ?? reported?.userId,
    }
    const baggage = context && this.#callers.read(context).baggage
    return baggage ? partFacts(facts, attributes, baggage, { own: undefined, enclosing: undefined }).own : facts
  }
}

/** The name of an event. Where the code around it has named it by its place in the source, it stands in an attribute. */
export function eventNameOf(name: string, attributes: Attributes): string {
  if (!name.startsWith('event ')) return name
  const named = attributes['event.name']
  return typeof named === 'string' && named !== '' ? named : name
}

function logSource(convention: string, scope: LogOrigin): EventSource {
  const service = scope.resource?.['service.name']
  return {
    convention,
    scope: scope.name,
    scopeVersion: scope.version,
    service: typeof service === 'string' ? service : undefined,
  }
}
