import { rejectUnknownOptions, wholeNumberOption } from '../events/options.js'
import { type ContentChoice, requireContentChoice } from '../reader/content/choice.js'
import type { AuditLogReader } from '../reader/contract.js'
import type { AuditStore } from '../store/contract.js'
import { isSealedContentSource } from '../store/sealed-content-source.js'
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
   * Content to copy beside the entries, encrypted as it is: `diagnostics` are error messages, stack traces, reasons and ids behind pseudonyms.
   * The keys stay where they are, and whoever has them reads the copy. Entries, hashes and root are the same with any choice. What an
   * earlier forwarder has left out stays out. A store that keeps no content takes none.
   *
   * @defaultValue `'none'`
   */
  readonly content?: ContentChoice
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
  const { onProblem = (problem) => process.emitWarning(problem), startTimer = startUnrefTimer } = options
  const { content = 'none' } = options
  if (typeof onProblem !== 'function') throw new TypeError(`${OF}: onProblem must be a function`)
  if (typeof startTimer !== 'function') throw new TypeError(`${OF}: startTimer must be a function`)
  requireContentChoice(OF, content)
  const maxGroupEntries = { fallback: 4096, min: 1, max: 65_536 }
  return Object.freeze({
    maxGroupEntries: wholeNumberOption(OF, 'maxGroupEntries', options.maxGroupEntries, maxGroupEntries),
    content,
    onProblem,
    startTimer,
  })
}

/** @throws TypeError */
export function requireForwardable(log: ForwardedLog, remote: AuditStore): void {
  if (typeof log?.entries !== 'function' || typeof log.prove !== 'function') {
    throw new TypeError(`${OF}: the first argument must be an open log, or a reader of one`)
  }
  if (typeof remote?.commit !== 'function') throw new TypeError(`${OF}: the second argument must be a store`)
}

/** @throws TypeError where content is to be copied, and one of the two logs has no place for it */
export function requireContentPlaces(log: ForwardedLog, remote: AuditStore, content: ContentChoice): void {
  if (content === 'none') return
  if (!isSealedContentSource(log)) {
    throw new TypeError(`${OF}: content can be copied from an open log, or a reader of one, of this package only`)
  }
  if (remote.content === undefined) {
    throw new TypeError(
      `${OF}: ${remote.location} keeps no content; leave out the option content, and forward entries alone`,
    )
  }
}
