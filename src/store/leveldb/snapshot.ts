import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { SealedContent } from '../contract.js'
import { type TakenContent, takenContent } from './content/snapshot.js'
import { ENTRIES, refuseFormer } from './database.js'
import { BlockCache } from './entries/block-cache.js'
import { type Head, readHead } from './entries/head.js'
import { EntryReads } from './entries/reads.js'
import { assertRecovered } from './entries/recovered-blocks.js'
import { StoredTiles } from './entries/stored-tiles.js'
import { corrupt } from './errors.js'
import { followedLog } from './followed-log.js'
import { NameHashes } from './hash-key.js'
import { indexPath } from './indexes/database.js'
import { LogIndex } from './indexes/log-index.js'
import { IndexReads } from './indexes/reads.js'
import { type Database, newDatabase } from './load-level.js'
import { hasRecoveredAll } from './recovered-log.js'
import { type FilesState, type SnapshotFiles, takeFiles } from './snapshot-files.js'

/** Larger than any log that a writer leaves, so that it becomes a single table. */
const WRITE_BUFFER_BYTES = 64 * 2 ** 20

/** The way in which a log is read. Whoever opens it decides, by what its thread has to do besides. */
export interface ReadingOptions {
  /**
   * Single entries are read on the calling thread, which waits for the disk then. It is faster, and for a thread that has
   * nothing else to do meanwhile. @defaultValue false
   */
  readonly synchronous?: boolean | undefined
}

/** A log as it was at one moment. It stays while anything reads from it, also once a newer one has taken its place. */
export class Snapshot {
  readonly head: Head
  readonly state: FilesState
  readonly entries: EntryReads
  readonly tiles: StoredTiles
  readonly indexes: IndexReads
  readonly #content: () => Promise<TakenContent | undefined>
  #takenContent: Promise<TakenContent | undefined> | undefined
  readonly #db: Database
  readonly #files: readonly (SnapshotFiles | undefined)[]
  readonly #target: string
  readonly #index: LogIndex
  #opened: Promise<void> | undefined
  #readers = 0
  #isRetired = false
  #closed: Promise<void> | undefined

  /**
   * Takes the index first: it never knows more than the entries then.
   *
   * @param directory - of the log
   * @param target - where the snapshot's files are put
   * @param reading - the way in which it is read
   * @throws AuditLogError `AUDIT_LOG_CORRUPT`, `AUDIT_FORMAT_UNSUPPORTED`; what else fails comes as it is
   */
  static async take(directory: string, target: string, reading: ReadingOptions = {}): Promise<Snapshot> {
    await refuseFormer(directory)
    await mkdir(target, { mode: 0o700 })
    let db: Database | undefined
    const files: (SnapshotFiles | undefined)[] = []
    try {
      // What is wrong with an index is no concern of those who read: another one is derived.
      const source = indexPath(directory)
      files.push(await takeFiles({ source, target: indexPath(target), location: directory }).catch(() => undefined))
      const path = join(target, ENTRIES)
      const taken = await takeFiles({ source: join(directory, ENTRIES), target: path, location: directory })
      files.push(taken)
      db = newDatabase(path, { createIfMissing: false, writeBufferSize: WRITE_BUFFER_BYTES })
      await db.open()
      const head = await readHead(db, directory)
      const isDoubtful = taken.hasGap || !(await hasRecoveredAll(path))
      if (isDoubtful) await assertRecovered(db, head.tree.size, taken.logBytes, directory)
      return new Snapshot({ db, files, target, state: taken.state, reading }, head, directory)
    } catch (error) {
      await db?.close()
      await removeFiles(files, target)
      throw error
    }
  }

  private constructor({ db, files, target, state, reading }: TakenParts, head: Head, location: string) {
    this.#db = db
    this.#files = files
    this.#target = target
    this.head = head
    this.state = state
    const { openBlocks, openPages, removedEntries, tree } = head
    const { size } = tree
    const cache = new BlockCache()
    const hashes = new NameHashes(head.hashKey)
    this.tiles = new StoredTiles(db)
    const entriesState = { size, removedEntries, openBlocks, openPages }
    this.entries = new EntryReads({ database: () => db, cache, location }, entriesState, reading)
    const followed = followedLog({ db, head, hashes, cache, location })
    this.#index = new LogIndex(indexPath(target), () => followed)
    const source = { view: () => this.#view(), failure: (problem: unknown) => this.#index.failure(problem) }
    this.indexes = new IndexReads(source, hashes, size)
    this.#content = () => takenContent(location, target)
  }

  get isClosed(): boolean {
    return this.#closed !== undefined
  }

  /** Whoever reads says so, and {@link release}s it when done. */
  retain(): this {
    this.#readers++
    return this
  }

  async release(): Promise<void> {
    this.#readers--
    await this.#closeIfUnused()
  }

  /**
   * Reads content items. Their database is taken for the first who asks: it is written before the entries are, so that it holds the items
   * of all entries here.
   */
  async content(seqs: readonly number[]): Promise<readonly (readonly SealedContent[])[]> {
    this.#takenContent ??= this.#content()
    const taken = await this.#takenContent
    return taken ? await taken.read(seqs) : seqs.map(() => [])
  }

  /** A newer one has taken its place. */
  async retire(): Promise<void> {
    this.#isRetired = true
    await this.#closeIfUnused()
  }

  /** Closes it under whoever still reads. */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #closeIfUnused(): Promise<void> {
    if (this.#isRetired && this.#readers === 0) await this.close()
  }

  /** The index is opened for the first who asks: whoever reads entries alone does not wait for it. */
  async #view() {
    this.#opened ??= this.#index.open()
    await this.#opened
    return await this.#index.view()
  }

  async #close(): Promise<void> {
    await this.#opened?.catch(() => undefined)
    await (await this.#takenContent?.catch(() => undefined))?.close()
    await this.#index.close()
    await this.#db.close()
    await removeFiles(this.#files, this.#target)
  }
}

interface TakenParts {
  readonly db: Database
  readonly files: readonly (SnapshotFiles | undefined)[]
  readonly target: string
  readonly state: FilesState
  readonly reading: ReadingOptions
}

async function removeFiles(files: readonly (SnapshotFiles | undefined)[], target: string): Promise<void> {
  for (const taken of files) await taken?.remove()
  await rm(target, { recursive: true, force: true })
}

/** A log only grows. @throws AuditLogError `AUDIT_LOG_CORRUPT` */
export function assertGrown(before: Snapshot, after: Snapshot, location: string): void {
  const [had, has] = [before.head.tree.size, after.head.tree.size]
  if (has < had) throw corrupt(location, `it had ${had} entries, and has ${has} now`)
}
