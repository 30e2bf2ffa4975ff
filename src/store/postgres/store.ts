import { randomUUID } from 'node:crypto'
import type { PoolConfig } from 'pg'
import { AuditLogError } from '../../events/errors.js'
import type { Tile } from '../../tree/index.js'
import type {
  CallerId,
  CommitMarks,
  CommitResult,
  IndexName,
  JournalPosition,
  SealedContent,
  SealedEntry,
  SeqCursor,
  SeqRange,
  StoredEntry,
  Walk,
} from '../contract.js'
import type { SharedStore } from '../shared.js'
import { storeClosed } from '../store-closed.js'
import type { StoredIndexes } from '../stored-indexes.js'
import type { TimeBlock } from '../time-blocks.js'
import { Appender } from './appender.js'
import { positionsOf } from './caller-ids.js'
import { ContentReads } from './content.js'
import { corrupt, openError, readError, writeError } from './errors.js'
import { EMPTY_HEAD, type FoundLog, findLog, type HeadState, readHeadState } from './head.js'
import { Announcer, ChangeListener } from './notifications.js'
import { type PostgresStoreOptions, requireStoreOptions } from './options.js'
import { poolConfig } from './pool-config.js'
import { PostgresReads } from './reads.js'
import { type Ask, requireSchema, Server, serverLocation } from './server.js'
import { PostgresIndexes } from './stored-indexes.js'

/**
 * Returns a store in PostgreSQL 14 or later, whose tables `migrate` has created. Any number of processes, on any
 * number of machines, may write one log at the same time: each commit takes its positions from the log's row, so there
 * are no gaps, and no reader ever sees a position before those below it.
 *
 * A commit is one transaction, acknowledged when the server has it as its `synchronous_commit` and
 * `synchronous_standby_names` say (`synchronous_commit = off` is taken for `on`). Where a connection breaks before the
 * answer, the next attempt looks at the positions whether it took place.
 *
 * @throws TypeError naming an unknown or malformed option
 *
 * @example
 * ```ts
 * const store = postgresStore({ connectionString: process.env.AUDIT_DATABASE, logId: 'payments' })
 * await using log = await openAuditLog({ store })
 * ```
 */
export function postgresStore(options: PostgresStoreOptions): PostgresStore {
  requireStoreOptions('postgresStore', options)
  return new PostgresEngine(options)
}

/** A log in PostgreSQL. To read it takes no more than the role `spanledger_reader`, and a standby will do. */
export interface PostgresStore extends SharedStore {
  readonly logId: string
}

/** An open log. */
interface Opened {
  readonly server: Server
  readonly log: number
  /** `undefined` when it was opened for reading. */
  readonly appender: Appender | undefined
  readonly content: ContentReads
  readonly changes: ChangeListener
  readonly announcer: Announcer
}

class PostgresEngine implements PostgresStore {
  readonly location: string
  readonly logId: string
  readonly #config: PoolConfig
  readonly #writer: string
  /** Nobody will ever open the log under this name again. */
  readonly #isAnonymous: boolean
  #opened: Opened | undefined
  #id = ''
  /** The newest head that was seen. */
  #seen: HeadState = EMPTY_HEAD
  #committing: Promise<CommitResult> | undefined
  /** Opening and closing, one after the other. */
  #lifecycle: Promise<void> = Promise.resolve()

  constructor(options: PostgresStoreOptions) {
    this.#config = poolConfig('postgresStore', options)
    this.logId = options.logId
    this.location = `${serverLocation(this.#config)}#${options.logId}`
    this.#isAnonymous = options.writer === undefined
    this.#writer = options.writer ?? randomUUID()
  }

  get id(): string {
    return this.#id
  }

  get size(): number {
    return this.#seen.size
  }

  get root(): Uint8Array {
    return this.#seen.root
  }

  get checkpoint(): string | undefined {
    return this.#seen.checkpoint
  }

  get journalPosition(): JournalPosition | undefined {
    return this.#opened?.appender?.state.journal
  }

  get closedInOrder(): boolean {
    return this.#opened?.appender?.state.closed ?? true
  }

  open(): Promise<void> {
    return this.#open(async (server) => {
      const appender = await Appender.open(server, this.logId, this.#writer, this.location)
      this.#seen = appender.head
      return { log: appender.log, appender }
    })
  }

  openForReading(): Promise<void> {
    return this.#open(async (server) => {
      const log = await findLog(server.ask, this.logId)
      const state = log && (await readHeadState(server.ask, log.log, 'no lock'))
      if (!log || !state) {
        throw new AuditLogError('AUDIT_OPEN_FAILED', `There is no audit log ${this.location}`)
      }
      this.#seen = state
      return { log, appender: undefined }
    })
  }

  close(): Promise<void> {
    return this.#inTurn(async () => {
      const opened = this.#opened
      this.#opened = undefined
      if (!opened) return
      await this.#committing?.catch(() => undefined)
      if (this.#isAnonymous) await opened.appender?.forget()
      await opened.changes.close()
      await opened.server.close()
    })
  }

  async commit(group: readonly SealedEntry[], marks?: CommitMarks): Promise<CommitResult> {
    const { appender, announcer } = this.#required()
    if (!appender) {
      throw new AuditLogError('AUDIT_WRITE_FAILED', `The audit log ${this.location} was opened for reading only`)
    }
    if (this.#committing) throw new TypeError('AuditStore.commit() was called before the commit before it settled')
    this.#committing = appender.commit(group, marks)
    try {
      const result = await this.#committing
      this.#see(appender.head)
      if (group.length > 0) announcer.announce()
      return result
    } catch (problem) {
      throw writeError(problem, this.location)
    } finally {
      this.#committing = undefined
    }
  }

  async refresh(): Promise<void> {
    const { log } = this.#required()
    const state = await this.#reading((ask) => readHeadState(ask, log, 'no lock'))
    if (!state) throw corrupt(this.location, 'its head is missing')
    this.#see(state)
  }

  async changed(signal: AbortSignal): Promise<void> {
    await this.#required().changes.next(signal)
  }

  async positionsOf(ids: readonly CallerId[]): Promise<readonly (number | undefined)[]> {
    const { log } = this.#required()
    return await this.#reading((ask) => positionsOf(ask, log, ids))
  }

  async openRuns(): Promise<readonly number[]> {
    const { log } = this.#required()
    const text = 'select seq from spanledger.open_run where log = $1 and writer = $2 order by seq'
    const rows = await this.#reading((ask) => ask<{ seq: string }>(text, [log, this.#writer]))
    return rows.map(({ seq }) => Number(seq))
  }

  entries(walk: Walk): AsyncIterable<readonly StoredEntry[]> {
    return this.#reads().entries(walk)
  }

  async read(seqs: readonly number[]): Promise<readonly (Uint8Array | undefined)[]> {
    return await this.#reads().read(seqs)
  }

  async content(seqs: readonly number[]): Promise<readonly (readonly SealedContent[])[]> {
    const { content } = this.#required()
    return await this.#reading((ask) => content.read(ask, seqs, this.size))
  }

  postings(index: IndexName, value: readonly string[], walk: Walk): SeqCursor {
    return this.#reads().postings(index, value, walk)
  }

  async countPostings(index: IndexName, value: readonly string[], range: SeqRange, limit?: number): Promise<number> {
    return await this.#reads().countPostings(index, value, range, limit)
  }

  firstOfEach(index: IndexName): AsyncIterable<number> {
    return this.#reads().firstOfEach(index)
  }

  timeBlocks(level: number, walk: Walk): AsyncIterable<readonly TimeBlock[]> {
    return this.#reads().timeBlocks(level, walk)
  }

  async readTiles(tiles: readonly Tile[]): Promise<readonly (Uint8Array | undefined)[]> {
    return await this.#reads().readTiles(tiles)
  }

  indexes(): StoredIndexes {
    const { server, log } = this.#required()
    return new PostgresIndexes({ server, log, location: this.location, see: (head) => this.#see(head) })
  }

  #open(
    find: (server: Server) => Promise<{ readonly log: FoundLog; readonly appender: Appender | undefined }>,
  ): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#opened) return
      const server = new Server(this.#config)
      try {
        await requireSchema(server, this.location)
        const {
          log: { log, uid },
          appender,
        } = await find(server)
        this.#id = uid
        const changes = new ChangeListener(this.#config, log)
        const content = new ContentReads(log, this.location)
        this.#opened = { server, log, appender, content, changes, announcer: new Announcer(server, log) }
      } catch (problem) {
        await server.close()
        throw openError(problem, this.location)
      }
    })
  }

  /** A log that has become less than it was is none to go on with. */
  #see(state: HeadState): void {
    if (state.version >= this.#seen.version) this.#seen = state
    else if (state.size < this.#seen.size) {
      throw corrupt(this.location, `of the ${this.#seen.size} entries that were read it has ${state.size}`)
    }
  }

  #reads(): PostgresReads {
    return new PostgresReads(() => this.#required().server.ask, this.#opened?.log ?? 0, this.size, this.location)
  }

  async #reading<T>(read: (ask: Ask) => Promise<T>): Promise<T> {
    try {
      return await read(this.#required().server.ask)
    } catch (problem) {
      this.#required()
      throw readError(problem, this.location)
    }
  }

  #required(): Opened {
    if (!this.#opened) throw storeClosed(this.location)
    return this.#opened
  }

  #inTurn(change: () => Promise<void>): Promise<void> {
    const changed = this.#lifecycle.then(change)
    this.#lifecycle = changed.catch(() => undefined)
    return changed
  }
}
