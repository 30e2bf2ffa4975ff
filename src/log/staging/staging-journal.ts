import { lstatSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { randomId } from '../../events/random-id.js'
import { directoryMode, NOBODY, type Readers, readersOfLog } from '../../files/readers.js'
import { requireDirectory } from '../../files/regular-file.js'
import type { JournalPosition, SealedEntry } from '../../store/contract.js'
import { createDirectorySync, syncDirectory, widenSync } from '../../store/directory.js'
import { ownIdentity } from '../../store/process-identity.js'
import { currentBootId } from '../journal/boot-id.js'
import { Journal } from '../journal/journal.js'
import type { JournalKey, JournalMac } from '../journal/journal-key.js'
import type { JournalSpan } from '../journal/journal-span.js'
import { needsLock, OwnerLock } from './owner-lock.js'
import { type StagingName, stagingName } from './staging-directory.js'

/** Returns what attests the records of a staging journal: those of another one, or of a log, do not pass for its own. */
export function stagingMac(key: JournalKey | undefined, id: string): JournalMac | undefined {
  return key?.forLog(`staging ${id}`)
}

/** The origin of staged statements, until a log makes them its own. */
export const STAGING_ORIGIN = 'spanledger.staging'

/** The staging journal of this process: made at once, by a process that has no log yet. */
export class StagingJournal {
  readonly id: string
  readonly #staging: string
  readonly #journal: Journal
  readonly #lock: OwnerLock | undefined
  #name: StagingName
  #isClosed = false

  /**
   * Creates it, with the directories above it that are missing.
   *
   * @param staging - directory of the ledger for staging journals
   * @param asked - who may read it besides its owner and those who may read log 0
   * @throws AuditLogError `AUDIT_FILE_REFUSED`; what the file system throws
   */
  constructor(staging: string, key: JournalKey | undefined, asked: Readers = NOBODY) {
    this.id = randomId()
    this.#staging = staging
    this.#name = { id: this.id, owner: ownIdentity() ?? 'unknown', log: undefined }
    const readers = asked | readersOfLog(dirname(staging))
    createDirectorySync(staging, readers)
    requireDirectory(lstatSync(staging), staging)
    // Fails where there is something of that name: nothing of anybody else's is written to.
    mkdirSync(this.directory, { mode: directoryMode(readers) })
    widenSync(this.directory, directoryMode(readers))
    try {
      this.#journal = new Journal({
        directory: this.directory,
        segment: 1,
        after: 0,
        oldest: 1,
        bootId: currentBootId(),
        mac: stagingMac(key, this.id),
      })
    } catch (problem) {
      rmSync(this.directory, { recursive: true, force: true })
      throw problem
    }
    this.#lock = needsLock(this.#name.owner) ? new OwnerLock(this.directory) : undefined
  }

  get directory(): string {
    return join(this.#staging, stagingName(this.#name))
  }

  /** Bytes of its files. */
  get bytes(): number {
    return this.#journal.bytes
  }

  /** After the last record. */
  get end(): JournalPosition {
    return this.#journal.end
  }

  /** @throws what the file system throws; the entry is not staged then */
  append(entry: SealedEntry): void {
    this.#journal.append(entry)
  }

  /** Tells whether its files were removed, into which one can write all the same. */
  get isRemoved(): boolean {
    return this.#journal.isRemoved
  }

  /** Reads entries back. @throws what the file system throws; Error when a record is damaged */
  async read(span: JournalSpan): Promise<SealedEntry[]> {
    return await this.#journal.read(span)
  }

  /**
   * Makes the journal that of one log: nobody else takes it over from now on, whatever loses power. To be called before the
   * log gets the first of its events.
   *
   * @throws what the file system throws
   */
  async claimFor(log: string): Promise<void> {
    if (this.#name.log === log) return
    await this.#lock?.settled()
    this.#rename({ ...this.#name, log })
    this.#journal.movedTo(this.directory)
    await syncDirectory(this.#staging)
  }

  /** Gives it up at once, so that whoever opens a log of the ledger takes it over; unless a log has it. */
  async release(): Promise<void> {
    if (this.#isClosed) return
    this.#closeFile()
    if (this.#name.log === undefined) this.#rename({ ...this.#name, owner: 'ended' })
    await this.#lock?.release()
  }

  /** Deletes it: a log has all of it, durably. */
  async remove(): Promise<void> {
    await this.close()
    rmSync(this.directory, { recursive: true, force: true })
  }

  /** Leaves it to its next opening. Calling it again does nothing. */
  async close(): Promise<void> {
    this.#closeFile()
    await this.#lock?.release()
  }

  #closeFile(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#journal.close()
  }

  #rename(name: StagingName): void {
    renameSync(this.directory, join(this.#staging, stagingName(name)))
    this.#name = name
  }
}
