import { addSpan } from './findings.js'
import type { SeqSpan } from './report.js'

/** Types of the log's own statements that decide over its verdict. */
export const STATEMENT_TYPES: ReadonlySet<string> = new Set([
  'audit_log_diverged',
  'events_dropped',
  'events_recovered',
  'ledger_joined',
  'siblings_noted',
  'signing_key_changed',
  'staging_adopted',
])

/** Statements of one kind. */
export interface Tally {
  /** Number of entries. */
  entries: number
  /** Number of events that they are about. */
  events: number
  /** Their positions: the first hundred stretches. */
  readonly spans: SeqSpan[]
}

/**
 * Counts of the statements that a log makes about itself, in memory that does not grow with the log. Plain data, so
 * that it can pass between threads.
 */
export interface StatementTallies {
  /** `events_dropped`. */
  readonly dropped: Tally
  /** `audit_log_diverged`. */
  readonly diverged: Tally
  /** `events_recovered`, with all the events that were taken over. */
  readonly recovered: Tally
  /** Statements that took over events which nothing outside the log attests, with the number of these events. */
  readonly unattested: Tally
  /** Entries that look like a statement, and are not the log's own. */
  readonly foreign: Tally
}

/** The entry of a statement whose data decides over the verdict: counting it is not enough. */
export interface StatementEntry {
  readonly seq: number
  /** `signing_key_changed`, `ledger_joined` or `siblings_noted`. */
  readonly type: string
  readonly data: unknown
}

/** Types of the statements whose data is needed. */
const NEEDED: ReadonlySet<unknown> = new Set(['signing_key_changed', 'ledger_joined', 'siblings_noted'])

/** The fields of an event by which a statement is recognised. */
interface StatedEvent {
  readonly type?: unknown
  readonly statementOf?: unknown
  readonly data?: unknown
}

/** Counts the statements that a log makes about itself. */
export class Statements {
  readonly tallies: StatementTallies = {
    dropped: newTally(),
    diverged: newTally(),
    recovered: newTally(),
    unattested: newTally(),
    foreign: newTally(),
  }
  readonly #origins: readonly string[] | undefined

  /** @param origins - names of the log; `undefined` where they are not known: then each statement counts as its own */
  constructor(origins: readonly string[] | undefined) {
    this.#origins = origins
  }

  /**
   * Takes an event of one of the {@link STATEMENT_TYPES}.
   *
   * Attacker-controlled: the fields of any entry; counts are whole numbers from 1 on, and spans and tallies are bounded.
   *
   * @returns the statement where its data is needed
   */
  add(seq: number, { type, statementOf, data }: StatedEvent): StatementEntry | undefined {
    const { dropped, diverged, recovered, unattested, foreign } = this.tallies
    if (typeof statementOf !== 'string' || this.#origins?.includes(statementOf) === false) {
      count(foreign, seq, 0)
      return undefined
    }
    switch (type) {
      case 'events_dropped':
        count(dropped, seq, numberIn(data, 'count'))
        return undefined
      case 'audit_log_diverged':
        count(diverged, seq, 0)
        return undefined
      case 'events_recovered': {
        count(recovered, seq, numberIn(data, 'count'))
        const events = numberIn(data, 'unattested')
        if (events > 0) count(unattested, seq, events)
        return undefined
      }
      case 'staging_adopted': {
        const events = numberIn(data, 'unattested')
        if (events > 0) count(unattested, seq, events)
        return undefined
      }
      default:
        return NEEDED.has(type) ? { seq, type: type as string, data } : undefined
    }
  }

  merge(others: StatementTallies): void {
    for (const [name, { entries, events, spans }] of Object.entries(others) as [keyof StatementTallies, Tally][]) {
      const tally = this.tallies[name]
      tally.entries += entries
      tally.events += events
      for (const span of spans) addSpan(tally.spans, span)
    }
  }
}

/** Returns the number of events that an `events_dropped` is about. @param data - of the event */
export function droppedBy(data: unknown): number {
  return numberIn(data, 'count')
}

function newTally(): Tally {
  return { entries: 0, events: 0, spans: [] }
}

function count(tally: Tally, seq: number, events: number): void {
  tally.entries++
  tally.events += events
  addSpan(tally.spans, { from: seq, to: seq + 1 })
}

function numberIn(data: unknown, field: 'count' | 'unattested'): number {
  const value = (data as { readonly [name: string]: unknown } | null | undefined)?.[field]
  return Number.isSafeInteger(value) && (value as number) > 0 ? (value as number) : 0
}
