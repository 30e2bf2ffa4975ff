import { rejectUnknownOptions, wholeNumberOption } from '../../events/options.js'
import { delay } from '../../timers/real-timers.js'
import type { Commits } from './commits.js'

/** The time between two looks at a log that another process writes. @see FollowOptions.pollMillis */
export const DEFAULT_POLL_MILLIS = 250

/** The start, the interval and the end of following. */
export interface FollowOptions {
  /** Events whose `seq` is greater: the last one seen. -1 for all. @defaultValue -1 */
  readonly afterSeq?: number
  /** Ends the following, without an error. */
  readonly signal?: AbortSignal
  /**
   * The time to wait before looking again when another process writes the log, and nothing new is there; from 1 to
   * 3,600,000. In the writer's own process each commit is seen at once, and this says nothing. @defaultValue 250
   */
  readonly pollMillis?: number
}

export interface ResolvedFollowOptions {
  readonly afterSeq: number
  readonly signal: AbortSignal | undefined
  readonly pollMillis: number
}

/** The log that is followed. */
export interface Followed<T> {
  /** Returns the number of entries. */
  head(): Promise<number>
  /** The commits of the log, if this process writes it. */
  readonly commits: Commits | undefined
  /** Reads what passes the filters behind a position, among the first `size` entries. */
  read(afterSeq: number, size: number): AsyncIterable<readonly T[]>
}

/** @throws TypeError naming an unknown or malformed option */
export function parseFollowOptions(options: FollowOptions): ResolvedFollowOptions {
  rejectUnknownOptions('follow', options, ['afterSeq', 'signal', 'pollMillis'])
  const { signal } = options
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw new TypeError('follow: signal must be an AbortSignal')
  }
  const afterSeq = { fallback: -1, min: -1, max: Number.MAX_SAFE_INTEGER }
  const pollMillis = { fallback: DEFAULT_POLL_MILLIS, min: 1, max: 3_600_000 }
  return Object.freeze({
    signal,
    afterSeq: wholeNumberOption('follow', 'afterSeq', options.afterSeq, afterSeq),
    pollMillis: wholeNumberOption('follow', 'pollMillis', options.pollMillis, pollMillis),
  })
}

/** Everything after a position, and then what comes. Each round ends where the next begins. */
export async function* followEvents<T>(
  { head, read, commits }: Followed<T>,
  { afterSeq, signal, pollMillis }: ResolvedFollowOptions,
): AsyncGenerator<T, void, undefined> {
  let next = afterSeq + 1
  while (!signal?.aborted) {
    const seen = commits?.count
    const size = await head()
    for await (const events of read(next - 1, size)) {
      for (const event of events) {
        if (signal?.aborted) return
        yield event
      }
    }
    if (size > next) next = size
    else if (commits && seen !== undefined) await commits.past(seen, signal)
    else await delay(pollMillis, signal)
  }
}
