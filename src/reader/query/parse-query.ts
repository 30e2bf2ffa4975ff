import { AuditLogError } from '../../events/errors.js'
import { storedId } from '../../events/ids.js'
import { nearestName } from '../../events/nearest.js'
import { RUN_STATUSES, type RunStatus } from '../../events/run-status.js'
import { beginning } from '../../events/text.js'
import { parseTimestamp, type Timestamp } from '../../events/time.js'
import { CONTENT_CHOICES, type ContentChoice } from '../content/choice.js'
import type { PageOptions } from '../page.js'
import type {
  AgentQuery,
  EventQuery,
  FollowQuery,
  RunQuery,
  RunRef,
  SessionQuery,
  StatsGrouping,
  StatsQuery,
  StepQuery,
} from './query.js'

/** A query once checked: its values are in the form in which they are stored. */
type Parsed<F extends Record<string, Parse<unknown>>> = { readonly [K in keyof F]?: ReturnType<F[K]> }

/** Turns the value of a field into its stored form, or throws. */
type Parse<T> = (value: unknown, field: string) => T

/** Items of a page whose size nobody said. @see PageOptions.size */
const DEFAULT_PAGE_SIZE = 100
const MAX_PAGE_SIZE = 10_000

const listing = { order: oneOf('asc', 'desc'), limit: wholeNumberFrom(1) }
const window = { since: time, until: time }

const followFields = {
  tenantId: id,
  sessionId: id,
  runId: id,
  agent: id,
  actorId: id,
  tool: storedText,
  type: oneOrMany(id),
  since: time,
  content: oneOf<ContentChoice>(...CONTENT_CHOICES),
} satisfies Record<keyof FollowQuery, Parse<unknown>>

const eventFields = {
  ...followFields,
  until: time,
  afterSeq: wholeNumberFrom(-1),
  beforeSeq: wholeNumberFrom(0),
  ...listing,
} satisfies Record<keyof EventQuery, Parse<unknown>>

const runFields = {
  tenantId: id,
  sessionId: id,
  agent: id,
  actorId: id,
  status: oneOrMany(oneOf<RunStatus>(...RUN_STATUSES)),
  ...window,
  minTotalTokens: wholeNumberFrom(0),
  minCostUsd: amount,
  minDurationMs: amount,
  ...listing,
} satisfies Record<keyof RunQuery, Parse<unknown>>

const sessionFields = { tenantId: id, ...window, ...listing } satisfies Record<keyof SessionQuery, Parse<unknown>>

const agentFields = { tenantId: id, ...window, ...listing } satisfies Record<keyof AgentQuery, Parse<unknown>>

const statsFields = {
  tenantId: id,
  sessionId: id,
  runId: id,
  agent: id,
  actorId: id,
  tool: storedText,
  ...window,
  groupBy: oneOf<StatsGrouping>('agent', 'model', 'day'),
} satisfies Record<keyof StatsQuery, Parse<unknown>>

const pageFields = { size: wholeNumberFrom(1, MAX_PAGE_SIZE) } satisfies Record<
  Exclude<keyof PageOptions, 'cursor'>,
  Parse<unknown>
>

const stepFields = { ...listing } satisfies Record<keyof StepQuery, Parse<unknown>>

const runRefFields = { tenantId: id } satisfies Record<keyof RunRef, Parse<unknown>>

export type ParsedFollowQuery = Parsed<typeof followFields>
export type ParsedEventQuery = Parsed<typeof eventFields>
export type ParsedRunQuery = Parsed<typeof runFields>
export type ParsedStepQuery = ReturnType<typeof parseRunRef> & Parsed<typeof stepFields>
export type ParsedSessionQuery = Parsed<typeof sessionFields>
export type ParsedAgentQuery = Parsed<typeof agentFields>
export type ParsedStatsQuery = Parsed<typeof statsFields>

/** @throws AuditLogError `AUDIT_QUERY_INVALID` */
export function parseEventQuery(query: unknown): ParsedEventQuery {
  const parsed = parseFields(query, eventFields)
  assertWindow(parsed)
  const { afterSeq, beforeSeq } = parsed
  if (afterSeq !== undefined && beforeSeq !== undefined && afterSeq >= beforeSeq) {
    throw invalidQuery('afterSeq', `${afterSeq} is not less than beforeSeq, ${beforeSeq}: no event lies between`)
  }
  return parsed
}

/** @throws AuditLogError `AUDIT_QUERY_INVALID` */
export function parseFollowQuery(query: unknown): ParsedFollowQuery {
  return parseFields(query, followFields)
}

/** @throws AuditLogError `AUDIT_QUERY_INVALID` */
export function parseRunQuery(query: unknown): ParsedRunQuery {
  const parsed = parseFields(query, runFields)
  assertWindow(parsed)
  return parsed
}

/** @throws AuditLogError `AUDIT_QUERY_INVALID` */
export function parseSessionQuery(query: unknown): ParsedSessionQuery {
  const parsed = parseFields(query, sessionFields)
  assertWindow(parsed)
  return parsed
}

/** @throws AuditLogError `AUDIT_QUERY_INVALID` */
export function parseAgentQuery(query: unknown): ParsedAgentQuery {
  const parsed = parseFields(query, agentFields)
  assertWindow(parsed)
  return parsed
}

/** @throws AuditLogError `AUDIT_QUERY_INVALID` */
export function parseStatsQuery(query: unknown): ParsedStatsQuery {
  const parsed = parseFields(query, statsFields)
  assertWindow(parsed)
  return parsed
}

/** The cursor is checked by who knows its query. @throws AuditLogError `AUDIT_QUERY_INVALID` */
export function parsePageOptions({ cursor, ...options }: PageOptions): {
  readonly cursor: string | undefined
  readonly size: number
} {
  return { cursor, size: DEFAULT_PAGE_SIZE, ...parseFields(options, pageFields) }
}

/** @throws AuditLogError `AUDIT_QUERY_INVALID` */
export function parseRunRef(runId: unknown, ref: unknown): { readonly runId: string; readonly tenantId?: string } {
  return { runId: id(runId, 'runId'), ...parseFields(ref, runRefFields) }
}

/** @throws AuditLogError `AUDIT_QUERY_INVALID` */
export function parseStepQuery(run: ReturnType<typeof parseRunRef>, query: unknown): ParsedStepQuery {
  return { ...run, ...parseFields(query, stepFields) }
}

/** @throws AuditLogError `AUDIT_QUERY_INVALID` */
export function parseSeq(seq: unknown): number {
  return wholeNumberFrom(0)(seq, 'seq')
}

/** An event type that neither this version nor the log knows. */
export function unknownTypeError(type: string, known: readonly string[]): AuditLogError {
  const nearest = nearestName(type, known)
  const hint = nearest === undefined ? `the known types are ${known.join(', ')}` : `did you mean '${nearest}'?`
  return invalidQuery('type', `${shown(type)} is no known event type, and the log has no event of it; ${hint}`)
}

export function invalidQuery(field: string, message: string): AuditLogError {
  return new AuditLogError('AUDIT_QUERY_INVALID', `Invalid query: ${field}: ${message}`)
}

function plainObject(query: unknown): Record<string, unknown> {
  if (isPlainObject(query)) return query
  throw invalidQuery('query', `expected an object of filters, not ${shown(query)}`)
}

function parseFields<F extends Record<string, Parse<unknown>>>(asked: unknown, fields: F): Parsed<F> {
  // Attacker-controlled: a query may be JSON of a client; only the fields of the table are read, and each is checked.
  const query = plainObject(asked)
  const parsed: Record<string, unknown> = {}
  for (const field of Object.keys(query)) {
    const parse = Object.hasOwn(fields, field) ? fields[field] : undefined
    if (!parse) throw unknownField(field, Object.keys(fields))
    const value = query[field]
    if (value === undefined) throw invalidQuery(field, `is undefined; leave the field out to not filter by it`)
    parsed[field] = parse(value, field)
  }
  return parsed as Parsed<F>
}

function unknownField(field: string, known: readonly string[]): AuditLogError {
  const nearest = nearestName(field, known)
  const hint = nearest === undefined ? `the fields are ${known.join(', ')}` : `did you mean '${nearest}'?`
  return invalidQuery(beginning(field, MAX_SHOWN_LENGTH), `no such field; ${hint}`)
}

function assertWindow({ since, until }: { since?: Timestamp; until?: Timestamp }): void {
  if (since === undefined || until === undefined || since < until) return
  throw invalidQuery('since', `${since} is not before until, ${until}: no time lies between`)
}

function id(value: unknown, field: string): string {
  return storedId(text(value, field))
}

function text(value: unknown, field: string): string {
  if (typeof value === 'string' && value !== '') return value
  throw invalidQuery(field, `expected a non-empty string, not ${shown(value)}`)
}

/** Text of `data` is stored as it is, well-formed. */
function storedText(value: unknown, field: string): string {
  return text(value, field).toWellFormed()
}

function time(value: unknown, field: string): Timestamp {
  const timestamp = parseTimestamp(value)
  if (timestamp !== undefined) return timestamp
  const accepted = 'an RFC 3339 time such as 2026-11-21T22:35:06.753Z, a Date, or milliseconds since the Unix epoch'
  throw invalidQuery(field, `expected ${accepted}, not ${shown(value)}`)
}

function wholeNumberFrom(least: number, most = Number.MAX_SAFE_INTEGER): Parse<number> {
  const range = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`
  return (value, field) => {
    if (Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most) return value as number
    throw invalidQuery(field, `expected a whole number ${range}, not ${shown(value)}`)
  }
}

function amount(value: unknown, field: string): number {
  if (typeof value === 'number' && value >= 0 && value < Infinity) return value
  throw invalidQuery(field, `expected a number of at least 0, not ${shown(value)}`)
}

function oneOf<T extends string>(...choices: readonly T[]): Parse<T> {
  return (value, field) => {
    const choice = choices.find((candidate) => candidate === value)
    if (choice !== undefined) return choice
    const accepted = choices.map((candidate) => `'${candidate}'`).join(', ')
    throw invalidQuery(field, `expected one of ${accepted}, not ${shown(value)}`)
  }
}

function oneOrMany<T>(parse: Parse<T>): Parse<readonly T[]> {
  return (value, field) => {
    if (!Array.isArray(value)) return [parse(value, field)]
    if (value.length === 0) throw invalidQuery(field, 'an empty list matches nothing; leave the field out to match all')
    // A list may have holes, which `map` would skip.
    return [...new Set(Array.from(value, (item: unknown) => parse(item, field)))]
  }
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  // By its depth, not its identity: an object of another realm is as good.
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

const MAX_SHOWN_LENGTH = 80

/** A value as a message shows it: short, and whatever it is. */
function shown(value: unknown): string {
  if (typeof value === 'string') return `'${beginning(value, MAX_SHOWN_LENGTH)}'`
  if (value instanceof Date) return 'an invalid Date'
  if (Array.isArray(value)) return 'an array'
  if (typeof value === 'function') return 'a function'
  if (typeof value === 'object' && value !== null) return 'an object'
  return String(value)
}
