import type { Context } from '@opentelemetry/api'
import type { OpenSpan, SpanLike } from '../span.js'

/** A span processor that wants to see every span which may be an agent's. */
export interface SpanAudience {
  /** Tells whether auditing is on in a context. */
  isOnIn(context: Context): boolean
  /** Tells whether it has seen the span start. */
  hasSeen(span: object): boolean
  onStart(span: OpenSpan, context: Context): void
  onEnd(span: SpanLike): void
}

/** A processor, and what it was shown. */
export class Watcher {
  readonly audience: SpanAudience
  /** A log is attached, so that something is recorded. */
  isRecording = false
  /** The span that last reached `onStart` of the processor, whoever called it. */
  lastSeen: object | undefined = undefined
  /** Spans that it was shown a shadow of, since no provider recorded them. */
  shadows = 0
  /** Recording spans that it was shown, since none of its hooks was called for them. */
  observed = 0
  /** Spans that it was not shown, since tracing is suppressed where they started. */
  suppressed = 0

  constructor(audience: SpanAudience) {
    this.audience = audience
  }
}

/** The processors of this process that are not shut down. */
export const watchers: Watcher[] = []

/** Tells whether the span that was started last is known to every processor with a log. It is asked for each span. */
export function isSeen(span: object): boolean {
  for (const watcher of watchers) if (watcher.lastSeen !== span && watcher.isRecording) return false
  return true
}
