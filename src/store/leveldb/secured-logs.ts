import { mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { syncDirectory } from '../directory.js'
import { readCurrent, readManifest } from './current-manifest.js'
import { directoriesIn, fileDigits, fileName, highestNumberIn, type LogFile, logsIn, sizeOf } from './database-files.js'
import { codeOf } from './errors.js'
import { copyDurably, linkOrCopy } from './link-or-copy.js'
import type { Database } from './load-level.js'
import { readLogFile } from './log-file.js'
import { LoggedWrites, sequenceOf } from './logged-writes.js'
import type { Manifest } from './manifest.js'
import { LogReader, type LogReaderOptions } from './recovered-records.js'

/*
 * LevelDB deletes its own log as soon as it has opened, whether or not it could read it: a log that could not be opened
 * or listed, and all that follows a failed read, is left out without an error. Therefore the logs have a second name
 * before LevelDB opens, and keep it until the open database was seen to have all that they say:
 *
 *   entries/000007.log               LevelDB turns it into a table, and deletes it
 *   entries/secured-1/000007.log     the same file by a hard link; a copy where LevelDB might write to the file
 *   entries/returning-1/000001.log   on its way back to be a log of the database
 *   entries/damaged/000007.log       the first log that was found damaged itself, kept as evidence
 *
 * Every step may be the last one of the process. What a process leaves is judged by the next one that opens, by the same
 * rule: what the database has all of is let go, anything else is put back.
 *
 * LevelDB may get a record twice, since each says its place in the sequence of all writes. But it takes what comes from a
 * later log for newer. Therefore all secured logs are put back, in their order, behind all other logs: the last word on
 * each key is then what it was, whatever LevelDB has made of them before. Half of them would not do, so that a return
 * that has begun is finished before LevelDB opens.
 */

const SECURED = /^secured-\d+$/
const RETURNING = /^returning-\d+$/
/** The number of attempts to secure the logs while another process takes files away. */
const MAX_ATTEMPTS = 5

/**
 * The state of the logs in an open database. `whole`: it has all of them. `damaged`: it has all but the damaged parts
 * of the logs themselves. `incomplete`: it lacks some. `superseded`: somebody else has opened the database meanwhile
 * and recovered the logs.
 */
export type Recovered = 'whole' | 'damaged' | 'incomplete' | 'superseded'

interface SecuredLog extends LogFile {
  /** Place of its last batch in the sequence of all writes. */
  readonly lastSequence: number
}

/** A directory with second names of logs. */
interface SecuredDirectory {
  readonly path: string
  readonly logs: readonly SecuredLog[]
  /** The writes in the logs, damaged records included. */
  readonly writes: LoggedWrites
  readonly hasGap: boolean
}

/** The logs of a database that nobody has open yet. */
export class SecuredLogs {
  readonly #database: string
  #own: SecuredDirectory | undefined
  /** Directories secured by processes that died. */
  #left: readonly SecuredDirectory[] = []
  /** Of the database as it was secured: opening it, LevelDB goes on to a manifest of the next number. */
  #manifest = ''
  #nextManifest = ''

  private constructor(database: string) {
    this.#database = database
  }

  /**
   * Secures what LevelDB might delete when it opens the database, durably. Nothing is done where no log holds anything.
   *
   * @throws AuditLogError `AUDIT_FILE_REFUSED` when a log is no regular file, `AUDIT_LOG_CORRUPT` when the manifest is
   * malformed; what the file system throws
   */
  static async take(database: string): Promise<SecuredLogs> {
    for (let attempt = 1; ; attempt++) {
      const secured = new SecuredLogs(database)
      try {
        await secured.#take()
        return secured
      } catch (problem) {
        await secured.discard()
        // Whoever has the database open goes on to other files.
        if (codeOf(problem) !== 'ENOENT' || attempt === MAX_ATTEMPTS) throw problem
      }
    }
  }

  get bytes(): number {
    return this.#all.flatMap(({ logs }) => logs).reduce((total, { bytes }) => total + bytes, 0)
  }

  /** @throws what reading the database or the logs throws */
  async compareWith(db: Database): Promise<Recovered> {
    if (this.#all.length > 0 && (await manifestOf(this.#database)) !== this.#nextManifest) return 'superseded'
    const isWhole = await this.#areIn(db, (directory) => directory.writes)
    if (isWhole) return this.#all.some(({ hasGap }) => hasGap) ? 'damaged' : 'whole'
    const isRest = await this.#areIn(db, async ({ logs }) => (await readLogs(logs, { checksums: true })).writes)
    return isRest ? 'damaged' : 'incomplete'
  }

  /** Gives the logs up, since the database has all that can be read of them. Of those that are damaged the first stay. */
  async letGo(recovered: Recovered): Promise<void> {
    for (const { path } of this.#all) {
      if (recovered === 'damaged') await rename(path, join(this.#database, 'damaged')).catch(() => undefined)
      // A later opening removes what cannot be removed now.
      await rm(path, { recursive: true, force: true }).catch(() => undefined)
    }
  }

  /** Takes the second names back: LevelDB did not get as far as the logs. */
  async discard(): Promise<void> {
    if (this.#own) await rm(this.#own.path, { recursive: true, force: true })
  }

  /**
   * Makes the logs part of the closed database again, from which LevelDB has deleted them, or taken what it could read.
   *
   * @throws what the file system throws: the logs stay secured then
   */
  async putBack(): Promise<void> {
    const logs = this.#all.flatMap((directory) => directory.logs).sort((a, b) => a.lastSequence - b.lastSequence)
    const [directory] = this.#all
    if (!directory) return
    const gathered = join(directory.path, 'gathered')
    await rm(gathered, { recursive: true, force: true })
    await mkdir(gathered, { mode: 0o700 })
    for (const [at, { path }] of logs.entries()) await linkOrCopy(path, join(gathered, fileName(at + 1, 'log')))
    await syncDirectory(gathered)
    const returning = await createNext(this.#database, 'returning', (target) => rename(gathered, target))
    await syncDirectory(this.#database)
    for (const { path } of this.#all) await rm(path, { recursive: true })
    await finishReturn(this.#database, returning)
  }

  /** Tells whether LevelDB, which refused to open, has overwritten a log. */
  async areOverwritten(): Promise<boolean> {
    if ((await manifestOf(this.#database)) !== this.#manifest) return false
    for (const { number, bytes } of this.#own?.logs ?? []) {
      if ((await sizeOf(join(this.#database, fileName(number, 'log')))) !== bytes) return true
    }
    return false
  }

  get #all(): readonly SecuredDirectory[] {
    return this.#own ? [...this.#left, this.#own] : this.#left
  }

  async #take(): Promise<void> {
    for (const path of await directoriesIn(this.#database, RETURNING)) await finishReturn(this.#database, path)
    this.#manifest = await manifestOf(this.#database)
    const { firstLog, nextFile } = await readNamed(this.#database, this.#manifest)
    this.#nextManifest = `MANIFEST-${fileDigits(nextFile)}`
    this.#left = await Promise.all((await directoriesIn(this.#database, SECURED)).map(readDirectory))
    const logs = (await logsIn(this.#database)).filter(({ number, bytes }) => number >= firstLog && bytes > 0)
    if (logs.length === 0) return
    const path = await createNext(this.#database, 'secured', (target) => mkdir(target, { mode: 0o700 }))
    this.#own = { path, logs: [], writes: new LoggedWrites(), hasGap: false }
    for (const log of logs) {
      // LevelDB opens new files for writing, whether or not it has seen that there is one already.
      const secure = log.number < nextFile ? linkOrCopy : copyDurably
      await secure(log.path, join(path, fileName(log.number, 'log')))
    }
    await syncDirectory(path)
    await syncDirectory(this.#database)
    this.#own = await readDirectory(path)
  }

  async #areIn(
    db: Database,
    writesOf: (directory: SecuredDirectory) => LoggedWrites | Promise<LoggedWrites>,
  ): Promise<boolean> {
    for (const left of this.#left) if (!(await (await writesOf(left)).haveKeysIn(db))) return false
    return !this.#own || (await (await writesOf(this.#own)).areIn(db))
  }
}

/** Reads what the logs of a directory say, before anything happens to them: what cannot be read is not opened. */
async function readDirectory(path: string): Promise<SecuredDirectory> {
  return { path, ...(await readLogs(await logsIn(path), { checksums: false })) }
}

async function readLogs(files: readonly LogFile[], options: LogReaderOptions): Promise<Omit<SecuredDirectory, 'path'>> {
  const writes = new LoggedWrites()
  const logs: SecuredLog[] = []
  let hasGap = false
  for (const file of files) {
    const reader = new LogReader(options)
    let lastSequence = 0
    await readLogFile(file.path, reader, (batch) => {
      writes.add(batch)
      lastSequence = sequenceOf(batch)
    })
    logs.push({ ...file, lastSequence })
    hasGap ||= reader.hasGap
  }
  return { logs, writes, hasGap }
}

/** Makes logs the newest ones of a database. It may be begun any number of times. */
async function finishReturn(database: string, returning: string): Promise<void> {
  const { nextFile } = await readNamed(database, await manifestOf(database))
  let number = Math.max(nextFile, (await highestNumberIn(database)) + 1)
  for (const { path } of await logsIn(returning)) {
    await linkOrCopy(path, join(database, fileName(number, 'log')))
    number++
  }
  await syncDirectory(database)
  // From now on they are like others that are secured: half of them may go.
  const done = await createNext(database, 'secured', (target) => rename(returning, target))
  await rm(done, { recursive: true })
}

/** Makes the first of `<name>-1`, `<name>-2`, … that is not there yet. @returns its path */
async function createNext(database: string, name: string, make: (path: string) => Promise<unknown>): Promise<string> {
  for (let number = 1; ; number++) {
    const path = join(database, `${name}-${number}`)
    try {
      await make(path)
      return path
    } catch (problem) {
      if (!['EEXIST', 'ENOTEMPTY'].includes(codeOf(problem) ?? '')) throw problem
    }
  }
}

/** Returns the name of the manifest. */
async function manifestOf(database: string): Promise<string> {
  return await readCurrent(database, database)
}

async function readNamed(database: string, name: string): Promise<Manifest> {
  return (await readManifest(join(database, name), database)).manifest
}
