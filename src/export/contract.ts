import type { StoredEvent } from '../events/types.js'
import type { ContentChoice } from '../reader/content/choice.js'

/**
 * The export formats, each with its description.
 *
 * - `jsonl`: JSON Lines of the entries, byte for byte as they are stored, so without `seq`
 * - `events`: JSON Lines of the events as the reader gives them, with `seq`
 * - `csv`: RFC 4180, safe to open in a spreadsheet
 * - `cloudevents`: CloudEvents 1.0 in its JSON format, one a line
 * - `ocsf`: OCSF 1.8 or 1.9, one event a line
 * - `otlp`: OTLP/JSON logs, one `ExportLogsServiceRequest` a line
 * - `parquet`: Apache Parquet; needs the package `hyparquet-writer`
 */
export const EXPORT_FORMATS = ['jsonl', 'events', 'csv', 'cloudevents', 'ocsf', 'otlp', 'parquet'] as const

/** The name of an export format; see `EXPORT_FORMATS`. */
export type ExportFormat = (typeof EXPORT_FORMATS)[number]

/** The versions of OCSF that events can be written in. */
export const OCSF_VERSIONS = ['1.8.0', '1.9.0'] as const

/** The name of an OCSF version; see `OCSF_VERSIONS`. */
export type OcsfVersion = (typeof OCSF_VERSIONS)[number]

/** Options of `encodeEvents`. */
export interface EncodeOptions {
  readonly format: ExportFormat
  /**
   * Content that leaves the log with the events: `diagnostics` are error messages, stack traces, reasons and ids behind pseudonyms. It stands in
   * the fields from which it was taken, and each item of `content.items` has a `status` that says whether it does. Tables have a column
   * `content` with these items. Not for `jsonl`, whose lines are the stored bytes.
   *
   * `exportLog` reads the content. `encodeEvents` writes events as they are given to it, and this says only that a table has the column:
   * read them with `events({ content })`.
   *
   * @defaultValue `'none'`
   */
  readonly content?: ContentChoice
  /**
   * CloudEvents only: `source`, a URI reference that names this log among all whose events are sent to one place.
   * @defaultValue `'urn:spanledger'`
   */
  readonly source?: string
  /** OTLP only: log records of one line, from 1 to 10,000. @defaultValue 512 */
  readonly recordsPerRequest?: number
  /**
   * OCSF only: the version of the schema. `'1.9.0'` tells of agents in an object of their own and, where entries are exported
   * (`exportLog`), of the leaf hash of each. @defaultValue `'1.8.0'`
   */
  readonly ocsfVersion?: OcsfVersion
}

/** Turns events into text, one after the other. */
export interface TextEncoding {
  /** The text before the first event. */
  readonly head?: string
  /**
   * The text of an event, or nothing where it is held back for a later one.
   *
   * @param entry - its stored bytes, where they are at hand
   */
  next(event: StoredEvent, entry?: Uint8Array): string
  /** The text of what is held back. */
  end?(): string
}
