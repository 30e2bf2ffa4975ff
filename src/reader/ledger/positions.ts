import type { AuditLogError } from '../../events/errors.js'
import { invalidQuery, type ParsedEventQuery, parseEventQuery } from '../query/parse-query.js'
import type { EventQuery } from '../query/query.js'
import type { LogPart, SiblingLog } from './moment.js'
import { decodePosition, type Sizes } from './page-cursor.js'
import { idsOf } from './results.js'

/** A query for events that may name positions in all logs by cursors. */
export interface QueryWithCursors extends EventQuery<string> {
  readonly after?: string
  readonly before?: string
}

/** Positions in all logs, as cursors of a query name them. */
export interface NamedPositions {
  readonly after: Sizes | undefined
  readonly before: Sizes | undefined
}

export interface ParsedLedgerQuery {
  readonly parsed: ParsedEventQuery
  /** The query with the cursors: a page of it is of no other query. */
  readonly asked: ParsedEventQuery
  readonly positions: ((logs: readonly SiblingLog[]) => NamedPositions) | undefined
}

/** @throws AuditLogError `AUDIT_QUERY_INVALID` */
export function parseQuery(query: QueryWithCursors): ParsedLedgerQuery {
  const cursors = Object.entries(query ?? {}).filter(([field]) => field === 'after' || field === 'before')
  if (cursors.length === 0) {
    const parsed = parseEventQuery(query)
    return { parsed, asked: parsed, positions: undefined }
  }
  for (const [field, cursor] of cursors) decodePosition(cursor, field)
  const { after, before, ...filters } = query
  const parsed = parseEventQuery(filters)
  const positions = (logs: readonly SiblingLog[]): NamedPositions => ({
    after: after === undefined ? undefined : decodePosition(after, 'after', idsOf(logs)),
    before: before === undefined ? undefined : decodePosition(before, 'before', idsOf(logs)),
  })
  return { parsed, asked: { ...parsed, ...Object.fromEntries(cursors) }, positions }
}

/** Returns a query as it is for one of the logs. */
export function inPart(
  query: ParsedEventQuery,
  named: NamedPositions | undefined,
  { log, size }: LogPart,
): ParsedEventQuery {
  const [after, before] = [named?.after?.get(log) ?? 0, named?.before ? (named.before.get(log) ?? 0) : size]
  return {
    ...query,
    afterSeq: Math.max(query.afterSeq ?? -1, after - 1),
    beforeSeq: Math.min(query.beforeSeq ?? Infinity, before),
  }
}

/** @throws AuditLogError `AUDIT_QUERY_INVALID` for a position where there are several logs */
export function refusePositions(
  { afterSeq = -1, beforeSeq }: Pick<ParsedEventQuery, 'afterSeq' | 'beforeSeq'>,
  { length }: readonly SiblingLog[],
): void {
  if (length <= 1) return
  if (afterSeq >= 0) throw ofOneLog('afterSeq')
  if (beforeSeq !== undefined) throw ofOneLog('beforeSeq')
}

export function ofOneLog(what: string): AuditLogError {
  return invalidQuery(
    what,
    'there are several logs, and this is of one: ask its reader, reader.logs.get(number), or give a cursor',
  )
}
