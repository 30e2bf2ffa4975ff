import { join, resolve } from 'node:path'
import type { ContentKeys } from '../content/contract.js'
import { AuditLogError } from '../events/errors.js'
import { isThere } from '../files/is-there.js'
import { requireRegularFiles } from '../files/log-directory.js'
import { readRegularFile } from '../files/regular-file.js'
import { readHeadFile } from '../log/journal/head-file.js'
import { ENTRIES, refuseFormer } from '../store/leveldb/database.js'
import { defaultOrigin } from '../store/log-id.js'
import { hashLeaf } from '../tree/index.js'
import { Findings } from '../verify/findings.js'
import { BlockRoots } from '../verify/leaf-block.js'
import { isAbsent, readFailure } from '../verify/read-failure.js'
import type { FoundCheckpoint, Inspection, InspectionRequest, LogSource } from '../verify/source.js'
import { Statements } from '../verify/statements.js'
import { closeFrozen, type FrozenDatabases, FrozenLog } from './frozen-log.js'
import { inspectWithContent } from './inspect-content.js'
import { inspectLog, openOwn } from './inspection.js'
import { getUndamaged } from './read-block.js'
import { readStatedHead } from './stated-head.js'

/** Longer than any checkpoint. */
const MAX_FILE_BYTES = 1_000_000

/** The parts of a log that are looked at, and with what. */
export interface DirectoryQuestions {
  /** Leaves out the index and the content, which are not even opened. @defaultValue false */
  readonly entriesOnly?: boolean | undefined
  /** The keys of its content. @defaultValue none: content is looked at from outside */
  readonly contentKeys?: ContentKeys | undefined
}

/** The directory of a log, also while a process writes it. */
export class DirectorySource implements LogSource {
  readonly location: string
  readonly openedAt: number
  readonly checkpoints: readonly FoundCheckpoint[]
  readonly vkey: string | undefined
  readonly missingCheckpoint: string | undefined
  readonly defaultOrigin: string | undefined
  readonly #contentKeys: ContentKeys | undefined
  readonly #head: ReturnType<typeof readHeadFile>
  readonly #opened: OpenedLog | undefined
  /** Why the database cannot be opened. */
  readonly #damage: string | undefined

  /**
   * @throws AuditLogError `AUDIT_OPEN_FAILED` when there is no log; `AUDIT_READ_FAILED` when it cannot be read;
   * `AUDIT_FILE_REFUSED`; `AUDIT_FORMAT_UNSUPPORTED`
   */
  static async open(directory: string, asked: DirectoryQuestions = {}): Promise<DirectorySource> {
    const location = resolve(directory)
    try {
      return await DirectorySource.#open(location, asked)
    } catch (error) {
      throw readFailure(error, location)
    }
  }

  static async #open(
    location: string,
    { entriesOnly = false, contentKeys }: DirectoryQuestions,
  ): Promise<DirectorySource> {
    const openedAt = Date.now()
    await requireRegularFiles(location)
    // First: a checkpoint that is written meanwhile may cover more than the database that is read.
    const file = await readIfThere(join(location, 'checkpoint'))
    const head = readHeadFile(join(location, 'head'))
    const vkey = (await readIfAllowed(join(location, 'keys', 'signing.vkey')))?.trim()
    const opened = await openLog(location, file !== undefined, entriesOnly)
    return new DirectorySource(location, { openedAt, file, vkey, head, opened }, contentKeys)
  }

  private constructor(
    location: string,
    { openedAt, file, vkey, head, opened }: FoundParts,
    contentKeys: ContentKeys | undefined,
  ) {
    this.location = location
    this.#contentKeys = contentKeys
    this.openedAt = openedAt
    this.vkey = vkey
    this.#head = head
    const stored = typeof opened === 'string' ? undefined : opened.checkpoint
    this.defaultOrigin = typeof opened === 'string' ? undefined : opened.defaultOrigin
    // The file gets each checkpoint first, the database with a later commit.
    this.missingCheckpoint = stored !== undefined && file === undefined ? 'the file checkpoint' : undefined
    this.checkpoints = [
      ...(stored === undefined ? [] : [{ source: 'the checkpoint in the database', note: stored }]),
      ...(file === undefined ? [] : [{ source: 'the file checkpoint', note: file }]),
    ]
    if (typeof opened === 'string') this.#damage = opened
    else this.#opened = opened
  }

  get statedSize(): number | undefined {
    return typeof this.#head === 'object' ? this.#head.size : undefined
  }

  async inspect(request: InspectionRequest): Promise<Inspection> {
    const findings = new Findings()
    if (this.#opened) {
      const { log, databases } = this.#opened
      await compareHeadFile(this.#opened, this.#head, findings)
      return await inspectWithContent(log, findings, this.#contentKeys, (content) =>
        inspectLog(log, databases, { ...request, content }, findings),
      )
    }
    // A log that is gone altogether was not altered: its checkpoint says how much is missing.
    if (this.#damage) findings.add('database_unreadable', this.#damage)
    const roots = new BlockRoots()
    const { tallies: statements } = new Statements(undefined)
    return {
      size: 0,
      rootAt: (size) => roots.rootAt(size),
      statements,
      dueSize: 0,
      removed: 0,
      remarks: [],
      findings: findings.all,
    }
  }

  async close(): Promise<void> {
    if (!this.#opened) return
    await closeFrozen(this.#opened.databases)
    await this.#opened.log.remove()
  }
}

/**
 * The parts found in the directory of a log.
 *
 * Attacker-controlled: all of them; files are regular and have at most MAX_FILE_BYTES, and only signatures are believed.
 */
interface FoundParts {
  readonly openedAt: number
  /** The file `checkpoint`. */
  readonly file: string | undefined
  readonly vkey: string | undefined
  readonly head: ReturnType<typeof readHeadFile>
  /** The database, or what is wrong with it. */
  readonly opened: OpenedLog | string
}

interface OpenedLog {
  readonly log: FrozenLog
  readonly databases: FrozenDatabases
  readonly checkpoint: string | undefined
  readonly defaultOrigin: string | undefined
}

/** @returns what is wrong with the database where it is damaged; nothing where it is gone */
async function openLog(location: string, hasCheckpoint: boolean, entriesOnly: boolean): Promise<OpenedLog | string> {
  await refuseFormer(location)
  if (hasCheckpoint && !(await isThere(join(location, ENTRIES)))) return ''
  let log: FrozenLog | undefined
  try {
    log = await FrozenLog.take(location, entriesOnly)
    const databases = await openOwn(log)
    const { checkpoint, id } = await readStatedHead(databases.entries, new Findings(), location)
    return { log, databases, checkpoint, defaultOrigin: id === undefined ? undefined : defaultOrigin(id) }
  } catch (error) {
    await log?.remove()
    if (error instanceof AuditLogError && error.code === 'AUDIT_LOG_CORRUPT') return error.message
    throw error
  }
}

/** The leaf hash of what was the last entry then. */
async function compareHeadFile(
  { databases, log }: OpenedLog,
  head: ReturnType<typeof readHeadFile>,
  findings: Findings,
): Promise<void> {
  if (head === 'malformed') findings.add('head_altered', 'the file head is malformed')
  if (typeof head !== 'object' || head.size === 0) return
  const seq = head.size - 1
  const entry = await getUndamaged(databases.entries, seq, log.location)
  if (!entry || Buffer.from(hashLeaf(entry)).toString('hex') === head.leaf) return
  findings.add('head_altered', `entry ${seq} is not the one that the file head was written for`, {
    from: seq,
    to: seq + 1,
  })
}

/** Keys are their owner's, also where others may read the log. */
async function readIfAllowed(path: string): Promise<string | undefined> {
  try {
    return await readIfThere(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EACCES') return undefined
    throw error
  }
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return (await readRegularFile(path, MAX_FILE_BYTES)).toString()
  } catch (error) {
    if (isAbsent(error)) return undefined
    throw error
  }
}
