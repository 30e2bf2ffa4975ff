import { join, resolve } from 'node:path'
import { MAX_NOTE_BYTES } from '../checkpoint/index.js'
import { AuditLogError } from '../events/errors.js'
import { rejectUnknownOptions, wholeNumberOption } from '../events/options.js'
import type { AuditEventType } from '../events/types.js'
import { readRegularFile } from '../files/regular-file.js'
import { type LogPlace, logsAt, placeOf } from '../ledger/places.js'
import type { ReadingOptions } from '../store/leveldb/snapshot.js'
import { SnapshotStore } from '../store/leveldb/snapshot-store.js'
import type {
  AuditLogReader,
  EventResults,
  Following,
  FoundEvent,
  LedgerEventQuery,
  LedgerFollowOptions,
  LogEntry,
} from './contract.js'
import type { LogsSource } from './ledger/results.js'
import { type CursorBehind, LedgerReader } from './ledger-reader.js'
import { type AuditLogStoreReader, type OpenStoreReaderOptions, openStoreReader } from './open-store.js'
import type { Results } from './page.js'
import type { FollowQuery } from './query/query.js'
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

/**
 * Reads a ledger, or a single log, from outside of the processes that write it. Every read sees what was committed `refreshMillis`
 * before. A location that has several logs is read as one: events are merged by their times and have the number of their log, runs,
 * sessions, agents and sums are those of all logs. A log that somebody adds is found at the next look.
 *
 * Positions (`seq`, `afterSeq`, `beforeSeq`) and proofs are those of one log: where there are several, `get`, `prove`,
 * `proveConsistency`, `evidence`, `verify` and queries with positions are refused with `AUDIT_INVALID_QUERY`, and {@link logs} has
 * the reader to ask. A {@link cursor} holds the position in every log.
 */
export interface AuditLogDirectoryReader extends AuditLogReader {
  /** Directory of the ledger, or of the log, as an absolute path. */
  readonly location: string

  /** A reader for each log by its number, as of the latest look; log 0 is the one in {@link location} itself. Closed with this one. */
  readonly logs: ReadonlyMap<number, AuditLogDirectoryReader>

  /**
   * Returns the position behind everything that is committed by now, in every log: opaque text, to be given as `after` or `before` of a
   * query, or as `after` of {@link follow}, also to another reader of the ledger.
   *
   * ```ts
   * const cursor = await log.cursor()
   * // later
   * for await (const event of log.events({ after: cursor })) console.log(event.log, event.seq)
   * ```
   *
   * @param reached - in place of everything that is committed: the position behind the events of each log that are named, by the
   * numbers of the logs, and that of another cursor for the other logs, or their beginnings
   * @throws AuditLogError `AUDIT_INVALID_QUERY`
   */
  cursor(reached?: CursorBehind): Promise<string>

  events<T extends AuditEventType | (string & {}) = AuditEventType>(query?: LedgerEventQuery<T>): EventResults<T>
  entries<T extends AuditEventType | (string & {}) = AuditEventType>(query?: LedgerEventQuery<T>): Results<LogEntry>
  count<T extends AuditEventType | (string & {}) = AuditEventType>(query?: LedgerEventQuery<T>): Promise<number>
  follow<T extends AuditEventType | (string & {}) = AuditEventType>(
    query?: FollowQuery<T>,
    options?: LedgerFollowOptions,
  ): Following<FoundEvent<T>>

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
 * @param logs - `only` reads the log in the directory itself, and none of the others that a ledger has
 * @throws what {@link openAuditLogReader} throws
 */
export async function openDirectoryReader(
  path: string,
  options: OpenReaderOptions = {},
  reading: ReadingOptions = {},
  { only = false }: { readonly only?: boolean } = {},
): Promise<DirectoryLedgerReader> {
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
  const opening: Opening = { refreshMillis, eventTypes, reading, only }
  const first = await openLog(placeOf(resolve(path), 0), opening)
  const logs = new DirectoryLogs(first, opening)
  try {
    await logs.look()
  } catch (problem) {
    await logs.close()
    throw problem
  }
  return new DirectoryLedgerReader(logs, eventTypes)
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
    const at = performance.now()
    await this.#store.refresh()
    this.#lastAt = at
  }

  /** Of reads that begin together, one does it for all. */
  async refreshIfDue(atLeast = 0): Promise<void> {
    const isFresh = this.#store.size >= atLeast && performance.now() - this.#lastAt < this.#refreshMillis
    if (!this.#due && isFresh) return
    this.#due ??= this.refresh().finally(() => {
      this.#due = undefined
    })
    await this.#due
  }
}

/** Reads one log of a directory. */
class DirectoryLogReader extends StoreReader {
  readonly refresher: Refresher
  readonly store: SnapshotStore

  constructor(refresher: Refresher, store: SnapshotStore, eventTypes: readonly string[]) {
    super(store, {
      barrier: (atLeast) => refresher.refreshIfDue(atLeast),
      eventTypes,
      newestCheckpoint: () => readCheckpoint(store.location),
      directory: store.location,
    })
    this.refresher = refresher
    this.store = store
  }
}

/** How the logs of a ledger are opened. */
interface Opening {
  readonly refreshMillis: number
  readonly eventTypes: readonly string[]
  readonly reading: ReadingOptions
  readonly only: boolean
}

async function openLog({ number, directory }: LogPlace, { refreshMillis, eventTypes, reading }: Opening) {
  const takenAt = performance.now()
  const store = await SnapshotStore.open(directory, reading)
  return {
    number,
    store,
    reader: new DirectoryLogReader(new Refresher(store, refreshMillis, takenAt), store, eventTypes),
  }
}

type OpenDirectoryLog = Awaited<ReturnType<typeof openLog>>

/** The logs of a ledger in a directory, as far as they were found. */
class DirectoryLogs implements LogsSource<OpenDirectoryLog> {
  readonly location: string
  readonly readers = new Map<number, AuditLogDirectoryReader>()
  readonly #opening: Opening
  #logs: readonly [OpenDirectoryLog, ...OpenDirectoryLog[]]
  #lookedAt = -Infinity
  #looking: Promise<void> | undefined
  #closed: Promise<void> | undefined

  constructor(first: OpenDirectoryLog, opening: Opening) {
    this.location = first.store.location
    this.#opening = opening
    this.#logs = [first]
    this.#note(first)
  }

  async logs(): Promise<readonly [OpenDirectoryLog, ...OpenDirectoryLog[]]> {
    if (performance.now() - this.#lookedAt >= this.#opening.refreshMillis) await this.look()
    return this.#logs
  }

  async settle(): Promise<void> {
    await Promise.all(this.#logs.map(({ reader }) => reader.refresher.refreshIfDue()))
  }

  async refresh(): Promise<void> {
    await this.look()
    await Promise.all(this.#logs.map(({ reader }) => reader.refresher.refresh()))
  }

  /** Opens the logs that have been added. Of reads that begin together, one does it for all. */
  async look(): Promise<void> {
    if (this.#opening.only || this.#closed) return
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined
    })
    await this.#looking
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    await this.#looking?.catch(() => undefined)
    const closed = await Promise.allSettled(this.#logs.map(({ store }) => store.close()))
    const problems = closed.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []))
    if (problems.length > 1) throw new AggregateError(problems, 'Several logs were not closed properly')
    if (problems.length === 1) throw problems[0]
  }

  async #look(): Promise<void> {
    const at = performance.now()
    const known = new Set(this.#logs.map(({ number }) => number))
    const added = (await logsAt(this.location)).filter(({ number }) => !known.has(number))
    for (const place of added) {
      const log = await openLog(place, this.#opening).catch(unlessMissing)
      if (!log) continue
      const [first, ...others] = this.#logs
      this.#logs = [first, ...[...others, log].sort((one, other) => one.number - other.number)]
      this.#note(log)
    }
    this.#lookedAt = at
  }

  #note({ number, reader, store }: OpenDirectoryLog): void {
    const { eventTypes } = this.#opening
    this.readers.set(number, new DirectoryLedgerReader(new OneLog(number, reader, store), eventTypes))
  }
}

/** One log of a ledger, as if there were no other. */
class OneLog implements LogsSource<OpenDirectoryLog> {
  readonly readers: ReadonlyMap<number, AuditLogDirectoryReader> = new Map()
  readonly location: string
  readonly #log: OpenDirectoryLog

  constructor(number: number, reader: DirectoryLogReader, store: SnapshotStore) {
    this.location = store.location
    this.#log = { number, reader, store }
  }

  async logs(): Promise<readonly [OpenDirectoryLog]> {
    return [this.#log]
  }

  async settle(): Promise<void> {
    await this.#log.reader.refresher.refreshIfDue()
  }

  async refresh(): Promise<void> {
    await this.#log.reader.refresher.refresh()
  }

  async close(): Promise<void> {
    await this.#log.store.close()
  }
}

/** A log that is being made has nothing yet: it is looked for again. */
function unlessMissing(problem: unknown): undefined {
  const isMissing = problem instanceof AuditLogError && problem.code === 'AUDIT_LOG_OPEN_FAILED'
  const { code } = ((problem as Error).cause ?? {}) as NodeJS.ErrnoException
  if (isMissing && (code === 'ENOENT' || code === 'ENOTDIR')) return undefined
  throw problem
}

/** A log in a directory, and how far its store has what its journal has. */
export interface WrittenLog {
  readonly number: number
  readonly store: Pick<SnapshotStore, 'location' | 'journalPosition' | 'closedInOrder'>
}

/** Reads the logs of a directory. */
export class DirectoryLedgerReader extends LedgerReader implements AuditLogDirectoryReader {
  readonly #logs: DirectoryLogs | OneLog

  constructor(logs: DirectoryLogs | OneLog, eventTypes: readonly string[]) {
    super(logs, eventTypes)
    this.#logs = logs
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

/** @returns the checkpoint beside a log, if there is one that can be read */
async function readCheckpoint(location: string): Promise<string | undefined> {
  try {
    return (await readRegularFile(join(location, 'checkpoint'), MAX_NOTE_BYTES)).toString()
  } catch (error) {
    if (error instanceof AuditLogError) throw error
    return undefined
  }
}
