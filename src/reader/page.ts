/** A part of the results of a query. */
export interface Page<T> {
  readonly items: readonly T[]
  /** The place of the next page; absent when there is none. Opaque text, safe in a URL. */
  readonly cursor?: string
}

/** The page of a query's results to read. */
export interface PageOptions {
  /** As it came with the page before; the first page when it is left out or `undefined`. */
  readonly cursor?: string | undefined
  /** The most items, from 1 to 10,000; it may differ from page to page. @defaultValue 100 */
  readonly size?: number
}

/**
 * The results of a query, read as a stream, as pages or as a number. Lazy: nothing is read until it is iterated, and
 * reading stops when the consumer does. Every iteration runs the query again, over all that is recorded by then.
 */
export interface Results<T> extends AsyncIterable<T> {
  /** Reads everything the query finds into an array: give the query a `limit` where that may be a lot. */
  toArray(): Promise<T[]>

  /**
   * Reads everything the query finds in the batches in which it is read from the log, none of them empty. What is spared
   * is the asynchronous step for each item, which costs more than an item that is only passed on.
   *
   * ```ts
   * for await (const entries of log.entries().batches()) bytes += entries.reduce((sum, { bytes }) => sum + bytes.length, 0)
   * ```
   */
  batches(): AsyncIterable<readonly T[]>

  /**
   * Counts what the query finds; the order makes no difference, and counting stops at `limit`. Events and entries are counted by
   * the indexes alone, unless there is a time window: nothing of what is counted is read. Other lists are read.
   *
   * ```ts
   * console.log(await log.events({ type: 'run_failed' }).count())
   * ```
   */
  count(): Promise<number>

  /**
   * Reads one page. All pages of a query are of the log as it was when the first was read: together they are what an
   * iteration begun then would have given, however much has been recorded meanwhile. A cursor stays good for as long
   * as there is the log, also for another reader of it and after a restart. It belongs to its query, which is to be
   * given again with the same fields; a `limit` is that of all pages together.
   *
   * ```ts
   * const failed = log.runs({ status: 'failed', order: 'desc' })
   * let cursor: string | undefined
   * do {
   *   const page = await failed.page({ size: 20, cursor })
   *   show(page.items)
   *   cursor = page.cursor
   * } while (cursor)
   * ```
   *
   * @throws AuditLogError `AUDIT_CURSOR_INVALID` when the cursor is damaged, or of another query or log;
   * `AUDIT_QUERY_INVALID` naming an unknown or malformed option
   */
  page(options?: PageOptions): Promise<Page<T>>
}
