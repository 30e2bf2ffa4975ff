import { join, resolve } from 'node:path'
import { AuditLogError } from '../../events/errors.js'
import { isError } from '../../events/is-error.js'
import { requireRegularFiles } from '../../files/log-directory.js'
import type { Tile } from '../../tree/index.js'
import type { IndexName, JournalPosition, SealedContent, SeqCursor, SeqRange, StoredEntry, Walk } from '../contract.js'
import type { ReadableStore } from '../readable.js'
import type { RunKey, RunRow } from '../runs/run-row.js'
import { storeClosed } from '../store-closed.js'
import type { TimeBlock } from '../time-blocks.js'
import { ENTRIES } from './database.js'
import { FORMAT_VERSION } from './entries/head.js'
import { openError } from './errors.js'
import { assertGrown, type ReadingOptions, Snapshot } from './snapshot.js'
import { stateOfFiles } from './snapshot-files.js'
import { createTemporaryDirectory, removeTemporaryDirectory } from './temporary-directory.js'

/**
 * Reads a log that another process may be writing: from a snapshot in a temporary directory, renewed by
 * {@link refresh}. See `snapshot-files` for how, and why nothing of the log's directory is altered.
 */
export class SnapshotStore implements ReadableStore {
  readonly location: string
  readonly #temporary: string
  readonly #reading: ReadingOptions
  /** Those that a newer one took the place of: what began to read from them may go on. */
  readonly #retired = new Set<Snapshot>()
  #snapshot: Snapshot
  #taken = 1
  /** One refreshing after the other. */
  #refreshed: Promise<void> = Promise.resolve()
  #closed: Promise<void> | undefined

  /** @throws AuditLogError `AUDIT_OPEN_FAILED`, `AUDIT_LOG_CORRUPT`, `AUDIT_FORMAT_UNSUPPORTED`, `AUDIT_FILE_REFUSED` */
  static async open(directory: string, reading: ReadingOptions = {}): Promise<SnapshotStore> {
    const location = resolve(directory)
    let temporary: string | undefined
    try {
      await requireRegularFiles(location)
      temporary = await createTemporaryDirectory('spanledger-reader')
      const snapshot = await Snapshot.take(location, join(temporary, '0'), reading)
      return new SnapshotStore({ location, temporary, reading }, snapshot)
    } catch (error) {
      if (temporary !== undefined) await removeTemporaryDirectory(temporary)
      throw failure(error, location)
    }
  }

  private constructor({ location, temporary, reading }: Opened, snapshot: Snapshot) {
    this.location = location
    this.#temporary = temporary
    this.#reading = reading
    this.#snapshot = snapshot
  }

  get id(): string {
    return this.#snapshot.head.id
  }

  get size(): number {
    return this.#snapshot.head.tree.size
  }

  get root(): Uint8Array {
    return this.#snapshot.head.tree.root
  }

  get checkpoint(): string | undefined {
    return this.#snapshot.head.checkpoint
  }

  get removedEntries(): number {
    return this.#snapshot.head.removedEntries
  }

  get journalPosition(): JournalPosition | undefined {
    return this.#snapshot.head.writer.journal
  }

  get closedInOrder(): boolean {
    return this.#snapshot.head.writer.closed
  }

  /** Version of the log's format. */
  get formatVersion(): string {
    return FORMAT_VERSION
  }

  /** Takes in everything that has been committed by now. */
  refresh(): Promise<void> {
    const refreshed = this.#refreshed.then(() => this.#refresh())
    this.#refreshed = refreshed.catch(() => undefined)
    return refreshed
  }

  entries(walk: Walk): AsyncIterable<readonly StoredEntry[]> {
    return this.#walking((snapshot) => snapshot.entries.entries(walk))
  }

  async read(seqs: readonly number[]): Promise<readonly (Uint8Array | undefined)[]> {
    const snapshot = this.#current().retain()
    try {
      return await snapshot.entries.read(seqs)
    } finally {
      await snapshot.release()
    }
  }

  async content(seqs: readonly number[]): Promise<readonly (readonly SealedContent[])[]> {
    const snapshot = this.#current().retain()
    try {
      return await snapshot.content(seqs)
    } catch (error) {
      throw failure(error, this.location)
    } finally {
      await snapshot.release()
    }
  }

  async removedUnder(seqs: readonly number[]): Promise<readonly (number | undefined)[]> {
    const snapshot = this.#current().retain()
    try {
      return await snapshot.entries.removedUnder(seqs)
    } finally {
      await snapshot.release()
    }
  }

  postings(index: IndexName, value: readonly string[], walk: Walk): SeqCursor {
    const snapshot = this.#current().retain()
    const cursor = snapshot.indexes.postings(index, value, walk)
    let closed: Promise<void> | undefined
    return {
      next: (target) => cursor.next(target),
      close: () => {
        closed ??= cursor.close().then(() => snapshot.release())
        return closed
      },
    }
  }

  async countPostings(index: IndexName, value: readonly string[], range: SeqRange, limit?: number): Promise<number> {
    const snapshot = this.#current().retain()
    try {
      return await snapshot.indexes.countPostings(index, value, range, limit)
    } finally {
      await snapshot.release()
    }
  }

  async readTiles(tiles: readonly Tile[]): Promise<readonly (Uint8Array | undefined)[]> {
    const snapshot = this.#current().retain()
    try {
      return await snapshot.tiles.readTiles(tiles)
    } finally {
      await snapshot.release()
    }
  }

  firstOfEach(index: IndexName): AsyncIterable<number> {
    return this.#walking((snapshot) => snapshot.indexes.firstOfEach(index))
  }

  timeBlocks(level: number, walk: Walk): AsyncIterable<readonly TimeBlock[]> {
    return this.#walking((snapshot) => snapshot.indexes.timeBlocks(level, walk))
  }

  async runRows(keys: readonly RunKey[], size: number): Promise<readonly (RunRow | undefined)[]> {
    const snapshot = this.#current().retain()
    try {
      return await snapshot.indexes.runRows(keys, size)
    } finally {
      await snapshot.release()
    }
  }

  /** Ends what still reads, and removes the temporary directory. */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    await this.#refreshed
    await Promise.all([this.#snapshot, ...this.#retired].map((snapshot) => snapshot.close()))
    await removeTemporaryDirectory(this.#temporary)
  }

  async #refresh(): Promise<void> {
    const before = this.#current()
    try {
      if ((await stateOfFiles(join(this.location, ENTRIES))) === before.state) return
      const after = await Snapshot.take(this.location, join(this.#temporary, String(this.#taken++)), this.#reading)
      try {
        assertGrown(before, after, this.location)
      } catch (error) {
        await after.close()
        throw error
      }
      this.#snapshot = after
    } catch (error) {
      throw failure(error, this.location)
    }
    for (const old of this.#retired) if (old.isClosed) this.#retired.delete(old)
    this.#retired.add(before)
    // What becomes of its files is no concern of this read's.
    before.retire().catch(() => undefined)
  }

  async *#walking<T>(walk: (snapshot: Snapshot) => AsyncIterable<T>): AsyncGenerator<T> {
    const snapshot = this.#current().retain()
    try {
      yield* walk(snapshot)
    } finally {
      await snapshot.release()
    }
  }

  #current(): Snapshot {
    if (this.#closed) throw storeClosed(this.location)
    return this.#snapshot
  }
}

interface Opened {
  readonly location: string
  readonly temporary: string
  readonly reading: ReadingOptions
}

function failure(error: unknown, location: string): AuditLogError {
  const { code, path } = isError(error) ? (error as NodeJS.ErrnoException) : {}
  // Nothing there, and not something that has gone from the temporary directory.
  const isMissing = (code === 'ENOENT' || code === 'ENOTDIR') && path?.startsWith(location)
  if (!isMissing) return openError(error, location)
  return new AuditLogError('AUDIT_OPEN_FAILED', `There is no audit log in ${location}`, { cause: error })
}
