import { resolve } from 'node:path'
import type { ContentKeys } from '../content/contract.js'
import { type ContentKeysOptions, fileKeysOf } from '../content/keys/options.js'
import { rejectUnknownOptions, wholeNumberOption } from '../events/options.js'
import { ledgerOf } from '../ledger/log-directories.js'
import type { ReadingOptions } from '../store/leveldb/snapshot.js'
import type { SnapshotStore } from '../store/leveldb/snapshot-store.js'
import type { VerifyOptions } from '../verify/options.js'
import type { LedgerReport, VerifyReport } from '../verify/report.js'
import { DirectoryLogs, type OneLog, type Opening } from './directory-logs.js'
import type { AuditLogDirectoryReader } from './directory-reader.js'
import { LedgerReader } from './ledger-reader.js'
import { type AuditLogStoreReader, type AuditLogStoreReaderOptions, openStoreReader } from './open-store.js'
import { verifyLedgerDirectory } from './verify.js'

export type { AuditLogDirectoryReader } from './directory-reader.js'

/** The greatest age of what a read sees. @see AuditLogReaderOptions.refreshMillis */
const DEFAULT_REFRESH_MILLIS = 1_000

/** Options of {@link openAuditLogReader} for a log in a directory. */
export interface AuditLogReaderOptions {
  /**
   * A read that begins looks for what has been committed since, unless that was done less than this ago; from 0 to
   * 3,600,000. @defaultValue 1,000
   */
  readonly refreshMillis?: number
  /** Types of the log's own that may be asked for before it has any event of them. @defaultValue none */
  readonly eventTypes?: readonly string[]
  /** The keys of content; `false` to read without them. @defaultValue those of the ledger, where they can be read */
  readonly contentKeys?: false | ContentKeysOptions
}

/**
 * Opens a log for reading only, also while another process writes it, and on a read-only mount. The log's directory is
 * left as it is, and its writer is neither asked nor held up.
 *
 * It reads from a snapshot in the system's temporary directory (`TMPDIR`), which has hard links to LevelDB's tables
 * and copies of what is not in a table yet, some megabytes at most; renewed when a read begins and the log has grown.
 * Events that are in the writer's journal only, and those that it has not committed, cannot be seen. Where processes have recorded and none has
 * opened a log yet, there is nothing but `staging/`: the reader finds nothing, and the log as soon as there is one.
 *
 * @param location - the directory of the log, or of the ledger; a relative path is resolved at once
 * @throws AuditLogError `AUDIT_OPEN_FAILED` when there is no log, or it cannot be read; `AUDIT_LOG_CORRUPT`;
 * `AUDIT_FORMAT_UNSUPPORTED`; `AUDIT_FILE_REFUSED` where something else stands in place of a file of the log
 * @throws TypeError naming an unknown or malformed option
 *
 * @example
 * ```ts
 * await using log = await openAuditLogReader('./audit')
 * for await (const run of log.runs({ status: 'failed', order: 'desc', limit: 10 })) console.log(run.runId)
 * ```
 */
export function openAuditLogReader(location: string, options?: AuditLogReaderOptions): Promise<AuditLogDirectoryReader>
/** Opens a log in a store that others write, for reading only: `openAuditLogReader({ store: postgresStore(…) })`. */
export function openAuditLogReader(options: AuditLogStoreReaderOptions): Promise<AuditLogStoreReader>
export async function openAuditLogReader(
  location: string | AuditLogStoreReaderOptions,
  options: AuditLogReaderOptions = {},
): Promise<AuditLogDirectoryReader | AuditLogStoreReader> {
  if (typeof location === 'object' && location !== null) return await openStoreReader(location)
  if (typeof location !== 'string' || location === '') {
    throw new TypeError('openAuditLogReader: location must be the path of a directory')
  }
  return await openDirectoryReader(location, options)
}

/**
 * Opens a log in a directory for reading only.
 *
 * @param reading - decided by whoever owns the thread; a service, of which nobody knows what else it does, leaves it out
 * @param logs - `only` reads the log in the directory itself, and none of the others that a ledger has
 * @throws what {@link openAuditLogReader} throws
 */
export async function openDirectoryReader(
  location: string,
  options: AuditLogReaderOptions = {},
  reading: ReadingOptions = {},
  { only = false }: { readonly only?: boolean } = {},
): Promise<DirectoryLedgerReader> {
  rejectUnknownOptions('openAuditLogReader', options, ['refreshMillis', 'eventTypes', 'contentKeys'])
  const refreshMillis = wholeNumberOption('openAuditLogReader', 'refreshMillis', options.refreshMillis, {
    fallback: DEFAULT_REFRESH_MILLIS,
    min: 0,
    max: 3_600_000,
  })
  const { eventTypes = [], contentKeys = {} } = options
  if (!Array.isArray(eventTypes) || eventTypes.some((type) => typeof type !== 'string')) {
    throw new TypeError('openAuditLogReader: eventTypes must be an array of event types')
  }
  const keys =
    contentKeys === false
      ? undefined
      : fileKeysOf(contentKeys, { of: 'openAuditLogReader', location: ledgerOf(resolve(location)), use: 'reading' })
  const opening: Opening = { refreshMillis, eventTypes, reading, only, contentKeys: () => keys }
  const readerOf = (log: OneLog, types: readonly string[]) => new DirectoryLedgerReader(log, types, () => keys)
  const logs = await DirectoryLogs.open(resolve(location), opening, readerOf)
  return new DirectoryLedgerReader(logs, eventTypes, () => keys)
}

/** A log in a directory, and how far its store has what its journal has. */
export interface WrittenLog {
  readonly number: number
  readonly store: Pick<SnapshotStore, 'id' | 'location' | 'journalPosition' | 'closedInOrder'>
}

/** Reads the logs of a directory. */
export class DirectoryLedgerReader extends LedgerReader implements AuditLogDirectoryReader {
  readonly #logs: DirectoryLogs | OneLog
  readonly #contentKeys: () => ContentKeys | undefined

  constructor(logs: DirectoryLogs | OneLog, eventTypes: readonly string[], contentKeys: () => ContentKeys | undefined) {
    super(logs, eventTypes)
    this.#logs = logs
    this.#contentKeys = contentKeys
  }

  get location(): string {
    return this.#logs.location
  }

  get logs(): ReadonlyMap<number, AuditLogDirectoryReader> {
    return this.#logs.readers
  }

  /** The logs that there are, with what only this package looks at. */
  written(): Promise<readonly WrittenLog[]> {
    return this.#logs.logs()
  }

  override async verify(options?: VerifyOptions): Promise<VerifyReport | LedgerReport> {
    if (this.#logs.readsOneLog) return await super.verify(options)
    await this.#logs.settle()
    return await verifyLedgerDirectory(this.location, options, { contentKeys: this.#contentKeys })
  }

  refresh(): Promise<void> {
    return this.#logs.refresh()
  }

  close(): Promise<void> {
    return this.#logs.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
