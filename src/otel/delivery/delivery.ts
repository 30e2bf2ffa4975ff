import type { LogRecordLike } from '../log-record.js'
import type { SpanLike } from '../span.js'

/** Spans and log records that are delivered after the fact: read from a file, or sent by another process. */
export interface Delivery {
  /** Whole spans that have ended, in any order. Each is copied; one that is no span, or has not ended, is left out. */
  readonly spans?: readonly SpanLike[] | undefined
  /** Log records that carry an event name; others say nothing. */
  readonly logRecords?: readonly LogRecordLike[] | undefined
  /**
   * Names the sender where several deliver. A span's parent, and what was delivered before, is looked for among what the
   * same sender delivered: nobody can write into the runs of another by sending equal ids. The id of a run that is taken
   * already gets a suffix that names the sender.
   *
   * @defaultValue one sender for all
   */
  readonly source?: string | undefined
}

/** The numbers of delivered spans and log records, by what became of them. */
export interface DeliveryResult {
  /** Spans and log records that are, or will be, translated. 0 while no log is attached or auditing is off. */
  readonly accepted: number
  /** Spans and log records that had come before, live or by a delivery. */
  readonly repeated: number
  /** Items that are no span or log record, and spans that have not ended; also counted in an `events_dropped` event. */
  readonly malformed: number
}
