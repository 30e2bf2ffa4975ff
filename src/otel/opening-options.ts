import type { StagedQueueOptions } from '../log/staging/staged.js'
import type { StartTimer } from '../timers/real-timers.js'

/** Options of a log that is being opened. */
export interface OpeningLogOptions<L> extends StagedQueueOptions {
  /**
   * Opens the log. Called again after it has failed, and after its directory was removed or replaced, of which it tells by
   * `onRemoved`.
   */
  readonly open: (onRemoved: () => void) => Promise<L>
  /** Told once when the log cannot be opened, and once when it is open after all. */
  readonly onWarning?: (message: string) => void
  /** Told each time when the log is open. */
  readonly onOpen?: (log: L) => void
  readonly startTimer?: StartTimer
  /** A number from 0 up to 1, by which processes that fail together do not try again together. */
  readonly random?: () => number
}
