import type { Results } from '../page.js'
import { assertKnownTypes } from '../query/known-types.js'
import type { ParsedEventQuery } from '../query/parse-query.js'
import { filterOf } from '../query/plan-of-query.js'
import { countEvents } from '../query/read-events.js'
import type { Span } from '../query/results.js'
import type { LogPart, Moment, SiblingLog } from './moment.js'
import { inPart, parseQuery, type QueryWithCursors, refusePositions } from './positions.js'
import { LedgerResults, type LogsSource, momentOf, walksOf } from './results.js'

/** The ways to events, or to their entries. */
export interface FoundIn<I, T, L> {
  /** Returns the results of a single log. */
  single(log: L): Results<T>
  read(part: LogPart, query: ParsedEventQuery, span: Span): AsyncIterable<readonly I[]>
  time(item: I): string
  result(item: I, log: number | undefined): T
}

/** Finds and counts the events of several logs that pass a query. */
export class EventFinder<L extends SiblingLog> {
  readonly #source: LogsSource<L>
  readonly #knownTypes: ReadonlySet<string>

  constructor(source: LogsSource<L>, knownTypes: ReadonlySet<string>) {
    this.#source = source
    this.#knownTypes = knownTypes
  }

  /** @throws AuditLogError `AUDIT_INVALID_QUERY` */
  find<I extends { readonly seq: number }, T>(
    query: QueryWithCursors,
    { single, read, time, result }: FoundIn<I, T, L>,
  ): Results<T> {
    const { parsed, positions, asked } = parseQuery(query)
    return new LedgerResults<I, T, L>(this.#source, {
      kind: 'events',
      query: asked,
      hasPositions: positions !== undefined,
      single,
      walks: async (moment, logs) => {
        refusePositions(parsed, logs)
        await this.#assertKnown(parsed, moment)
        const named = positions?.(logs)
        return walksOf(moment, (part) => (span) => read(part, inPart(parsed, named, part), span))
      },
      position: ({ seq }) => seq,
      time,
      result,
    })
  }

  /** @throws AuditLogError `AUDIT_INVALID_QUERY` */
  async count(query: QueryWithCursors, single: (log: L) => Promise<number>): Promise<number> {
    const { parsed, positions } = parseQuery(query)
    const logs = await this.#source.logs()
    const [first, ...others] = logs
    if (first && others.length === 0 && !positions) return await single(first)
    refusePositions(parsed, logs)
    const moment = await momentOf(this.#source, logs)
    await this.#assertKnown(parsed, moment)
    const counts = await Promise.all(
      moment.parts.map((part) => countEvents(part.store, part.size, filterOf(inPart(parsed, positions?.(logs), part)))),
    )
    return Math.min(
      counts.reduce((sum, count) => sum + count, 0),
      parsed.limit ?? Infinity,
    )
  }

  async #assertKnown({ type }: ParsedEventQuery, moment: Moment): Promise<void> {
    if (type) await assertKnownTypes(type, this.#knownTypes, moment.parts)
  }
}
