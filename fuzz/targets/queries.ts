import {
  parseAgentQuery,
  parseEventQuery,
  parseFollowQuery,
  parsePageOptions,
  parseRunQuery,
  parseRunRef,
  parseSeq,
  parseSessionQuery,
  parseStatsQuery,
} from '../../src/reader/query/parse-query.js'
import { coded, parsed, same } from '../support/oracle.js'
import { json, jsonOf } from '../support/target.js'

/*
 * Queries.
 *
 * Oracles: what is no query is `AUDIT_QUERY_INVALID`; a query in its stored form is its own stored form.
 */
const isRefusal = coded('AUDIT_QUERY_INVALID')
const parsers = [parseEventQuery, parseFollowQuery, parseRunQuery, parseSessionQuery, parseAgentQuery, parseStatsQuery]

export function fuzz(bytes: Buffer): void {
  const value = jsonOf(bytes)
  for (const parse of parsers) {
    const query = parsed<object>(isRefusal, () => parse(value))
    if (query) same(parse(query), query, 'a query is another when it is checked again')
  }
  if (typeof value === 'object' && value !== null) parsed(isRefusal, () => parsePageOptions(value))
  parsed(isRefusal, () => parseRunRef(value, {}))
  parsed(isRefusal, () => parseRunRef('run', value))
  parsed(isRefusal, () => parseSeq(value))
}

export function seeds(): Buffer[] {
  return [
    { tenantId: 't', type: ['run_started', 'custom'], since: '2026-11-21T22:35:06+01:00', limit: 5, order: 'desc' },
    { afterSeq: 3, beforeSeq: 9, agent: 'a', sessionId: 's', runId: 'r', until: 1_767_225_600_000 },
    { status: ['failed'], minTotalTokens: 1, minCostUsd: 0.5, minDurationMs: 0 },
    { groupBy: 'model' },
    { size: 100 },
    'run',
    42,
  ].map(json)
}
