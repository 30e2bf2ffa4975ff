import { join } from 'node:path'
import { MAX_NOTE_BYTES } from '../checkpoint/index.js'
import { AuditLogError } from '../events/errors.js'
import { rejectUnknownOptions, wholeNumberOption } from '../events/options.js'
import { readRegularFile } from '../files/regular-file.js'
import type { ReadingOptions } from '../store/leveldb/snapshot.js'
import { SnapshotStore } from '../store/leveldb/snapshot-store.js'
import { monotonicMillis } from '../timers/real-timers.js'
import type { AuditLogReader } from './contract.js'
import { type AuditLogStoreReader, type OpenStoreReaderOptions, openStoreReader } from './open-store.js'
import { StoreReader } from './reader.js'

/** How old what a read sees may be. @see OpenReaderOptions.refreshMillis */
export const DEFAULT_REFRESH_MILLIS = 1_000

/** Options of `openAuditLogReader` for a directory. */
export interface OpenReaderOptions {
  /**
   * A read that begins looks for what has been committed since, unless that was done less than this ago; from 0 to
   * 3,600,000. @defaultValue 1,000
   */
  readonly refreshMillis?: number
  /** Types of the log's own that may be asked for before it has any event of them. @defaultValue none */
  readonly eventTypes?: readonly string[]
}

/** Reads a log from outside of the process that writes it. Every read sees what was committed `refreshMillis` before. */
export interface AuditLogDirectoryReader extends AuditLogReader {
  /** Directory of the log, as an absolute path. */
  readonly location: string

  /**
   * Takes in everything that has been committed by now, whatever `refreshMillis` says.
   *
   * @throws AuditLogError `AUDIT_LOG_CLOSED`, and what opening a reader throws
   */
  refresh(): Promise<void>

  /** Ends reads that are under way with `AUDIT_LOG_CLOSED`, and removes the temporary directory. */
  close(): Promise<void>
  /** {@link close} */
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * Opens a log for reading only, while another process writes it, or nobody does: also on a read-only mount. The log's
 * directory is left as it is, and its writer is neither asked nor held up.
 *
 * It reads from a snapshot in the system's temporary directory (`TMPDIR`), which has hard links to LevelDB's tables
 * and copies of what is not in a table yet, some megabytes at most; renewed when a read begins and the log has grown.
 * What is in the writer's journal only, and what it has not committed, cannot be seen.
 *
 * @param path - the directory of the log; a relative path is resolved at once
 * @throws AuditLogError `AUDIT_LOG_OPEN_FAILED` when there is no log, or it cannot be read; `AUDIT_LOG_CORRUPT`;
 * `AUDIT_FORMAT_UNSUPPORTED`; `AUDIT_FILE_REFUSED` where something else stands in place of a file of the log
 * @throws TypeError naming an unknown or malformed option
 *
 * @example
 * ```ts
 * await using log = await openAuditLogReader('./audit')
 * for await (const run of log.runs({ status: 'failed', order: 'desc', limit: 10 })) console.log(run.runId)
 * ```
 */
export function openAuditLogReader(path: string, options?: OpenReaderOptions): Promise<AuditLogDirectoryReader>
/** Opens a log in a store that others write, for reading only: `openAuditLogReader({ store: postgresStore(…) })`. */
export function openAuditLogReader(options: OpenStoreReaderOptions): Promise<AuditLogStoreReader>
export async function openAuditLogReader(
  path: string | OpenStoreReaderOptions,
  options: OpenReaderOptions = {},
): Promise<AuditLogDirectoryReader | AuditLogStoreReader> {
  if (typeof path === 'object' && path !== null) return await openStoreReader(path)
  if (typeof path !== 'string' || path === '') {
    throw new TypeError('openAuditLogReader: path must be that of a directory')
  }
  return await openDirectoryReader(path, options)
}

/**
 * Opens a log in a directory for reading only.
 *
 * @param reading - decided by whoever owns the thread; a service, of which nobody knows what else it does, leaves it out
 * @throws what {@link openAuditLogReader} throws
 */
export async function openDirectoryReader(
  path: string,
  options: OpenReaderOptions = {},
  reading: ReadingOptions = {},
): Promise<AuditLogDirectoryReader> {
  rejectUnknownOptions('openAuditLogReader', options, ['refreshMillis', 'eventTypes'])
  const refreshMillis = wholeNumberOption('openAuditLogReader', 'refreshMillis', options.refreshMillis, {
    fallback: DEFAULT_REFRESH_MILLIS,
    min: 0,
    max: 3_600_000,
  })
  const { eventTypes = [] } = options
  if (!Array.isArray(eventTypes) || eventTypes.some((type) => typeof type !== 'string')) {
    throw new TypeError('openAuditLogReader: eventTypes must be an array of event types')
  }
  const takenAt = monotonicMillis()
  const store = await SnapshotStore.open(path, reading)
  return new DirectoryReader(new Refresher(store, refreshMillis, takenAt), store, eventTypes)
}

/** Renews a store's snapshot when it is due. */
class Refresher {
  readonly #store: SnapshotStore
  readonly #refreshMillis: number
  #lastAt: number
  #due: Promise<void> | undefined

  constructor(store: SnapshotStore, refreshMillis: number, takenAt: number) {
    this.#store = store
    this.#refreshMillis = refreshMillis
    this.#lastAt = takenAt
  }

  async refresh(): Promise<void> {
    // When it began: what is committed while it goes on may be left out.
    const at = monotonicMillis()
    await this.#store.refresh()
    this.#lastAt = at
  }

  /** Of reads that begin together, one does it for all. */
  async refreshIfDue(atLeast = 0): Promise<void> {
    const isFresh = this.#store.size >= atLeast && monotonicMillis() - this.#lastAt < this.#refreshMillis
    if (!this.#due && isFresh) return
    this.#due ??= this.refresh().finally(() => {
      this.#due = undefined
    })
    await this.#due
  }
}

class DirectoryReader extends StoreReader implements AuditLogDirectoryReader {
  readonly #refresher: Refresher
  readonly #store: SnapshotStore

  constructor(refresher: Refresher, store: SnapshotStore, eventTypes: readonly string[]) {
    super(store, {
      barrier: (atLeast) => refresher.refreshIfDue(atLeast),
      eventTypes,
      newestCheckpoint: () => readCheckpoint(store.location),
      directory: store.location,
    })
    this.#refresher = refresher
    this.#store = store
  }

  get location(): string {
    return this.#store.location
  }

  refresh(): Promise<void> {
    return this.#refresher.refresh()
  }

  close(): Promise<void> {
    return this.#store.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}

/** @returns the checkpoint beside a log, if there is one that can be read */
async function readCheckpoint(location: string): Promise<string | undefined> {
  try {
    return (await readRegularFile(join(location, 'checkpoint'), MAX_NOTE_BYTES)).toString()
  } catch (error) {
    if (error instanceof AuditLogError) throw error
    return undefined
  }
}
