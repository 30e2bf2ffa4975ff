import { rejectUnknownOptions, wholeNumberOption } from '../events/options.js'
import type { AuditLogReader } from '../reader/contract.js'
import { contentReaderOf } from '../reader/sealed-content.js'
import type { AuditStore } from '../store/contract.js'
import { startUnrefTimer } from '../timers/real-timers.js'

/** The log to forward: an open log, or a reader of one. */
export type ForwardedLog = Pick<AuditLogReader, 'entries' | 'follow' | 'get' | 'head' | 'prove'> & {
  readonly location: string
}

/** Calls back once after a delay, without keeping the process alive. @returns what cancels it */
export type StartTimer = (delayMillis: number, callback: () => void) => () => void

/** Options of `forwardAuditLog`. */
export interface ForwardOptions {
  /**
   * Entries that one commit to the remote log takes at most, and so that are in memory at a time; 1 to 65,536. It
   * takes 4 MiB of entries at most in any case.
   *
   * @defaultValue 4,096
   */
  readonly maxGroupEntries?: number
  /**
   * Carries over content too, encrypted as it is: whoever reads the remote log needs the keys of the local one. It comes with its
   * entry, so that entries which were forwarded without it stay without.
   *
   * @defaultValue `false`: content stays with the local log
   */
  readonly content?: boolean
  /**
   * Told when forwarding begins to fail, once an episode, and when it ends for good. What it throws is ignored.
   *
   * @defaultValue `process.emitWarning`
   */
  readonly onProblem?: (problem: Error) => void
  /** Waits between attempts: for tests. @defaultValue a timer that does not keep the process alive */
  readonly startTimer?: StartTimer
}

export type ResolvedForwardOptions = Required<ForwardOptions>

const OF = 'forwardAuditLog'

/** @throws TypeError naming the option */
export function resolveOptions(options: ForwardOptions): ResolvedForwardOptions {
  rejectUnknownOptions(OF, options, ['maxGroupEntries', 'content', 'onProblem', 'startTimer'])
  const { content = false, startTimer = startUnrefTimer } = options
  const { onProblem = (problem) => process.emitWarning(problem) } = options
  if (typeof content !== 'boolean') throw new TypeError(`${OF}: content must be true or false`)
  if (typeof onProblem !== 'function') throw new TypeError(`${OF}: onProblem must be a function`)
  if (typeof startTimer !== 'function') throw new TypeError(`${OF}: startTimer must be a function`)
  const maxGroupEntries = { fallback: 4096, min: 1, max: 65_536 }
  return Object.freeze({
    maxGroupEntries: wholeNumberOption(OF, 'maxGroupEntries', options.maxGroupEntries, maxGroupEntries),
    content,
    onProblem,
    startTimer,
  })
}

/** @throws TypeError */
export function requireForwardable(log: ForwardedLog, remote: AuditStore, { content }: ResolvedForwardOptions): void {
  if (typeof log?.entries !== 'function' || typeof log.prove !== 'function') {
    throw new TypeError(`${OF}: the first argument must be an open log, or a reader of one`)
  }
  if (typeof remote?.commit !== 'function') throw new TypeError(`${OF}: the second argument must be a store`)
  if (!content) return
  if (!contentReaderOf(log))
    throw new TypeError(`${OF}: content: the log must be one that openAuditLog or a reader returned`)
  if (!remote.content) throw new TypeError(`${OF}: content: the store keeps none`)
}
