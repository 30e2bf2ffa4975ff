import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { AuditLogError } from '../../events/errors.js'
import { directoryMode, NOBODY, type Readers, readersIn } from '../../files/readers.js'
import { createDirectory, syncDirectory, widen } from '../../store/directory.js'
import { delay } from '../../timers/real-timers.js'
import { type LogDirectory, logDirectories, logDirectory } from '../log-directories.js'
import { isInTransit, isSurelyTaken, type LogState, readState } from './state-file.js'

/*
 * A process that opens a ledger takes a free log of it: one whose writer died first, so that what that has left behind is
 * recovered soonest; then the one of the lowest number; else a new one. The locks of the logs decide. So there are as many
 * logs as processes ever wrote at the same time, also where they are all started anew over and over.
 */

export interface TakeLogParts<L> {
  /** Absolute. */
  readonly location: string
  /** Opens a log. @throws AuditLogError `AUDIT_LOG_LOCKED` where somebody else has it */
  readonly open: (directory: LogDirectory) => Promise<L>
  /** Called once for each log that cannot be opened, and is left as it is, when another one is taken. */
  readonly report: (problem: Error) => void
  /** Readers of a new log besides its owner and those who may read log 0. @defaultValue nobody */
  readonly readers?: Readers
  /** Waits between two attempts. @defaultValue some milliseconds, which differ */
  readonly pause?: () => Promise<void>
}

/** A log that is taken. */
export interface TakenLog<L> {
  readonly directory: LogDirectory
  readonly log: L
  /** Numbers of logs that cannot be opened, which are reported. */
  readonly unusable: ReadonlySet<number>
}

/** Some seconds for a log that somebody recovers: after them another one is begun. */
const MAX_PAUSES = 200
const MAX_PAUSE_MILLIS = 50
/** A new log is a process's own, unless another one sees it before it is open, and takes it. */
const MAX_NEW_LOGS = 100
/** These concern the whole ledger, or whoever opens it. */
const OF_ALL_LOGS: ReadonlySet<string> = new Set(['AUDIT_FORMAT_UNSUPPORTED', 'AUDIT_LOCKS_UNSUPPORTED'])

/**
 * Takes a free log of a ledger.
 *
 * @throws AuditLogError `AUDIT_FORMAT_UNSUPPORTED`, `AUDIT_LOCKS_UNSUPPORTED`; `AUDIT_FILE_REFUSED` where something else takes
 * the place of a directory of the ledger; what opening a new log throws, where there is no other
 */
export async function takeLog<L>(parts: TakeLogParts<L>): Promise<TakenLog<L>> {
  const attempts = new Attempts(parts)
  for (let pauses = 0, begun = 0; ; ) {
    const { directories, refusal } = await directoriesOf(parts)
    const taken = await attempts.tryAll(directories)
    if (taken) return taken
    if (attempts.isInTransit && pauses++ < MAX_PAUSES) {
      await (parts.pause ?? pauseAWhile)()
      continue
    }
    if (refusal) throw refusal
    if (begun++ === MAX_NEW_LOGS)
      throw new Error(`${parts.location}: other processes took each of ${MAX_NEW_LOGS} new logs`)
    const directory = await createLogDirectory(parts, directories)
    const opened = await attempts.tryNew(directory)
    if (opened) return opened
    pauses = 0
  }
}

class Attempts<L> {
  readonly #parts: TakeLogParts<L>
  readonly #unusable = new Set<number>()
  /** Logs that could not be opened once: another process may have opened and closed them meanwhile. */
  readonly #failed = new Set<number>()
  readonly #leftAside: Error[] = []
  /** Logs that others have for good. */
  readonly #held = new Set<number>()
  /** A log that is locked may be free in a moment. */
  isInTransit = false

  constructor(parts: TakeLogParts<L>) {
    this.#parts = parts
  }

  async tryAll(directories: readonly LogDirectory[]): Promise<TakenLog<L> | undefined> {
    this.isInTransit = false
    const left = directories.filter(({ number }) => !this.#unusable.has(number) && !this.#held.has(number))
    const found = await Promise.all(
      left.map(async (directory) => ({ directory, state: await readState(directory.path) })),
    )
    const isClosed = ({ state }: { readonly state: LogState }) => Number(state.use === 'closed')
    for (const { directory, state } of found.sort((one, other) => isClosed(one) - isClosed(other))) {
      const log = isSurelyTaken(state) ? undefined : await this.#try(directory)
      if (log !== undefined) return this.#taken(directory, log)
      if (!this.#unusable.has(directory.number)) await this.#lookAgain(directory)
    }
    return undefined
  }

  /** @throws what opening it throws, unless somebody else has taken it */
  async tryNew(directory: LogDirectory): Promise<TakenLog<L> | undefined> {
    try {
      return this.#taken(directory, await this.#parts.open(directory))
    } catch (problem) {
      if (isLocked(problem)) return undefined
      throw problem
    }
  }

  async #try(directory: LogDirectory): Promise<L | undefined> {
    try {
      return await this.#parts.open(directory)
    } catch (problem) {
      if (isLocked(problem)) return undefined
      if (!(problem instanceof Error) || problem instanceof TypeError || OF_ALL_LOGS.has(codeOf(problem))) throw problem
      if (codeOf(problem) === 'AUDIT_OPEN_FAILED' && !this.#failed.has(directory.number)) {
        this.#failed.add(directory.number)
        this.isInTransit = true
        return undefined
      }
      this.#unusable.add(directory.number)
      this.#leftAside.push(leftAside(directory, problem))
      return undefined
    }
  }

  /** Logs that were left aside are reported with success alone: a process that finds no log at all throws, and tries again. */
  #taken(directory: LogDirectory, log: L): TakenLog<L> {
    for (const problem of this.#leftAside) this.#parts.report(problem)
    return { directory, log, unusable: this.#unusable }
  }

  async #lookAgain({ number, path: directory }: LogDirectory): Promise<void> {
    if (isInTransit(await readState(directory))) this.isInTransit = true
    else this.#held.add(number)
  }
}

/** Returns the logs of a ledger; where something else takes the place of one, the first log alone, and what is wrong. */
async function directoriesOf<L>({
  location,
}: TakeLogParts<L>): Promise<{ readonly directories: readonly LogDirectory[]; readonly refusal?: AuditLogError }> {
  try {
    return { directories: await logDirectories(location) }
  } catch (problem) {
    if (!(problem instanceof AuditLogError)) throw openFailed(location, problem)
    return { directories: [logDirectory(location, 0)], refusal: problem }
  }
}

/** Makes the directory of a log that no other process has made. */
async function createLogDirectory<L>(
  { location, readers: asked = NOBODY }: TakeLogParts<L>,
  directories: readonly LogDirectory[],
): Promise<LogDirectory> {
  const last = directories.at(-1)?.number ?? 0
  const readers = asked | readersIn(join(location, 'entries'))
  try {
    await createDirectory(dirname(logDirectory(location, 1).path), readers)
    for (let number = last + 1; ; number++) {
      const directory = logDirectory(location, number)
      if (!(await isMade(directory.path, readers))) continue
      await syncDirectory(dirname(directory.path))
      return directory
    }
  } catch (problem) {
    throw openFailed(location, problem)
  }
}

async function isMade(directory: string, readers: Readers): Promise<boolean> {
  try {
    await mkdir(directory, { mode: directoryMode(readers) })
    await widen(directory, directoryMode(readers))
    return true
  } catch (problem) {
    if (codeOf(problem) === 'EEXIST') return false
    throw problem
  }
}

function leftAside({ number, path: directory }: LogDirectory, problem: Error): Error {
  const message = `Log ${number} of the ledger is left as it is, and events go to another log: ${problem.message}`
  const code = problem instanceof AuditLogError ? problem.code : 'AUDIT_OPEN_FAILED'
  return new AuditLogError(code, message.includes(directory) ? message : `${message} (${directory})`, {
    cause: problem,
  })
}

function openFailed(location: string, problem: unknown): unknown {
  if (!(problem instanceof Error) || problem instanceof AuditLogError) return problem
  return new AuditLogError('AUDIT_OPEN_FAILED', `Cannot open the ledger ${location}: ${problem.message}`, {
    cause: problem,
  })
}

function pauseAWhile(): Promise<void> {
  return delay(1 + Math.random() * MAX_PAUSE_MILLIS)
}

export function isLocked(problem: unknown): boolean {
  return codeOf(problem) === 'AUDIT_LOG_LOCKED'
}

function codeOf(problem: unknown): string {
  const code = (problem as { readonly code?: unknown } | undefined)?.code
  return typeof code === 'string' ? code : ''
}
