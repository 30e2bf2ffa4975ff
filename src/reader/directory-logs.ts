import { join } from 'node:path'
import { MAX_NOTE_BYTES } from '../checkpoint/index.js'
import type { ContentKeys } from '../content/contract.js'
import { AuditLogError } from '../events/errors.js'
import { readRegularFile } from '../files/regular-file.js'
import { type LogDirectory, logDirectory } from '../ledger/log-directories.js'
import { openError } from '../store/leveldb/errors.js'
import type { ReadingOptions } from '../store/leveldb/snapshot.js'
import { SnapshotStore } from '../store/leveldb/snapshot-store.js'
import { monotonicMillis } from '../timers/real-timers.js'
import type { AuditLogDirectoryReader } from './directory-reader.js'
import { existingLogs, isStagedOnly } from './existing-logs.js'
import type { LogsSource } from './ledger/results.js'
import { StoreReader } from './reader.js'

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

  /** Refreshes the store when it is due. Of reads that begin together, one does it for all. */
  async refreshIfDue(atLeast = 0): Promise<void> {
    const isFresh = this.#store.size >= atLeast && monotonicMillis() - this.#lastAt < this.#refreshMillis
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

  constructor(refresher: Refresher, store: SnapshotStore, { eventTypes, contentKeys }: Opening) {
    super(store, {
      barrier: (atLeast) => refresher.refreshIfDue(atLeast),
      eventTypes,
      newestCheckpoint: () => readCheckpoint(store.location),
      directory: store.location,
      contentKeys,
    })
    this.refresher = refresher
    this.store = store
  }
}

/** Settings for the opening of a ledger's logs. */
export interface Opening {
  readonly refreshMillis: number
  readonly eventTypes: readonly string[]
  readonly reading: ReadingOptions
  readonly only: boolean
  /** Returns the keys of content, the same ones for all logs. */
  readonly contentKeys: () => ContentKeys | undefined
}

async function openLog({ number, path: directory }: LogDirectory, opening: Opening) {
  const { refreshMillis, reading } = opening
  const takenAt = monotonicMillis()
  const store = await SnapshotStore.open(directory, reading)
  return {
    number,
    store,
    reader: new DirectoryLogReader(new Refresher(store, refreshMillis, takenAt), store, opening),
  }
}

export type OpenDirectoryLog = Awaited<ReturnType<typeof openLog>>

/** Makes a reader of a log that answers from it alone. */
export type ReaderOf = (log: OneLog, eventTypes: readonly string[]) => AuditLogDirectoryReader

/** The logs of a ledger in a directory, as far as they were found. */
export class DirectoryLogs implements LogsSource<OpenDirectoryLog> {
  readonly location: string
  readonly readers = new Map<number, AuditLogDirectoryReader>()
  /** Only the log in the directory itself is read, whatever others its ledger has. */
  readonly readsOneLog: boolean
  readonly #opening: Opening
  readonly #readerOf: ReaderOf
  #logs: readonly OpenDirectoryLog[] = []
  #lookedAt = -Infinity
  #looking: Promise<void> | undefined
  #closed: Promise<void> | undefined

  /** @param readerOf - makes the reader of a single log */
  private constructor(location: string, opening: Opening, readerOf: ReaderOf) {
    this.location = location
    this.readsOneLog = opening.only
    this.#opening = opening
    this.#readerOf = readerOf
  }

  /**
   * Opens the logs in a directory. There is none yet where processes have recorded and none of them has opened a log.
   *
   * @throws AuditLogError what opening a reader throws
   */
  static async open(location: string, opening: Opening, readerOf: ReaderOf): Promise<DirectoryLogs> {
    const logs = new DirectoryLogs(location, opening, readerOf)
    try {
      const first = await openLog(logDirectory(location, 0), opening).catch(async (problem) => {
        // Whoever may not look there is told why the log cannot be opened.
        if (!(await isStagedOnly(location).catch(() => false))) throw problem
      })
      if (first) logs.#add(first)
      await logs.look()
      return logs
    } catch (problem) {
      await logs.close()
      throw problem
    }
  }

  async logs(): Promise<readonly OpenDirectoryLog[]> {
    if (monotonicMillis() - this.#lookedAt >= this.#opening.refreshMillis) await this.look()
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
    if (this.#closed || (this.#opening.only && this.#logs.length > 0)) return
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
    const at = monotonicMillis()
    const known = new Set(this.#logs.map(({ number }) => number))
    const directories = this.#opening.only ? [logDirectory(this.location, 0)] : await this.#directories()
    const added = directories.filter(({ number }) => !known.has(number))
    for (const directory of added) {
      const log = await openLog(directory, this.#opening).catch(unlessMissing)
      if (log) this.#add(log)
    }
    this.#lookedAt = at
  }

  async #directories(): Promise<readonly LogDirectory[]> {
    try {
      // To open a log costs milliseconds, and each look would try the directories again that hold none.
      return await existingLogs(this.location)
    } catch (problem) {
      throw openError(problem, this.location)
    }
  }

  #add(log: OpenDirectoryLog): void {
    const { number, reader, store } = log
    const { eventTypes } = this.#opening
    this.#logs = [...this.#logs, log].sort((one, other) => one.number - other.number)
    this.readers.set(number, this.#readerOf(new OneLog(number, reader, store), eventTypes))
  }
}

/** One log of a ledger, as if there were no other. */
export class OneLog implements LogsSource<OpenDirectoryLog> {
  readonly readers: ReadonlyMap<number, AuditLogDirectoryReader> = new Map()
  readonly location: string
  readonly readsOneLog = true
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
  const isMissing = problem instanceof AuditLogError && problem.code === 'AUDIT_OPEN_FAILED'
  const { code } = ((problem as Error).cause ?? {}) as NodeJS.ErrnoException
  if (isMissing && (code === 'ENOENT' || code === 'ENOTDIR')) return undefined
  throw problem
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
