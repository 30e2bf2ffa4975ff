import { isLog } from '../../store/leveldb/database.js'
import { type StartTimer, startUnrefTimer } from '../../timers/real-timers.js'
import { type LogDirectory, logDirectories } from '../log-directories.js'
import { isSurelyTaken, type LogState, readState } from './state-file.js'
import { isLocked } from './take-log.js'

export interface OtherLogsParts {
  readonly location: string
  /** Number of the log that this process has. */
  readonly own: number
  /** Numbers of logs that cannot be opened: that was reported already. */
  readonly unusable: ReadonlySet<number>
  /** Opens a log, recovers it and closes it again. @throws AuditLogError `AUDIT_LOG_LOCKED` where somebody has it */
  readonly recover: (directory: LogDirectory) => Promise<void>
  /** Called once for each log that cannot be recovered. */
  readonly report: (problem: Error) => void
  /** The longest time from one look at the others to the next. */
  readonly intervalMillis: number
  readonly startTimer?: StartTimer
  /** A number from 0 up to 1, by which processes that start together do not look together. */
  readonly random?: () => number
}

/** One of so many looks is at all of the others, and not at the next ones alone. */
const LOOKS_BETWEEN = 16
/** The most looks for which a log is left that could not be recovered, or that somebody has. */
const MAX_LOOKS_LEFT = 64

interface LeftLog {
  /** As it was when it was left: once it is another, the log is looked at again. */
  readonly state: string
  /** The number of looks for which it is left, and how many of them are to come. */
  readonly looks: number
  readonly toCome: number
}

/**
 * Recovers the logs of a ledger whose writers died, when it is started and from then on, so that what is in their journals is
 * committed and no dead run is left running. A log that somebody has is left to them.
 *
 * The processes of a ledger share the work: each looks at the logs behind its own one, up to the first that a living process has, which
 * looks at those behind it. Now and then each looks at all of them, in case that the one in between is stuck.
 */
export class OtherLogs {
  readonly #parts: OtherLogsParts
  readonly #left = new Map<number, LeftLog>()
  readonly #reported = new Set<string>()
  #looks = 0
  #isStopped = false
  #cancelTimer = () => {}
  #working: Promise<void> = Promise.resolve()

  constructor(parts: OtherLogsParts) {
    this.#parts = parts
  }

  /** Looks at all of the others, and goes on in the background until it is stopped. */
  start(): void {
    this.#working = this.#look().then(() => this.#schedule())
  }

  /** Begins nothing more. */
  stop(): void {
    this.#isStopped = true
    this.#cancelTimer()
  }

  /** Settles when a recovery that is going on is over. Never rejects. */
  get settled(): Promise<void> {
    return this.#working
  }

  #schedule(): void {
    if (this.#isStopped) return
    const { startTimer = startUnrefTimer, random = Math.random, intervalMillis } = this.#parts
    this.#cancelTimer = startTimer(intervalMillis * (1 - random() / 2), () => {
      this.#working = this.#look().then(() => this.#schedule())
    })
  }

  async #look(): Promise<void> {
    const isAtAll = this.#looks++ % LOOKS_BETWEEN === 0
    try {
      for (const directory of this.#inTurn(await logDirectories(this.#parts.location))) {
        if (this.#isStopped) return
        const state = await readState(directory.path)
        if (isSurelyTaken(state) && !isAtAll) return
        if (isSurelyTaken(state) || state.use === 'closed') this.#left.delete(directory.number)
        else if (!this.#isLeft(directory, state) && (await isLog(directory.path))) await this.#recover(directory)
      }
    } catch (problem) {
      this.#report('all', problem)
    }
  }

  /** The other logs from the one behind the own one on, and around. */
  #inTurn(directories: readonly LogDirectory[]): readonly LogDirectory[] {
    const { own, unusable } = this.#parts
    const others = directories.filter(({ number }) => !unusable.has(number))
    return [...others.filter(({ number }) => number > own), ...others.filter(({ number }) => number < own)]
  }

  /** Tells whether a log is left for this look as well: nothing has become of it since the last attempt. */
  #isLeft({ number }: LogDirectory, state: LogState): boolean {
    const left = this.#left.get(number)
    if (left && left.state !== textOf(state)) this.#left.delete(number)
    else if (left && left.toCome > 0) {
      this.#left.set(number, { ...left, toCome: left.toCome - 1 })
      return true
    }
    return false
  }

  async #recover(directory: LogDirectory): Promise<void> {
    try {
      await this.#parts.recover(directory)
    } catch (problem) {
      if (!isLocked(problem)) this.#report(String(directory.number), problem)
    }
    const state = textOf(await readState(directory.path))
    const looks = Math.min(MAX_LOOKS_LEFT, (this.#left.get(directory.number)?.looks ?? 0) * 2 + 1)
    this.#left.set(directory.number, { state, looks, toCome: looks })
  }

  #report(what: string, problem: unknown): void {
    if (this.#isStopped || this.#reported.has(what)) return
    this.#reported.add(what)
    this.#parts.report(problem instanceof Error ? problem : new Error(String(problem)))
  }
}

function textOf({ use, process: owner }: LogState): string {
  return JSON.stringify([use, owner])
}
