import type { StoredEvent } from '../../events/types.js'
import type { ReadableStore } from '../../store/readable.js'
import { delay } from '../../timers/real-timers.js'
import { restoredOf } from '../content/restored-events.js'
import { assertKnownTypes } from '../query/known-types.js'
import type { ParsedFollowQuery } from '../query/parse-query.js'
import { planOf } from '../query/plan-of-query.js'
import { readPlanned } from '../query/read-events.js'
import { readIdentified } from '../query/read-identified.js'
import { mergeBatches } from './merge-batches.js'
import { inLog, Moment, type SiblingLog } from './moment.js'
import { encodePosition, type Sizes } from './page-cursor.js'
import { idsOf, type LogsSource } from './results.js'

/** The events to follow. */
interface FollowedLogs<L extends SiblingLog> {
  readonly source: LogsSource<L>
  /** The number of entries of each log that are behind; a log that is not there is read from its beginning. */
  readonly from: Sizes
  readonly signal: AbortSignal | undefined
  readonly pollMillis: number
  /**
   * Reads what passes of a log.
   *
   * @param seen - the log as it was at the last look
   */
  read(part: NewOfLog): AsyncIterable<readonly StoredEvent[]>
  /** Learns how far the consumer has come in each log. */
  reached(sizes: Sizes, logs: readonly L[]): void
}

/** A query that is followed. */
export interface FollowedQuery<L extends SiblingLog> extends Pick<FollowedLogs<L>, 'source' | 'signal' | 'pollMillis'> {
  readonly query: ParsedFollowQuery
  /** Types that may be asked for before a log has any event of them. */
  readonly knownTypes: ReadonlySet<string>
  /** Finds out how many entries of each log are behind. */
  begin(): Promise<Sizes>
}

/** Events of several logs as they come, and the position behind those that the latest iteration has given. */
export interface FollowedEvents extends AsyncIterable<StoredEvent> {
  readonly cursor: string | undefined
}

/** Follows the events of several logs that pass a query. */
export function followPassing<L extends SiblingLog>({
  source,
  query,
  knownTypes,
  begin,
  signal,
  pollMillis,
}: FollowedQuery<L>): FollowedEvents {
  let reached: (() => string) | undefined
  return {
    get cursor() {
      return reached?.()
    },
    async *[Symbol.asyncIterator]() {
      const events = followLogs<L>({
        source,
        from: await begin(),
        signal,
        pollMillis,
        async *read({ store, after, size, seen }) {
          if (query.type) await assertKnownTypes(query.type, knownTypes, [{ store, size }])
          yield* restoredOf(store, query.content, readIdentified(store, planOf(query), { after, size, seen }))
          yield* restoredOf(store, query.content, readPlanned(store, planOf(query), { size, after, limit: Infinity }))
        },
        reached: (sizes, logs) => {
          reached = () => encodePosition(sizes, idsOf(logs))
        },
      })
      for await (const { event, log } of events) yield log === undefined ? event : inLog(event, log)
    },
  }
}

/** The news of a log. */
interface NewOfLog {
  readonly store: ReadableStore
  readonly after: number
  readonly size: number
  readonly seen: ReadableStore | undefined
}

/**
 * Everything behind a position, and then what comes; logs that are new are read from their beginnings. Where there are several, the
 * events of a look are merged by time.
 */
async function* followLogs<L extends SiblingLog>({
  source,
  from,
  signal,
  pollMillis,
  read,
  reached,
}: FollowedLogs<L>): AsyncGenerator<
  { readonly event: StoredEvent; readonly log: number | undefined },
  void,
  undefined
> {
  const behind = new Map(from)
  let before: Moment | undefined
  while (!signal?.aborted) {
    const logs = await source.logs()
    await source.settle()
    // A log that was closed says so.
    await Promise.all(logs.map(({ store }) => store.read([])))
    const sizes = new Map(logs.map(({ number, store }) => [number, Math.max(store.size, behind.get(number) ?? 0)]))
    const isGrown = [...sizes].some(([log, size]) => size > (behind.get(log) ?? 0))
    const moment = new Moment(source, logs, sizes)
    const seen = before ?? new Moment(source, logs, behind)
    const walks = moment.parts.map(({ log, store, size }) => {
      const then = seen.parts.find((part) => part.log === log)?.store
      return read({ store, size, after: (behind.get(log) ?? 0) - 1, seen: then })
    })
    for await (const merged of mergeBatches(walks, ({ time }) => time, false)) {
      for (const { item, source: at } of merged) {
        if (signal?.aborted) return
        const log = moment.parts[at]?.log ?? 0
        behind.set(log, Math.max(behind.get(log) ?? 0, item.seq + 1))
        reached(behind, logs)
        yield { event: item, log: logs.length === 1 ? undefined : log }
      }
    }
    for (const [log, size] of sizes) behind.set(log, size)
    reached(behind, logs)
    before = moment
    if (!isGrown) await delay(pollMillis, signal)
  }
}
