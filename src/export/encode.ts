import { nearestName } from '../events/nearest.js'
import { rejectUnknownOptions, wholeNumberOption } from '../events/options.js'
import type { StoredEvent } from '../events/types.js'
import type { LogEntry } from '../reader/contract.js'
import { DEFAULT_CLOUD_EVENT_SOURCE } from './cloud-events.js'
import { type EncodeOptions, EXPORT_FORMATS, type ExportFormat, OCSF_VERSIONS, type TextEncoding } from './contract.js'
import { CHUNK_LENGTH, LineChunks } from './line-chunks.js'
import { OCSF_VERSION } from './ocsf.js'
import { DEFAULT_RECORDS_PER_REQUEST } from './otlp-logs.js'
import { parquet } from './parquet.js'
import { textEncoding } from './text-encoding.js'

const MAX_RECORDS_PER_REQUEST = 10_000

/** How a format is written, once checked. */
export interface ResolvedEncoding extends Required<EncodeOptions> {
  /** Origin of the log that is exported, where it is known. */
  readonly origin?: string
}

/** @throws TypeError naming an unknown or malformed option */
export function resolveEncoding(of: string, options: EncodeOptions): ResolvedEncoding {
  const { format, source = DEFAULT_CLOUD_EVENT_SOURCE, recordsPerRequest, ocsfVersion = OCSF_VERSION } = options
  if (!EXPORT_FORMATS.includes(format)) throw unknownFormat(of, format)
  if (typeof source !== 'string' || !isUriReference(source)) {
    throw new TypeError(`${of}: source must be a URI reference, such as 'urn:example:audit'`)
  }
  if (options.source !== undefined && format !== 'cloudevents') throw notOf(of, 'source', 'cloudevents')
  if (recordsPerRequest !== undefined && format !== 'otlp') throw notOf(of, 'recordsPerRequest', 'otlp')
  if (options.ocsfVersion !== undefined && format !== 'ocsf') throw notOf(of, 'ocsfVersion', 'ocsf')
  if (!OCSF_VERSIONS.includes(ocsfVersion)) {
    throw new TypeError(`${of}: ocsfVersion must be one of ${OCSF_VERSIONS.join(', ')}`)
  }
  const bounds = { fallback: DEFAULT_RECORDS_PER_REQUEST, min: 1, max: MAX_RECORDS_PER_REQUEST }
  return Object.freeze({
    format,
    source,
    ocsfVersion,
    recordsPerRequest: wholeNumberOption(of, 'recordsPerRequest', recordsPerRequest, bounds),
  })
}

/**
 * Writes events in a format, as they come: from a query, from `follow()`, or from anywhere. It asks for the next event
 * when its own consumer asks for the next chunk, and holds no more than a chunk (of Parquet, a row group).
 *
 * @param options - `jsonl` is of stored bytes, which events no longer have: {@link encodeEntries} or `exportLog`
 * @throws TypeError naming an unknown or malformed option
 * @throws AuditLogError while iterating: `AUDIT_PACKAGE_MISSING` for Parquet without `hyparquet-writer`
 *
 * @example
 * ```ts
 * await pipeline(encodeEvents(log.events({ sessionId: 's-1' }), { format: 'ocsf' }), process.stdout)
 * ```
 */
export function encodeEvents(
  events: AsyncIterable<StoredEvent>,
  options: EncodeOptions & { readonly format: Exclude<ExportFormat, 'jsonl'> },
): AsyncIterable<Uint8Array> {
  rejectUnknownOptions('encodeEvents', options, ['format', 'source', 'recordsPerRequest', 'ocsfVersion'])
  if ((options.format as ExportFormat) === 'jsonl') {
    throw new TypeError("encodeEvents: 'jsonl' is of stored bytes; use encodeEntries, or the format 'events'")
  }
  return encoded(events, resolveEncoding('encodeEvents', options))
}

function encoded(events: AsyncIterable<StoredEvent>, encoding: ResolvedEncoding): AsyncIterable<Uint8Array> {
  return encoding.format === 'parquet' ? parquet(events) : textChunks(events, textEncoding(encoding))
}

/**
 * Writes entries as JSON Lines, byte for byte: the leaf hash of a position is that of its line (RFC 6962 section 2.1,
 * without the newline). JSON has no raw newline, so that lines and entries are the same.
 *
 * @throws AuditLogError while iterating: `AUDIT_LOG_CORRUPT` for an entry that has a newline in it after all
 */
export async function* encodeEntries(entries: AsyncIterable<LogEntry>): AsyncGenerator<Uint8Array> {
  const lines = new LineChunks()
  for await (const entry of entries) {
    const chunk = lines.add(entry)
    if (chunk) yield chunk
  }
  const rest = lines.end()
  if (rest) yield rest
}

async function* textChunks(events: AsyncIterable<StoredEvent>, encoding: TextEncoding): AsyncGenerator<Uint8Array> {
  let text = encoding.head ?? ''
  for await (const event of events) {
    text += encoding.next(event)
    if (text.length < CHUNK_LENGTH) continue
    yield Buffer.from(text)
    text = ''
  }
  text += encoding.end?.() ?? ''
  if (text !== '') yield Buffer.from(text)
}

/** RFC 3986, as far as CloudEvents needs it: not empty, and of the characters that a URI may have. */
function isUriReference(text: string): boolean {
  return /^(?:[A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})+$/.test(text)
}

function unknownFormat(of: string, format: unknown): TypeError {
  const nearest = typeof format === 'string' ? nearestName(format, EXPORT_FORMATS) : undefined
  const hint = nearest === undefined ? '' : `; did you mean '${nearest}'?`
  return new TypeError(`${of}: format must be one of ${EXPORT_FORMATS.join(', ')}${hint}`)
}

function notOf(of: string, option: string, format: ExportFormat): TypeError {
  return new TypeError(`${of}: ${option} is an option of the format '${format}' only`)
}
