import { randomUUID } from 'node:crypto'
import { AuditLogError } from '../../events/errors.js'
import { delay } from '../../timers/real-timers.js'
import { hashLeaf, proveConsistency, verifyConsistency } from '../../tree/index.js'
import type { CommitMarks, CommitResult, JournalPosition, SealedEntry } from '../contract.js'
import { assertPosition, callerIdsOf, placeGroup, storedIds } from '../placement.js'
import { positionsOf } from './caller-ids.js'
import { corrupt, isConflict, isConnectionLost } from './errors.js'
import { EMPTY_HEAD, type FoundLog, findLog, type Head, loadHead, readHeadState, type WriterState } from './head.js'
import { type Ask, askThrough, type Server } from './server.js'
import { StoredTiles } from './stored-tiles.js'
import { UnsettledEntries } from './unsettled.js'
import { writeGroup } from './write-group.js'

/** Waits before each further attempt at a commit. Past these, whoever wants it written tries again in time. */
const RETRY_DELAYS_MILLIS = [0, 50, 250, 1000]

/** The log that is written, and its writer. */
export interface Appending {
  readonly server: Server
  readonly location: string
  readonly log: number
  /** See `AuditStore.id`. */
  readonly uid: string
  readonly writer: string
  /** Of this opening: whoever opens the log under the same name later takes it over. */
  readonly session: string
}

/** The state of the log after a commit, if it takes place. */
interface Written {
  readonly result: CommitResult
  readonly head: Head
  readonly state: WriterState
}

/**
 * Appends groups to a log that others may append to as well.
 *
 * As long as nobody else does, a commit is one statement that takes place if the log is still as it was left. When it
 * is not, and whenever something went wrong, the commit first locks the log's row, takes in what has changed, and
 * writes while it holds the lock.
 */
export class Appender {
  readonly #to: Appending
  readonly #unsettled = new UnsettledEntries()
  #head: Head
  #state: WriterState
  /** Others were faster last time: to ask first costs less than to be refused. */
  #isContended = false
  /** The next answer may be that of another server than the last one. */
  #wasLost = false

  /** Opens a log to write, and creates it if it is missing. */
  static async open(server: Server, logId: string, writer: string, location: string): Promise<Appender> {
    return await server.connected(async (client) => {
      const ask = askThrough(client)
      await ask('select spanledger.create_log($1)', [logId])
      const { log, uid } = (await findLog(ask, logId)) as FoundLog
      const session = randomUUID()
      await ask('begin isolation level read committed', [])
      const state = await takeOver(ask, { log, writer, session })
      const opened = await readHeadState(ask, log, 'no lock')
      if (!opened) throw corrupt(location, 'its head is missing')
      const head = await loadHead(ask, { log, location }, opened, EMPTY_HEAD)
      await ask('commit', [])
      return new Appender({ server, location, log, uid, writer, session }, head, state)
    })
  }

  private constructor(to: Appending, head: Head, state: WriterState) {
    this.#to = to
    this.#head = head
    this.#state = state
  }

  get log(): FoundLog {
    return this.#to
  }

  /** As of the last commit. */
  get head(): Head {
    return this.#head
  }

  get state(): WriterState {
    return this.#state
  }

  /** @throws AuditLogError `AUDIT_LOG_LOCKED`, `AUDIT_LOG_CORRUPT`; what the server says */
  async commit(group: readonly SealedEntry[], marks: CommitMarks | undefined): Promise<CommitResult> {
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#attempt(group, marks)
      } catch (problem) {
        const delayMillis = RETRY_DELAYS_MILLIS[attempt]
        const isLost = isConnectionLost(problem)
        if (isLost) this.#wasLost = true
        if (delayMillis === undefined || !(isLost || isConflict(problem))) throw problem
        await delay(delayMillis)
      }
    }
  }

  /** Nobody will write under this name again: what is kept about it is of no use. Does what it can. */
  async forget(): Promise<void> {
    const { server, log, writer, session } = this.#to
    try {
      await server.connected(async (client) => {
        const ask = askThrough(client)
        // Nobody has to wait for a standby for this.
        await client.query('begin; set local synchronous_commit = local')
        await ask('select spanledger.forget_writer($1, $2, $3)', [log, writer, session])
        await ask('commit', [])
      })
    } catch {}
  }

  async #attempt(group: readonly SealedEntry[], marks: CommitMarks | undefined): Promise<CommitResult> {
    const { server } = this.#to
    if (!this.#isContended && this.#unsettled.isEmpty) {
      const written = await server.connected((client) => this.#write(askThrough(client), this.#head, group, marks))
      if (written) return this.#acknowledge(written)
      this.#unsettled.clear()
    }
    return this.#acknowledge(await server.connected((client) => this.#commitLocked(askThrough(client), group, marks)))
  }

  /** Only now, when nothing was wrong with the connection, is it known that the commit took place as it should. */
  #acknowledge({ result, head, state }: Written): CommitResult {
    this.#unsettled.clear()
    this.#head = head
    this.#state = state
    return result
  }

  async #commitLocked(ask: Ask, group: readonly SealedEntry[], marks: CommitMarks | undefined): Promise<Written> {
    const before = this.#head
    await ask('begin isolation level read committed', [])
    const head = await this.#takeIn(ask)
    await this.#settle(ask, head)
    const written = await this.#write(ask, head, group, marks)
    if (!written) throw new Error('the row of the log changed while it was locked')
    await ask('commit', [])
    this.#isContended = head.version !== before.version
    return written
  }

  /** The head as it is now, locked until the end of the transaction. */
  async #takeIn(ask: Ask): Promise<Head> {
    const { log, location, writer, session } = this.#to
    const known = this.#head
    const state = await readHeadState(ask, log, 'lock')
    if (!state) throw corrupt(location, 'its head is missing')
    if (state.version === known.version && state.size === known.size) return known
    if (state.version < known.version || state.size < known.size) {
      throw corrupt(location, `of the ${known.size} entries that were committed it has ${state.size}`)
    }
    const own = await ask('select 1 from spanledger.writer where log = $1 and name = $2 and session = $3', [
      log,
      writer,
      session,
    ])
    if (own.length === 0) {
      throw new AuditLogError(
        'AUDIT_LOG_LOCKED',
        `The audit log ${location} was opened by another process under the name '${writer}': give each writer a name of its own`,
      )
    }
    const head = await loadHead(ask, { log, location }, state, known)
    if (this.#wasLost) await this.#assertGrown(ask, known, head)
    this.#wasLost = false
    return head
  }

  /** After a failover: another server may hold another continuation of the log. */
  async #assertGrown(ask: Ask, before: Head, after: Head): Promise<void> {
    if (before.size === 0) return
    const { log, location } = this.#to
    try {
      const proof = await proveConsistency(before.size, after.size, new StoredTiles(ask, log))
      verifyConsistency({ size1: before.size, root1: before.root, size2: after.size, root2: after.root, proof })
    } catch (cause) {
      if (!(cause instanceof AuditLogError)) throw cause
      throw corrupt(location, `its first ${before.size} entries are not those that were committed`, cause)
    }
  }

  /** Finds out which entries of commits without an answer are stored. */
  async #settle(ask: Ask, head: Head): Promise<void> {
    const { doubtful } = this.#unsettled
    if (!doubtful) return
    const { from, to } = doubtful
    const rows =
      head.size < to
        ? []
        : await ask<{ bytes: Buffer }>(
            'select bytes from spanledger.entry where log = $1 and seq >= $2 and seq < $3 order by seq',
            [this.#to.log, from, to],
          )
    this.#unsettled.settle(rows.map(({ bytes }) => hashLeaf(bytes)))
  }

  /** @returns `undefined` when the log is not as `head` says any more; nothing was written then */
  async #write(
    ask: Ask,
    head: Head,
    group: readonly SealedEntry[],
    marks: CommitMarks | undefined,
  ): Promise<Written | undefined> {
    const { log, writer } = this.#to
    const ids = callerIdsOf(group)
    const positions = await positionsOf(ask, log, ids)
    // Somebody else has stored such an id since.
    if (positions.some((seq) => seq !== undefined && seq >= head.size)) return undefined
    const placement = placeGroup(group, {
      size: head.size,
      callerIds: storedIds(ids, positions),
      kept: this.#unsettled.positionsOf(group),
    })
    assertPosition(placement, marks, this.#to.location)
    const state = nextState(this.#state, placement.fresh.length > 0, marks)
    let after = head
    // What was found stored may not be on a standby yet. A commit behind it is acknowledged when both are.
    if (placement.fresh.length > 0 || marks || !this.#unsettled.isEmpty) {
      this.#unsettled.expect(head.size, placement.fresh)
      const next = await writeGroup(ask, { log, writer }, head, { placement, state, marks })
      if (!next) return undefined
      after = next
    }
    const { seqs, firstNew } = placement
    return { result: { seqs, size: after.size, firstNew }, head: after, state }
  }
}

/** A commit that is not said to close the log takes back that it was closed, unless there is nothing to it. */
function nextState(state: WriterState, hasEntries: boolean, marks: CommitMarks | undefined): WriterState {
  return {
    journal: marks?.journal ?? state.journal,
    closed: marks || hasEntries ? marks?.closed === true : state.closed,
  }
}

/** Makes this opening the one that writes under the name, and locks the log. @returns what the one before it said last */
async function takeOver(
  ask: Ask,
  { log, writer, session }: Pick<Appending, 'log' | 'writer' | 'session'>,
): Promise<WriterState> {
  const [before] = await ask<WriterRow>(
    'select closed, journal_segment, journal_offset from spanledger.open_writer($1, $2, $3)',
    [log, writer, session],
  )
  return { journal: journalOf(before), closed: before?.closed ?? true }
}

interface WriterRow {
  readonly closed: boolean
  readonly journal_segment: string | null
  readonly journal_offset: string | null
}

function journalOf(row: WriterRow | undefined): JournalPosition | undefined {
  if (row?.journal_segment == null) return undefined
  return { segment: Number(row.journal_segment), offset: Number(row.journal_offset) }
}
