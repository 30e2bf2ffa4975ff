import { rejectUnknownOptions } from '../events/options.js'
import type { StoredEvent } from '../events/types.js'
import type { LogEntry } from '../reader/log-entry.js'
import type { EncodeOptions, ExportFormat, TextEncoding } from './contract.js'
import { CHUNK_LENGTH, LineChunks } from './line-chunks.js'
import { parquet } from './parquet.js'
import { type ResolvedEncoding, resolveEncoding } from './resolve-encoding.js'
import { textEncoding } from './text-encoding.js'

/**
 * Encodes events in a format as a stream: from a query, from `follow()`, or from any other iterable. It asks for the
 * next event when its own consumer asks for the next chunk, and holds no more than a chunk (of Parquet, a row group).
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
  rejectUnknownOptions('encodeEvents', options, ['format', 'content', 'source', 'recordsPerRequest', 'ocsfVersion'])
  if ((options.format as ExportFormat) === 'jsonl') {
    throw new TypeError("encodeEvents: 'jsonl' is of stored bytes; use encodeEntries, or the format 'events'")
  }
  return encoded(events, resolveEncoding('encodeEvents', options))
}

function encoded(events: AsyncIterable<StoredEvent>, encoding: ResolvedEncoding): AsyncIterable<Uint8Array> {
  return encoding.format === 'parquet' ? parquet(events, encoding.content) : textChunks(events, textEncoding(encoding))
}

/**
 * Encodes entries as JSON Lines, byte for byte: the leaf hash of a position is that of its line (RFC 6962 section 2.1,
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
