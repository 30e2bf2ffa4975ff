import type { Results } from '../page.js'
import { assertKnownTypes } from '../query/known-types.js'
import type { ParsedEventQuery } from '../query/parse-query.js'
import { filterOf } from '../query/plan-of-query.js'
import { countEvents } from '../query/read-events.js'
import type { Span } from '../query/results.js'
import type { LogPart, Moment, SiblingLog } from './moment.js'
import { inPart, parseQuery, type QueryWithCursors, refusePositions } from './positions.js'
import { type LedgerListing, walksOf } from './results.js'

/** The ways to events, or to their entries. */
export interface FoundIn<I, T, L> {
  /** Returns the results of a single log. */
  single(log: L): Results<T>
  read(part: LogPart, query: ParsedEventQuery, span: Span): AsyncIterable<readonly I[]>
  time(item: I): string
  result(item: I, log: number | undefined): T
}

/** Lists the events of several logs that pass a query. */
export class EventFinder<L extends SiblingLog> {
  readonly #knownTypes: ReadonlySet<string>

  constructor(knownTypes: ReadonlySet<string>) {
    this.#knownTypes = knownTypes
  }

  /** @throws AuditLogError `AUDIT_QUERY_INVALID` */
  listing<I extends { readonly seq: number }, T>(
    query: QueryWithCursors,
    { single, read, time, result }: FoundIn<I, T, L>,
  ): LedgerListing<I, T, L> {
    const { parsed, positions, asked } = parseQuery(query)
    const checked = async (moment: Moment, logs: readonly L[]) => {
      refusePositions(parsed, logs)
      if (parsed.type) await assertKnownTypes(parsed.type, this.#knownTypes, moment.parts)
      return positions?.(logs)
    }
    return {
      kind: 'events',
      query: asked,
      hasPositions: positions !== undefined,
      single,
      walks: async (moment, logs) => {
        const named = await checked(moment, logs)
        return walksOf(moment, (part) => (span) => read(part, inPart(parsed, named, part), span))
      },
      count: async (moment, logs) => {
        const named = await checked(moment, logs)
        const counts = await Promise.all(
          moment.parts.map((part) => countEvents(part.store, part.size, filterOf(inPart(parsed, named, part)))),
        )
        const sum = counts.reduce((total, count) => total + count, 0)
        return Math.min(sum, parsed.limit ?? Infinity)
      },
      position: ({ seq }) => seq,
      time,
      result,
    }
  }
}
