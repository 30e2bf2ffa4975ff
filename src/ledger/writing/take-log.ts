import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { AuditLogError } from '../../events/errors.js'
import { directoryMode, NOBODY, type Readers, readersIn } from '../../files/readers.js'
import { makeDirectory, syncDirectory, widen } from '../../store/directory.js'
import { delay } from '../../timers/real-timers.js'
import { type LogPlace, logsAt, placeOf } from '../places.js'
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
  readonly open: (place: LogPlace) => Promise<L>
  /** Told once of each log that cannot be opened, and is left as it is, when another one is taken. */
  readonly onProblem: (problem: Error) => void
  /** Readers of a new log besides its owner and those who may read log 0. @defaultValue nobody */
  readonly readers?: Readers
  /** Waits between two attempts. @defaultValue some milliseconds, which differ */
  readonly pause?: () => Promise<void>
}

/** A log that is taken. */
export interface TakenLog<L> {
  readonly place: LogPlace
  readonly log: L
  /** Numbers of logs that cannot be opened, which `onProblem` was told. */
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
    const { places, refusal } = await placesOf(parts)
    const taken = await attempts.tryAll(places)
    if (taken) return taken
    if (attempts.isInTransit && pauses++ < MAX_PAUSES) {
      await (parts.pause ?? pauseAWhile)()
      continue
    }
    if (refusal) throw refusal
    if (begun++ === MAX_NEW_LOGS)
      throw new Error(`${parts.location}: other processes took each of ${MAX_NEW_LOGS} new logs`)
    const place = await beginLog(parts, places)
    const opened = await attempts.tryNew(place)
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

  async tryAll(places: readonly LogPlace[]): Promise<TakenLog<L> | undefined> {
    this.isInTransit = false
    const left = places.filter(({ number }) => !this.#unusable.has(number) && !this.#held.has(number))
    const found = await Promise.all(left.map(async (place) => ({ place, state: await readState(place.directory) })))
    const isClosed = ({ state }: { readonly state: LogState }) => Number(state.use === 'closed')
    for (const { place, state } of found.sort((one, other) => isClosed(one) - isClosed(other))) {
      const log = isSurelyTaken(state) ? undefined : await this.#try(place)
      if (log !== undefined) return this.#taken(place, log)
      if (!this.#unusable.has(place.number)) await this.#lookAgain(place)
    }
    return undefined
  }

  /** @throws what opening it throws, unless somebody else has taken it */
  async tryNew(place: LogPlace): Promise<TakenLog<L> | undefined> {
    try {
      return this.#taken(place, await this.#parts.open(place))
    } catch (problem) {
      if (isLocked(problem)) return undefined
      throw problem
    }
  }

  async #try(place: LogPlace): Promise<L | undefined> {
    try {
      return await this.#parts.open(place)
    } catch (problem) {
      if (isLocked(problem)) return undefined
      if (!(problem instanceof Error) || problem instanceof TypeError || OF_ALL_LOGS.has(codeOf(problem))) throw problem
      if (codeOf(problem) === 'AUDIT_LOG_OPEN_FAILED' && !this.#failed.has(place.number)) {
        this.#failed.add(place.number)
        this.isInTransit = true
        return undefined
      }
      this.#unusable.add(place.number)
      this.#leftAside.push(leftAside(place, problem))
      return undefined
    }
  }

  /** Logs that were left aside are told of with success alone: a process that finds no log at all has an error to tell, and tries again. */
  #taken(place: LogPlace, log: L): TakenLog<L> {
    for (const problem of this.#leftAside) this.#parts.onProblem(problem)
    return { place, log, unusable: this.#unusable }
  }

  async #lookAgain({ number, directory }: LogPlace): Promise<void> {
    if (isInTransit(await readState(directory))) this.isInTransit = true
    else this.#held.add(number)
  }
}

/** Returns the logs of a ledger; where something else takes the place of one, the first log alone, and what is wrong. */
async function placesOf<L>({
  location,
}: TakeLogParts<L>): Promise<{ readonly places: readonly LogPlace[]; readonly refusal?: AuditLogError }> {
  try {
    return { places: await logsAt(location) }
  } catch (problem) {
    if (!(problem instanceof AuditLogError)) throw openFailed(location, problem)
    return { places: [placeOf(location, 0)], refusal: problem }
  }
}

/** Makes the directory of a log that no other process has made. */
async function beginLog<L>(
  { location, readers: asked = NOBODY }: TakeLogParts<L>,
  places: readonly LogPlace[],
): Promise<LogPlace> {
  const last = places.at(-1)?.number ?? 0
  const readers = asked | readersIn(join(location, 'entries'))
  try {
    await makeDirectory(dirname(placeOf(location, 1).directory), readers)
    for (let number = last + 1; ; number++) {
      const place = placeOf(location, number)
      if (!(await isMade(place.directory, readers))) continue
      await syncDirectory(dirname(place.directory))
      return place
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

function leftAside({ number, directory }: LogPlace, problem: Error): Error {
  const message = `Log ${number} of the ledger is left as it is, and events go to another log: ${problem.message}`
  const code = problem instanceof AuditLogError ? problem.code : 'AUDIT_LOG_OPEN_FAILED'
  return new AuditLogError(code, message.includes(directory) ? message : `${message} (${directory})`, {
    cause: problem,
  })
}

function openFailed(location: string, problem: unknown): unknown {
  if (!(problem instanceof Error) || problem instanceof AuditLogError) return problem
  return new AuditLogError('AUDIT_LOG_OPEN_FAILED', `Cannot open the ledger ${location}: ${problem.message}`, {
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
