import { AuditLogError } from '../events/errors.js'
import { rejectUnknownOptions, wholeNumberOption } from '../events/options.js'
import type { AuditLogReader, LedgerEventQuery, LogHead } from '../reader/contract.js'
import type { LogEntry } from '../reader/log-entry.js'
import type { AuditLogDirectoryReader } from '../reader/open.js'
import type { EncodeOptions } from './contract.js'
import { convertedChunks } from './converted-chunks.js'
import { LineChunks } from './line-chunks.js'
import { readAhead } from './read-ahead.js'
import { type ResolvedEncoding, resolveEncoding } from './resolve-encoding.js'

/** Options of `exportLog`. */
export interface ExportOptions extends EncodeOptions {
  /**
   * The events to export, in the order of their positions. A line of `jsonl` does not tell its position: count the lines only
   * without filters, and where no entries were removed. @defaultValue all
   */
  readonly query?: Omit<LedgerEventQuery<string>, 'order' | 'content'>
  /**
   * Threads that convert entries into the format, from 1 to 64; 1 is the thread of the caller. `jsonl` converts nothing.
   *
   * @defaultValue one for each core; 1 for less than 4 MiB of entries, and where the code was bundled into one file
   */
  readonly threads?: number
}

const MAX_THREADS = 64

/** The part of a reader that an export needs. Only one of a directory has a `cursor`. */
export type ExportedLog = Pick<AuditLogReader, 'entries' | 'events' | 'head'> &
  Partial<Pick<AuditLogDirectoryReader, 'cursor'>>

/** A running export: the bytes of a file, and the progress. It can be iterated once. */
export interface LogExport extends AsyncIterable<Uint8Array> {
  /** Events that have been read. */
  readonly events: number
  /** Position of the first of them. */
  readonly firstSeq: number | undefined
  /** Position of the latest of them. */
  readonly lastSeq: number | undefined
  /**
   * Number of entries of the log that were removed before the export began, and are left out: those that the query would not have
   * found are among them. 0 before it begins.
   */
  readonly removedEntries: number
  /**
   * The position behind which the next export goes on, once this one has come to its end: that of the last event or, unless a limit
   * ended it, of the last entry that was looked through. Give it as `query: { afterSeq }`. -1 in a ledger of several logs, which has
   * {@link cursor}.
   */
  readonly afterSeq: number
  /**
   * The cursor behind which the next export of a ledger of several logs goes on, once this one has come to its end: give it as
   * `query: { after: cursor }`. `undefined` where there is one log.
   */
  readonly cursor: string | undefined
  /** Number of entries of the log when the export began, with which it ends; `undefined` before it begins. */
  readonly size: number | undefined
}

/**
 * Exports a log, or the results of a query, as of the moment when the first chunk is read. It streams: memory does not
 * grow with the log, and nothing is read before its consumer asks for it.
 *
 * @throws TypeError naming an unknown or malformed option
 * @throws AuditLogError `AUDIT_QUERY_INVALID`; while iterating what `log.events()` throws, and `AUDIT_PACKAGE_MISSING` for
 * Parquet without `hyparquet-writer`
 *
 * @example
 * ```ts
 * const shipped = exportLog(log, { format: 'otlp', query: { afterSeq: lastShipped } })
 * await pipeline(shipped, createWriteStream('logs.jsonl'))
 * lastShipped = shipped.afterSeq
 * ```
 */
export function exportLog(log: ExportedLog, options: ExportOptions): LogExport {
  const known = ['format', 'content', 'query', 'threads', 'source', 'recordsPerRequest', 'ocsfVersion']
  rejectUnknownOptions('exportLog', options, known)
  const { query = {}, threads, ...encoding } = options
  if ('order' in query) throw new TypeError('exportLog: query.order is not for exports: they are in append order')
  if ('content' in query) throw new TypeError('exportLog: query.content is not for exports: give content beside format')
  const resolved = resolveEncoding('exportLog', encoding)
  wholeNumberOption('exportLog', 'threads', threads, { fallback: 1, min: 1, max: MAX_THREADS })
  // Nothing is read yet: this is for a query that cannot be meant.
  log.events(query)
  const { content } = resolved
  const asked = content === 'none' ? query : { ...query, content }
  return new StreamingExport(log, asked, resolved, threads)
}

class StreamingExport implements LogExport {
  events = 0
  firstSeq: number | undefined
  lastSeq: number | undefined
  size: number | undefined
  removedEntries = 0
  cursor: string | undefined
  readonly #log: ExportedLog
  readonly #query: LedgerEventQuery<string>
  readonly #encoding: ResolvedEncoding
  readonly #threads: number | undefined
  #begun = false
  /** In a ledger of several logs, the latest position that was exported of each. */
  #seen: Map<number, number> | undefined

  constructor(
    log: ExportedLog,
    query: LedgerEventQuery<string>,
    encoding: ResolvedEncoding,
    threads: number | undefined,
  ) {
    this.#log = log
    this.#query = query
    this.#encoding = encoding
    this.#threads = threads
  }

  get afterSeq(): number {
    if (this.#seen) return -1
    const { afterSeq = -1, beforeSeq = Infinity, limit = Infinity } = this.#query
    if (this.events >= limit || this.size === undefined) return this.lastSeq ?? afterSeq
    return Math.max(afterSeq, Math.min(beforeSeq, this.size) - 1)
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    if (this.#begun) throw new TypeError('exportLog: an export can be iterated once; call exportLog again')
    this.#begun = true
    const head = await this.#log.head()
    const { size, removedEntries = 0, origin } = head
    this.size = size
    this.removedEntries = removedEntries
    if (this.#isOfSeveral(head)) {
      yield* this.#severalLogs(origin)
      return
    }
    const { afterSeq = -1, beforeSeq = this.size } = this.#query
    const end = Math.min(beforeSeq, this.size)
    const query = { ...this.#query, beforeSeq: end }
    // A range that ends before it begins is an error of a query's, and here just nothing new.
    const isEmpty = afterSeq + 1 >= end
    const batches = isEmpty ? nothing() : readAhead(this.#log.entries(query).batches())
    yield* this.#chunks(batches, origin)
  }

  #isOfSeveral({ logs }: LogHead): boolean {
    return logs !== undefined || this.#query.after !== undefined || this.#query.before !== undefined
  }

  /** Ends where all logs ended when it began, as the cursor says that the next one takes. */
  async *#severalLogs(origin: string | undefined): AsyncGenerator<Uint8Array, void, undefined> {
    const { after, limit = Infinity, before } = this.#query
    const seen = new Map<number, number>()
    this.#seen = seen
    const end = before ?? (await this.#log.cursor?.())
    const query = { ...this.#query, ...(end !== undefined && { before: end }) }
    yield* this.#chunks(readAhead(this.#log.entries(query).batches()), origin)
    this.cursor = this.events < limit ? end : await this.#log.cursor?.({ ...(after !== undefined && { after }), seen })
  }

  #chunks(
    batches: AsyncIterable<readonly LogEntry[]>,
    origin: string | undefined,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    return this.#encoding.format === 'jsonl' ? this.#lines(batches) : this.#converted(batches, origin)
  }

  async *#lines(batches: AsyncIterable<readonly LogEntry[]>): AsyncGenerator<Uint8Array> {
    const lines = new LineChunks()
    for await (const entries of batches) {
      for (const entry of entries) {
        const chunk = lines.add(entry)
        if (chunk) yield chunk
        this.#tally(entry.seq, entry.log)
      }
    }
    const rest = lines.end()
    if (rest) yield rest
  }

  #tally(seq: number, log = 0): void {
    this.events++
    if (this.#seen) {
      this.#seen.set(log, seq)
      return
    }
    this.firstSeq ??= seq
    this.lastSeq = seq
  }

  async *#converted(
    batches: AsyncIterable<readonly LogEntry[]>,
    origin: string | undefined,
  ): AsyncGenerator<Uint8Array> {
    const refuse = (seq: number) => this.#refuse(seq)
    const encoding = origin === undefined ? this.#encoding : { ...this.#encoding, origin }
    const conversion = { batches, encoding, threads: this.#threads, refuse }
    for await (const { bytes, seqs, logs } of convertedChunks(conversion)) {
      for (let at = 0; at < seqs.length; at++) this.#tally(seqs[at] as number, logs?.[at])
      if (bytes.length > 0) yield bytes
    }
  }

  /** Reads the event of an entry that holds none: the reader says what is wrong with it. */
  async #refuse(seq: number): Promise<never> {
    const only = { ...(seq > 0 && { afterSeq: seq - 1 }), beforeSeq: seq + 1 }
    if (!this.#seen) await this.#log.events(only).toArray()
    throw new AuditLogError('AUDIT_LOG_CORRUPT', `Entry ${seq} holds no event; keep the log as evidence`)
  }
}

async function* nothing(): AsyncGenerator<never> {}
